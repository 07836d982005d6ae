"""Provisioning: make what the routing model names, in the cloud the functions will talk to."""

from __future__ import annotations

import json
import logging
import secrets
import string
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from infra.local.documents import Json, items, number, table, text
from infra.local.intrinsics import Intrinsics
from infra.local.routing import Resource, RoutingModel
from shared.kernel.errors import InvalidError

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_sqs import SQSClient

logger = logging.getLogger(__name__)

ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/local"
QUEUE_ATTRIBUTES = (
    "ContentBasedDeduplication",
    "DelaySeconds",
    "FifoQueue",
    "MaximumMessageSize",
    "MessageRetentionPeriod",
    "ReceiveMessageWaitTimeSeconds",
    "VisibilityTimeout",
)
# CloudFormation and the S3 API call the same members of a CORS rule by different names.
CORS_NAMES = {"ExposedHeaders": "ExposeHeaders", "Id": "ID", "MaxAge": "MaxAgeSeconds"}
Clients = Callable[[str], Any]


class Provisioner:
    """Makes resources first, then what needs functions; fills ``intrinsics`` on the way."""

    def __init__(self, model: RoutingModel, clients: Clients, websocket_url: str) -> None:
        self._model = model
        self._clients = clients
        self.intrinsics = Intrinsics(
            {
                "AWS::Region": model.region,
                "AWS::AccountId": ACCOUNT,
                "AWS::Partition": "aws",
                "AWS::URLSuffix": "amazonaws.com",
                "AWS::StackName": f"{model.service}-{model.stage}",
                "WebsocketsApi": "sockets",
                "HttpApi": "http",
            }
        )
        self.intrinsics.define("WebsocketsApi", "sockets", ApiEndpoint=websocket_url)

    # -- what a service declares ---------------------------------------------------------------

    def make_resources(self) -> None:
        """Make buckets, queues, buses, secrets and parameters; ones that exist are kept."""
        self._name_functions()
        makers: dict[str, Callable[[Resource], None]] = {
            "AWS::Events::EventBus": self._make_bus,
            "AWS::S3::Bucket": self._make_bucket,
            "AWS::SecretsManager::Secret": self._make_secret,
            "AWS::SQS::Queue": self._make_queue,
            "AWS::SSM::Parameter": self._make_parameter,
        }
        # A queue with a dead-letter queue needs that one first.
        for resource in sorted(
            self._model.resources, key=lambda r: "RedrivePolicy" in r.properties
        ):
            makers[resource.kind](resource)

    def _name_functions(self) -> None:
        prefix = f"arn:aws:lambda:{self._model.region}:{ACCOUNT}:function:"
        for function in self._model.functions:
            arn = prefix + function.name
            self.intrinsics.define(function.logical_id, function.name, Arn=arn)
        states = f"arn:aws:states:{self._model.region}:{ACCOUNT}:stateMachine:"
        for machine in self._model.state_machines:
            arn = states + machine.name
            self.intrinsics.define(machine.logical_id, arn, Arn=arn, Name=machine.name)

    def _name(self, resource: Resource, field: str) -> str:
        given = resource.properties.get(field)
        if given is None:
            return f"{self._model.service}-{self._model.stage}-{resource.logical_id}".lower()
        return self.intrinsics.text(given, f"{resource.logical_id}.{field}")

    def _make_bucket(self, resource: Resource) -> None:
        client = self._clients("s3")
        name = self._name(resource, "BucketName")
        if name not in {bucket["Name"] for bucket in client.list_buckets().get("Buckets", [])}:
            place = {"LocationConstraint": self._model.region}
            where = (
                {} if self._model.region == "us-east-1" else {"CreateBucketConfiguration": place}
            )
            is_locked = resource.properties.get("ObjectLockEnabled") is True
            client.create_bucket(Bucket=name, ObjectLockEnabledForBucket=is_locked, **where)
        versioning = table(resource.properties.get("VersioningConfiguration"), name)
        if versioning.get("Status") == "Enabled":
            client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        cors = table(resource.properties.get("CorsConfiguration"), name)
        if cors:
            rules = [
                {CORS_NAMES.get(key, key): value for key, value in table(rule, name).items()}
                for rule in items(self.intrinsics.resolve(cors.get("CorsRules")), name)
            ]
            client.put_bucket_cors(Bucket=name, CORSConfiguration={"CORSRules": rules})
        self.intrinsics.define(
            resource.logical_id,
            name,
            Arn=f"arn:aws:s3:::{name}",
            DomainName=f"{name}.s3.amazonaws.com",
        )

    def _make_queue(self, resource: Resource) -> None:
        client: SQSClient = self._clients("sqs")
        name = self._name(resource, "QueueName")
        attributes = {
            key: self.intrinsics.text(resource.properties[key], f"{name}.{key}")
            for key in QUEUE_ATTRIBUTES
            if key in resource.properties
        }
        if "RedrivePolicy" in resource.properties:
            policy = self.intrinsics.table(resource.properties["RedrivePolicy"], name)
            attributes["RedrivePolicy"] = json.dumps(policy)
        url = client.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]  # type: ignore[arg-type]
        arn = f"arn:aws:sqs:{self._model.region}:{ACCOUNT}:{name}"
        self.intrinsics.define(resource.logical_id, url, Arn=arn, QueueName=name, QueueUrl=url)

    def _make_bus(self, resource: Resource) -> None:
        client: EventBridgeClient = self._clients("events")
        name = self._name(resource, "Name")
        if name not in {bus["Name"] for bus in client.list_event_buses()["EventBuses"]}:
            client.create_event_bus(Name=name)
        arn = f"arn:aws:events:{self._model.region}:{ACCOUNT}:event-bus/{name}"
        self.intrinsics.define(resource.logical_id, name, Arn=arn, Name=name)

    def _make_secret(self, resource: Resource) -> None:
        client = self._clients("secretsmanager")
        name = self._name(resource, "Name")
        try:
            arn = client.describe_secret(SecretId=name)["ARN"]
        except client.exceptions.ResourceNotFoundException:
            # One that is declared without a value stays empty, as on AWS, until somebody fills it.
            has_value = {"SecretString", "GenerateSecretString"} & resource.properties.keys()
            value = {"SecretString": self._secret_value(resource)} if has_value else {}
            arn = client.create_secret(Name=name, **value)["ARN"]
        self.intrinsics.define(resource.logical_id, arn, Arn=arn, Id=arn)

    def _secret_value(self, resource: Resource) -> str:
        if "SecretString" in resource.properties:
            return self.intrinsics.text(resource.properties["SecretString"], resource.logical_id)
        wish = table(resource.properties.get("GenerateSecretString"), resource.logical_id)
        alphabet = string.ascii_letters + string.digits
        if wish.get("ExcludePunctuation") is not True:
            alphabet += "!#$%&()*+,-./:;<=>?@[]^_{|}~"
        length = number(wish.get("PasswordLength", 32), resource.logical_id)
        password = "".join(secrets.choice(alphabet) for _ in range(length))
        if "GenerateStringKey" not in wish:
            return password
        template = json.loads(text(wish.get("SecretStringTemplate", "{}"), resource.logical_id))
        key = text(wish["GenerateStringKey"], resource.logical_id)
        return json.dumps({**template, key: password})

    def _make_parameter(self, resource: Resource) -> None:
        name = self._name(resource, "Name")
        value = self.intrinsics.text(resource.properties.get("Value"), name)
        kind = text(resource.properties.get("Type", "String"), name)
        self._clients("ssm").put_parameter(Name=name, Value=value, Type=kind, Overwrite=True)
        self.intrinsics.define(resource.logical_id, name, Type=kind, Value=value)

    # -- what needs functions ------------------------------------------------------------------

    def make_wires(self) -> None:
        """Make state machines, rules and notifications."""
        self._make_state_machines()
        self._make_rules()
        for resource in self._model.resources:
            if resource.kind == "AWS::S3::Bucket":
                self._make_notifications(resource)

    def _make_state_machines(self) -> None:
        client = self._clients("stepfunctions")
        for machine in self._model.state_machines:
            client.create_state_machine(
                name=machine.name,
                definition=json.dumps(self.intrinsics.resolve(machine.definition)),
                roleArn=ROLE,
                type=machine.kind,
            )

    def _make_rules(self) -> None:
        client: EventBridgeClient = self._clients("events")
        for index, rule in enumerate(self._model.rules):
            bus = "default" if rule.bus is None else self.intrinsics.text(rule.bus, "eventBus")
            name = f"rule-{index}"
            client.put_rule(
                Name=name,
                EventBusName=bus,
                EventPattern=json.dumps(self.intrinsics.resolve(rule.pattern)),
                State="ENABLED" if rule.is_enabled else "DISABLED",
            )
            arn = self.intrinsics.text({"Fn::GetAtt": [rule.target, "Arn"]}, "target")
            client.put_targets(Rule=name, EventBusName=bus, Targets=[{"Id": "target", "Arn": arn}])

    def _make_notifications(self, resource: Resource) -> None:
        wanted = table(resource.properties.get("NotificationConfiguration"), resource.logical_id)
        if not wanted:
            return
        configuration: dict[str, Any] = {}
        if "EventBridgeConfiguration" in wanted:
            configuration["EventBridgeConfiguration"] = {}
        for kind, field, made in (
            ("QueueConfigurations", "Queue", "QueueArn"),
            ("LambdaConfigurations", "Function", "LambdaFunctionArn"),
        ):
            entries = items(wanted.get(kind), resource.logical_id)
            if entries:
                target = kind if kind.startswith("Queue") else "LambdaFunctionConfigurations"
                configuration[target] = [
                    self._notification(table(e, kind), field, made) for e in entries
                ]
        bucket = self.intrinsics.text({"Ref": resource.logical_id}, "bucket")
        self._clients("s3").put_bucket_notification_configuration(
            Bucket=bucket, NotificationConfiguration=configuration
        )

    def _notification(self, entry: Mapping[str, Json], field: str, made: str) -> dict[str, Any]:
        configured: dict[str, Any] = {
            made: self.intrinsics.text(entry.get(field), field),
            "Events": [text(entry.get("Event"), "Event")],
        }
        rules = list(_filter_rules(entry))
        if rules:
            configured["Filter"] = {"Key": {"FilterRules": rules}}
        return configured

    def environment(self, function: str) -> dict[str, str]:
        """Return a function's environment with everything resolved."""
        declared = self._model.function(function).environment
        return {name: self.intrinsics.text(value, name) for name, value in declared.items()}

    def queue_arn(self, value: Json) -> str:
        """Return the ARN of a mapping's queue."""
        arn = self.intrinsics.text(value, "sqs.arn")
        if ":sqs:" not in arn:
            raise InvalidError(f"{arn} is not the ARN of a queue.", hint="Use !GetAtt Queue.Arn.")
        return arn


def _filter_rules(entry: Mapping[str, Json]) -> Iterator[dict[str, str]]:
    keys = table(table(entry.get("Filter"), "Filter").get("S3Key"), "Filter.S3Key")
    for rule in items(keys.get("Rules"), "Filter.S3Key.Rules"):
        spec = table(rule, "Filter.S3Key.Rules")
        yield {
            "Name": text(spec.get("Name"), "Name").lower(),
            "Value": text(spec["Value"], "Value"),
        }
