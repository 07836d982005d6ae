"""Targets: the one service of tests/contract/service, running here or in some other cloud.

A pytest plugin: ``--target=embedded`` (default), ``ministack``, ``localstack`` or ``aws``. Tests
know only the ``cloud`` fixture; what a target cannot do is listed in ``GAPS`` and skipped.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

SERVICE = Path(__file__).parent / "service"
TEMPLATE = SERVICE / "packaged" / "template.json"
REGION = "eu-central-1"
PATIENCE_S = 25.0

# What a target is known not to do, and where that is written down.
GAPS: dict[str, dict[str, str]] = {
    "ministack": {
        "error_class": "MiniStack 1.5.33 reports every exception as Runtime.HandlerError",
        "cookies": "MiniStack 1.5.33 passes cookies as a header only",
        "cors": "MiniStack 1.5.33 ignores the CORS configuration of an HTTP API",
        "error_status": "MiniStack 1.5.33 answers 502 with the error's details",
        "url": "MiniStack 1.5.33 gives function URLs a host name only a resolver of its own knows",
        "streaming": "MiniStack 1.5.33 buffers function URLs",
        "subprotocol": "MiniStack 1.5.33 does not pass the subprotocol back",
        "post_policy": "MiniStack 1.5.33 ignores the policy of a presigned POST",
        "retries": "MiniStack 1.5.33 does not repeat a failed asynchronous invocation",
        "socket_errors": "MiniStack 1.5.33 has its own words for a route that fails",
        "socket_unauthorized": "MiniStack 1.5.33 answers 500 where an authorizer means 401",
        "reserved_routes": "MiniStack 1.5.33 lets a frame choose $connect",
        "described_connections": "MiniStack 1.5.33 names the fields of a connection differently",
        "limits": "MiniStack 1.5.33 enforces no payload limits",
        "schedule": "a rate of one minute fires after the test's patience",
        "rule_target": "MiniStack 1.5.33 does not start executions from rules",
    },
    "localstack": {
        "http": "API Gateway v2 needs a LocalStack licence",
        "sockets": "WebSocket APIs need a LocalStack licence",
        "streaming": "LocalStack buffers function URLs",
        "schedule": "a rate of one minute fires after the test's patience",
    },
    "aws": {"schedule": "a rate of one minute fires after the test's patience"},
    "embedded": {},
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--target``, for a deployed stage ``--stack``, and where OpenSearch's API is written."""
    group = parser.getgroup("contract")
    group.addoption("--target", choices=sorted(GAPS), default="embedded")
    group.addoption("--stack", default="wires-dev", help="CloudFormation stack for --target=aws")
    group.addoption("--opensearch-spec", default="", help="Folder of OpenSearch's specification")


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker that names what a test needs from its target."""
    config.addinivalue_line("markers", "needs(gap): skipped on targets with that known gap")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose target has a known gap."""
    gaps = GAPS[item.config.getoption("--target")]
    for marker in item.iter_markers("needs"):
        for name in marker.args:
            if name in gaps:
                pytest.skip(gaps[name])


@dataclass(frozen=True)
class Cloud:
    """Where the service runs: clients, addresses and physical names by logical id."""

    target: str
    client: Callable[[str], Any]
    http: str
    websocket: str
    connections: str
    urls: dict[str, str]
    names: dict[str, str] = field(default_factory=dict)

    def evidence(self, kind: str, where: Callable[[Any], bool], *, count: int = 1) -> list[Any]:
        """Wait until functions have left ``count`` matching pieces of evidence; return them."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            found = [seen for seen in self._evidence(kind) if where(seen)]
            if len(found) >= count:
                return found
            assert time.monotonic() < deadline, f"only {len(found)} of {count} {kind}"
            time.sleep(0.05)

    def _evidence(self, kind: str) -> Iterator[Any]:
        client, bucket = self.client("s3"), self.names["EvidenceBucket"]
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{kind}/")
        for page in pages:
            for entry in page.get("Contents", []):
                body = client.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read()
                yield json.loads(body)


def wait_for(condition: Callable[[], Any], *, seconds: float = PATIENCE_S) -> Any:
    """Return the condition's first true value; fail when there is none in time."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)
    return value


