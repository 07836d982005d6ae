"""Walls in the packaged template: rights, keys, transport, logs; each check is seen failing."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import pytest
import yaml

from infra.deploy.package import GOLDEN, ROOT
from infra.local.serverless import load_service

# The streams of a log group, the versions of a function, the runs of a state machine: parts of
# what is named before.
_OWN_PARTS = re.compile(
    r":log-group:/aws/lambda/kontor-golden-\w+:\*:\*$|^\$\{functionArn\}:\*$"
    r"|:execution:kontor-golden-\w+:\*$"
)
# The framework makes it and nothing uses it; it may write this stage's logs.
_UNUSED_ROLE = "IamRoleLambdaExecution"
# What in a function's code makes use of a right.
USES = {
    "s3": r"\.objects\b|\.erasure\b|\.scanner\b|\.workshop\b|\.anchors\b",
    "events": r"\.relay|\.bus\b",
    "states": r"\.relay|\.workflows\b",
    "sqs:SendMessage": r"intake_queue|dead_letter_queue|_queue\b",
    "execute-api": r"\.sockets|\.reply",
    "lambda": r"language_model|\.bridge|instruments_of|desk_of|reranker",
}
Resources = dict[str, dict[str, Any]]
STAGE = "kontor-golden"
# Rights on things that other accounts own or that have no name of ours, and why.
ELSEWHERE = {
    "arn:aws:rds-db:${AWS::Region}:${AWS::AccountId}:dbuser:/kontor_app": "the operator's database",
    "arn:aws:bedrock:*::foundation-model/*": "Amazon's models; which one is a route's choice",
    "arn:aws:bedrock:*:${AWS::AccountId}:inference-profile/*": "the account's own profiles",
}


class _Loader(yaml.CSafeLoader):
    """Reads CloudFormation's tags as nothing."""


_Loader.add_multi_constructor("!", lambda *_: None)


def _load() -> Resources:
    resources: Resources = json.loads(GOLDEN.read_text("utf-8"))["Resources"]
    return resources