@pytest.fixture(scope="session")
def cloud(request: pytest.FixtureRequest) -> Iterator[Cloud]:
    """Run the service on the chosen target for the whole session."""
    makers = {
        "embedded": _embedded,
        "ministack": _ministack,
        "localstack": _localstack,
        "aws": lambda: _aws(request.config.getoption("--stack")),
    }
    with makers[request.config.getoption("--target")]() as made:
        yield made


@contextmanager
def _embedded() -> Iterator[Cloud]:
    from infra.local.runtime import Runtime

    folder = Path(tempfile.mkdtemp(prefix="kontor-contract-"))
    runtime = Runtime(SERVICE, folder / "data", http_port=0, aws_port=0, stage="dev")
    try:
        runtime.start()
        assert runtime.provisioner is not None
        ids = ("EvidenceBucket", "UploadBucket", "WorkQueue", "WorkDeadLetters", "FactsQueue")
        names = {i: runtime.provisioner.intrinsics.text({"Ref": i}, i) for i in ids}
        names |= {"FactsBus": "wires-dev", "chain": _machine_arn(runtime.client)}
        at = runtime.endpoints
        urls = dict(at.urls)
        yield Cloud("embedded", runtime.client, at.http, at.websocket, at.connections, urls, names)
    finally:
        runtime.stop()
        shutil.rmtree(folder)


def _machine_arn(client: Callable[[str], Any]) -> str:
    machines = client("stepfunctions").list_state_machines()["stateMachines"]
    return str(next(m["stateMachineArn"] for m in machines if m["name"] == "wires-dev-chain"))


def _clients(endpoint: str | None) -> Callable[[str], Any]:
    options: dict[str, Any] = {"region_name": REGION}
    if endpoint:
        options |= {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    made: dict[str, Any] = {}

    def client(service: str) -> Any:
        if service not in made:
            config = Config(s3={"addressing_style": "path"}, read_timeout=60)
            made[service] = boto3.client(service, endpoint_url=endpoint, config=config, **options)
        return made[service]

    return client


@contextmanager
def _ministack() -> Iterator[Cloud]:
    """Start MiniStack on loopback and deploy the packaged template to it."""
    own = str(Path(__file__).parents[2] / "build" / "ministack" / "bin")
    program = shutil.which("ministack", path=own) or shutil.which("ministack")
    if program is None:
        pytest.skip("MiniStack is not installed: make test-extras does it")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = dict(os.environ)  # noqa: TID251 - a child process of the test
    # Without BIND_HOST it would listen on every interface.
    environment |= {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "EDGE_PORT": str(port)}
    folder = tempfile.mkdtemp(prefix="ministack-")
    with Path(folder, "log").open("wb") as log:
        process = subprocess.Popen([program], env=environment, cwd=folder, stdout=log, stderr=log)
    try:
        endpoint = f"http://127.0.0.1:{port}"
        wait_for(lambda: _answers(endpoint))
        yield _deployed("ministack", endpoint)
    finally:
        process.terminate()
        process.wait(10)
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _localstack() -> Iterator[Cloud]:
    """Use a LocalStack somebody started (``LOCALSTACK_HOST`` or ``AWS_ENDPOINT_URL``)."""
    localstack = pytest.importorskip(
        "localstack_client.config", reason="localstack-client is not installed"
    )
    given = os.environ.get("AWS_ENDPOINT_URL")  # noqa: TID251 - chosen by whoever runs the tests
    endpoint = given or localstack.get_service_endpoint("s3")
    if not _answers(f"{endpoint}/_localstack/health"):
        pytest.skip(f"no LocalStack answers at {endpoint}")
    yield _deployed("localstack", endpoint)


@contextmanager
def _aws(stack: str) -> Iterator[Cloud]:
    """Use a stage that ``osls deploy`` made in a real account."""
    clients = _clients(None)
    if boto3.session.Session().get_credentials() is None:
        pytest.skip("there are no AWS credentials")
    outputs = clients("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]["Outputs"]
    values = {output["OutputKey"]: output["OutputValue"] for output in outputs}
    socket_url = values["ServiceEndpointWebsocket"]
    names = _names(clients, stack)
    urls = {
        "chat_stream": values["ChatUnderscorestreamLambdaFunctionUrl"].rstrip("/"),
        "address": values["AddressLambdaFunctionUrl"].rstrip("/"),
    }
    management = socket_url.replace("wss://", "https://")
    yield Cloud("aws", clients, values["HttpApiUrl"], socket_url, management, urls, names)


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=2).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def _deployed(target: str, endpoint: str) -> Cloud:
    """Create the packaged stack on an emulator."""
    clients, stack = _clients(endpoint), "wires-dev"
    template = json.loads(TEMPLATE.read_text())
    _upload_code(clients, template)
    _without_unsupported(template)
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Lambda::Function":
            variables = resource["Properties"]["Environment"]["Variables"]
            variables["AWS_ENDPOINT_URL"] = endpoint
    formation = clients("cloudformation")
    formation.create_stack(
        StackName=stack,
        TemplateBody=json.dumps(template),
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    status = wait_for(
        lambda: (
            (s := formation.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]).endswith(
                ("COMPLETE", "FAILED")
            )
            and s
        ),
        seconds=120,
    )
    assert status == "CREATE_COMPLETE", status
    apis = clients("apigatewayv2").get_apis()["Items"]
    ids = {api["ProtocolType"]: api["ApiId"] for api in apis}
    base = f"{endpoint}/_aws/execute-api"
    sockets = f"{base}/{ids['WEBSOCKET']}/dev"
    urls = {
        key: clients("lambda")
        .get_function_url_config(FunctionName=f"wires-dev-{key}")["FunctionUrl"]
        .rstrip("/")
        for key in ("chat_stream", "address")
    }
    http = f"{base}/{ids['HTTP']}/$default"
    names = _names(clients, stack)
    _tell_socket_function(clients, sockets)
    return Cloud(target, clients, http, sockets.replace("http", "ws", 1), sockets, urls, names)


def _tell_socket_function(clients: Callable[[str], Any], management: str) -> None:
    """Give the function that pushes frames the emulator's own management address."""
    client, name = clients("lambda"), "wires-dev-socket"
    found = client.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    variables = {**found, "WEBSOCKET_ENDPOINT": management}
    client.update_function_configuration(FunctionName=name, Environment={"Variables": variables})


def _names(clients: Callable[[str], Any], stack: str) -> dict[str, str]:
    resources = clients("cloudformation").describe_stack_resources(StackName=stack)
    names = {
        resource["LogicalResourceId"]: resource["PhysicalResourceId"]
        for resource in resources["StackResources"]
    }
    return names | {"chain": names["WiresDashdevDashchain"]}


def _upload_code(clients: Callable[[str], Any], template: dict[str, Any]) -> None:
    """Put the functions' code where the template points."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as package:
        for path in SERVICE.rglob("functions/**/*.py"):
            package.write(path, path.relative_to(SERVICE))
    bucket = "wires-deployment"
    configuration = {"LocationConstraint": REGION}
    clients("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration=configuration)
    for resource in template["Resources"].values():
        for part in ("Code", "Content"):
            place = resource.get("Properties", {}).get(part)
            if isinstance(place, dict) and "S3Key" in place:
                place["S3Bucket"] = bucket
                clients("s3").put_object(Bucket=bucket, Key=place["S3Key"], Body=archive.getvalue())


def _without_unsupported(template: dict[str, Any]) -> None:
    """Take out what MiniStack cannot create and nothing local needs."""
    unsupported = {"AWS::ApiGatewayV2::Deployment", "AWS::ApiGatewayV2::RouteResponse"}
    resources = template["Resources"]
    gone = {key for key, resource in resources.items() if resource["Type"] in unsupported}
    for key in gone:
        del resources[key]
    for resource in resources.values():
        needed = resource.get("DependsOn", [])
        kept = [k for k in ([needed] if isinstance(needed, str) else needed) if k not in gone]
        resource["DependsOn"] = kept
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::ApiGatewayV2::Stage" and "DeploymentId" in properties:
            del properties["DeploymentId"]
            properties["AutoDeploy"] = True
    outputs = template.get("Outputs", {})
    template["Outputs"] = {
        key: output
        for key, output in outputs.items()
        if not any(name in json.dumps(output) for name in gone)
    }