def _of(resources: Resources, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, resource in resources.items():
        if resource["Type"] == kind:
            yield name, resource["Properties"]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _statements(resources: Resources) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, role in _of(resources, "AWS::IAM::Role"):
        for policy in role.get("Policies", []):
            for statement in policy["PolicyDocument"]["Statement"]:
                yield name, statement
    for name, policy in _of(resources, "AWS::IAM::Policy"):
        for statement in policy["PolicyDocument"]["Statement"]:
            yield name, statement


def _written(target: Any) -> str:
    """Return a resource's ARN as it is written, references kept."""
    if isinstance(target, dict):
        if "Fn::Sub" in target:
            given = target["Fn::Sub"]
            return str(given[0] if isinstance(given, list) else given)
        return json.dumps(target)
    return str(target)


def _refers(target: Any) -> set[str]:
    """Name the resources of this template that an ARN refers to."""
    text = json.dumps(target)
    found = set(re.findall(r'"(?:Ref|Fn::GetAtt)": \[?"(\w+)"', text))
    return found | {
        name for name in re.findall(r"\$\{(\w+)(?:\.\w+)?\}", text) if name != "functionArn"
    }


def wide_rights(resources: Resources) -> list[str]:
    """Complain of rights to do anything, or to do something with anything."""
    complaints = []
    for role, statement in _statements(resources):
        if role == _UNUSED_ROLE:
            continue
        assert statement["Effect"] in {"Allow", "Deny"}
        complaints += [
            f"{role}: {action} is any action"
            for action in _listed(statement["Action"])
            if "*" in action
        ]
        for target in _listed(statement["Resource"]):
            written = _written(target)
            is_ours = bool(_refers(target) & resources.keys()) or STAGE in written
            if not is_ours and written not in ELSEWHERE:
                complaints.append(f"{role}: {written} is nothing of this stage's own")
            if _OWN_PARTS.search(written):
                continue
            if re.search(r":(\*|kontor-golden\*)$|:::\*|^\*$", written):
                complaints.append(f"{role}: {written} is everything of a kind")
        complaints += [
            f"{role}: names {name}, which is not there"
            for name in _refers(statement["Resource"])
            if name not in resources
        ]
    return complaints


def shared_roles(resources: Resources) -> list[str]:
    """Complain of functions without a role of their own, and of rights from elsewhere."""
    roles = [json.dumps(p["Role"]) for _, p in _of(resources, "AWS::Lambda::Function")]
    assert not [role for role in roles if f'"{_UNUSED_ROLE}"' in role]
    complaints = [f"{role} has several functions" for role in set(roles) if roles.count(role) > 1]
    complaints += [
        f"{name}: managed policies change without us"
        for name, role in _of(resources, "AWS::IAM::Role")
        if role.get("ManagedPolicyArns")
    ]
    return complaints


def unused_rights(rights: dict[str, set[str]], code: dict[str, str]) -> list[str]:
    """Complain of rights that a function's code makes no use of; both by function."""
    return [
        f"{function}: nothing there uses {right}"
        for function, held in rights.items()
        for right in sorted(held)
        if (use := USES.get(right) or USES.get(right.partition(":")[0]))
        and not re.search(use, code[function])
    ]


def _declared_rights() -> dict[str, set[str]]:
    """Read what every function.yml asks for."""
    found = {}
    for path in (ROOT / "functions").glob("*/function.yml"):
        spec = yaml.load(path.read_text("utf-8"), _Loader)
        actions = (action for each in spec["iamRoleStatements"] for action in each["Action"])
        found[path.parent.name] = set(actions)
    return found


def _code(function: str) -> str:
    """Return a function's own code with that of the edge it is made of."""
    waiting, seen, text = list((ROOT / "functions" / function).glob("*.py")), set(), ""
    while waiting:
        path = waiting.pop()
        if path not in seen and path.is_file():
            seen.add(path)
            text += path.read_text("utf-8")
            edges = re.findall(r"from functions\.edge\.(\w+)", text)
            waiting += [ROOT / "functions" / "edge" / f"{name}.py" for name in edges]
    return text


def secrets_of_others(resources: Resources) -> list[str]:
    """Complain of functions that may read the signing key though they sign nothing."""
    readers = {
        role
        for role, statement in _statements(resources)
        if "secretsmanager:GetSecretValue" in _listed(statement["Action"])
        and "SigningSecret" in _refers(statement["Resource"])
    }
    return sorted(readers - {"AuthIamRoleLambdaExecution"})


def open_buckets(resources: Resources) -> list[str]:
    """Complain of buckets that are public, unencrypted, or reachable over plain HTTP."""
    policies = {
        json.dumps(p["Bucket"]): p["PolicyDocument"]["Statement"]
        for _, p in _of(resources, "AWS::S3::BucketPolicy")
    }
    complaints = []
    for name, bucket in _of(resources, "AWS::S3::Bucket"):
        statements = policies.get(json.dumps({"Ref": name}), [])
        if not any(_denies_plain_transport(each) for each in statements):
            complaints.append(f"{name}: deny requests without TLS")
        if name == "ServerlessDeploymentBucket":
            continue  # the framework's own: holds packaged code, is private by S3's default
        block = bucket.get("PublicAccessBlockConfiguration", {})
        if len(block) != 4 or not all(block.values()):
            complaints.append(f"{name}: block public access")
        (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        default = rule["ServerSideEncryptionByDefault"]
        if default["SSEAlgorithm"] != "aws:kms" or "KMSMasterKeyID" not in default:
            complaints.append(f"{name}: encrypt with a key of its own")
        if not any(_denies_other_encryption(each) for each in statements):
            complaints.append(f"{name}: refuse objects that are encrypted otherwise")
    return complaints


def _denies_plain_transport(statement: dict[str, Any]) -> bool:
    is_plain = str(statement.get("Condition", {}).get("Bool", {}).get("aws:SecureTransport"))
    return statement["Effect"] == "Deny" and is_plain.lower() == "false"


def _denies_other_encryption(statement: dict[str, Any]) -> bool:
    unequal = statement.get("Condition", {}).get("StringNotEquals", {})
    return (
        statement["Effect"] == "Deny"
        and unequal.get("s3:x-amz-server-side-encryption") == "aws:kms"
    )


def open_queues(resources: Resources) -> list[str]:
    """Complain of queues without a key or reachable over plain HTTP."""
    closed = {
        json.dumps(queue)
        for _, policy in _of(resources, "AWS::SQS::QueuePolicy")
        for queue in policy["Queues"]
        if any(map(_denies_plain_transport, policy["PolicyDocument"]["Statement"]))
    }
    complaints = []
    for name, queue in _of(resources, "AWS::SQS::Queue"):
        if "KmsMasterKeyId" not in queue:
            complaints.append(f"{name}: encrypt with the queues' key")
        if json.dumps({"Ref": name}) not in closed:
            complaints.append(f"{name}: deny requests without TLS")
    return complaints


def loose_secrets(resources: Resources) -> list[str]:
    """Complain of secrets with a value in the template, or without the secrets' key."""
    return [
        f"{name}: no value here, and the secrets' key"
        for name, secret in _of(resources, "AWS::SecretsManager::Secret")
        if "SecretString" in secret or "KmsKeyId" not in secret
    ]


def loose_logs(resources: Resources) -> list[str]:
    """Complain of logs kept for ever or without their key."""
    return [
        f"{name}: RetentionInDays, and KmsKeyId from infra/resources/logs.yml"
        for name, group in _of(resources, "AWS::Logs::LogGroup")
        if "RetentionInDays" not in group or "KmsKeyId" not in group
    ]


def loose_keys(resources: Resources) -> list[str]:
    """Complain of keys that do not rotate, are open to other accounts, or serve two classes."""
    complaints = []
    for name, key in _of(resources, "AWS::KMS::Key"):
        if not key.get("EnableKeyRotation"):
            complaints.append(f"{name}: rotate it")
        for statement in key["KeyPolicy"]["Statement"]:
            given = json.dumps(statement.get("Condition", {}))
            is_everybody = statement["Principal"] == {"AWS": "*"}
            if is_everybody and not ("kms:CallerAccount" in given and "kms:ViaService" in given):
                complaints.append(f"{name}: {statement['Sid']} is open to strangers")
            if "Service" in statement["Principal"] and not given.strip("{}"):
                complaints.append(f"{name}: {statement['Sid']} serves whomever the service serves")
        kinds = {
            resource["Type"]
            for other, resource in resources.items()
            if name in _refers(resource.get("Properties", {}))
            and resource["Type"] not in {"AWS::KMS::Key", "AWS::S3::BucketPolicy"}
        }
        if len(kinds) > 1:
            complaints.append(f"{name}: protects {sorted(kinds)}; one class of data each")
    return complaints


CHECKS: list[Callable[[Resources], list[str]]] = [
    wide_rights, shared_roles, secrets_of_others, open_buckets, open_queues, loose_secrets,
    loose_logs, loose_keys,
]  # fmt: skip


def _allow(**more: Any) -> Callable[[Resources], None]:
    def change(resources: Resources) -> None:
        _, role = next(_of(resources, "AWS::IAM::Role"))
        statement = {"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": "*", **more}
        role["Policies"][0]["PolicyDocument"]["Statement"].append(statement)

    return change


def _drop(kind: str, name: str) -> Callable[[Resources], None]:
    def change(resources: Resources) -> None:
        for found, properties in list(_of(resources, kind)):
            if found != "ServerlessDeploymentBucket":
                properties.pop(name)
                return

    return change


def _remove(kind: str) -> Callable[[Resources], None]:
    def change(resources: Resources) -> None:
        for name, _ in list(_of(resources, kind)):
            del resources[name]

    return change


def _share_role(resources: Resources) -> None:
    functions = [properties for _, properties in _of(resources, "AWS::Lambda::Function")]
    functions[0]["Role"] = functions[1]["Role"]


def _open_key(resources: Resources) -> None:
    resources["DocumentsKey"]["Properties"]["KeyPolicy"]["Statement"][1].pop("Condition")


def _write_secret(resources: Resources) -> None:
    resources["SigningSecret"]["Properties"]["SecretString"] = "x"


BREACHES: list[tuple[Callable[[Resources], list[str]], Callable[[Resources], None]]] = [
    (wide_rights, _allow()),
    (wide_rights, _allow(Action=["s3:*"], Resource="arn:aws:s3:::kontor-golden-media/uploads/*")),
    (wide_rights, _allow(Resource="arn:aws:s3:::*")),
    (wide_rights, _allow(Resource="arn:aws:s3:::somebody-elses")),
    (wide_rights, _allow(Resource={"Ref": "Nothing"})),
    (shared_roles, _share_role),
    (secrets_of_others, _allow(Action="secretsmanager:GetSecretValue",
                               Resource={"Ref": "SigningSecret"})),
    (open_buckets, _drop("AWS::S3::Bucket", "PublicAccessBlockConfiguration")),
    (open_buckets, _remove("AWS::S3::BucketPolicy")),
    (open_queues, _drop("AWS::SQS::Queue", "KmsMasterKeyId")),
    (open_queues, _remove("AWS::SQS::QueuePolicy")),
    (loose_secrets, _drop("AWS::SecretsManager::Secret", "KmsKeyId")),
    (loose_secrets, _write_secret),
    (loose_logs, _drop("AWS::Logs::LogGroup", "KmsKeyId")),
    (loose_logs, _drop("AWS::Logs::LogGroup", "RetentionInDays")),
    (loose_keys, _drop("AWS::KMS::Key", "EnableKeyRotation")),
    (loose_keys, _open_key),
]  # fmt: skip


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_packaged_template_holds(check: Callable[[Resources], list[str]]) -> None:
    assert not check(_load())


def test_every_breach_is_refused() -> None:
    whole = _load()
    for check, breach in BREACHES:
        resources = deepcopy(whole)
        breach(resources)
        assert check(resources), (check.__name__, breach)


def test_no_function_has_a_right_it_does_not_use() -> None:
    rights = _declared_rights()
    assert not unused_rights(rights, {name: _code(name) for name in rights})
    assert unused_rights({"wiki": {"s3:GetObject"}}, {"wiki": "app.database"})


def test_every_class_of_data_has_a_key() -> None:
    keys = {name for name, _ in _of(_load(), "AWS::KMS::Key")}
    assert keys == {"DocumentsKey", "SecretsKey", "QueuesKey", "LogsKey", "TrailKey"}


def test_every_function_has_a_line_in_logs_yml() -> None:
    text = (ROOT / "infra" / "resources" / "logs.yml").read_text("utf-8")
    lines = set(yaml.load(text, _Loader)["extensions"])
    expected = {_group(function.key) for function in load_service(ROOT).functions}
    assert lines == expected, "add or remove lines in infra/resources/logs.yml"


def _group(key: str) -> str:
    return f"{_logical(key)}LogGroup"


def _logical(key: str) -> str:
    """Return a function's name as the framework writes it into names of resources."""
    name = key.replace("_", "Underscore")
    return f"{name[0].upper()}{name[1:]}"


def test_packages_hold_code_and_nothing_else() -> None:
    text = (ROOT / "serverless.yml").read_text("utf-8")
    first, *taken = yaml.load(text, _Loader)["package"]["patterns"]
    assert first == "!**", "everything is left out but what is named"
    assert {each.split("/")[0] for each in taken} == {"functions", "shared"}
    assert {each.rsplit(".", 1)[-1] for each in taken} <= {"py", "sql", "txt", "json"}


class _Referring(yaml.SafeLoader):
    """Reads CloudFormation's references as what they refer to."""


_Referring.add_constructor("!Ref", lambda loader, node: loader.construct_scalar(node))
_Referring.add_multi_constructor("!", lambda *_: None)


def test_exactly_the_functions_that_know_the_database_may_sign_in_to_it() -> None:
    text = (ROOT / "infra" / "resources" / "database.yml").read_text("utf-8")
    policy = yaml.load(text, _Referring)["Resources"]["DatabaseSignInPolicy"]["Properties"]
    expected = {
        f"{_logical(path.parent.name)}IamRoleLambdaExecution"
        for path in (ROOT / "functions").glob("*/function.yml")
        if "!Ref DatabaseSecret" in path.read_text("utf-8")
    }
    assert len(policy["Roles"]) == len(set(policy["Roles"]))
    assert set(policy["Roles"]) == expected, "add or remove lines in infra/resources/database.yml"
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert statement["Action"] == ["rds-db:connect"]
