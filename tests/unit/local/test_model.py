"""The routing model: read from the sources and from the packaged template alike."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from infra.local.intrinsics import Intrinsics
from infra.local.model import differences, load_service, load_template
from shared.kernel.errors import InvalidError, NotFoundError

SERVICE = Path(__file__).parents[2] / "contract" / "service"
GOLDEN = SERVICE / "packaged" / "template.json"

HEAD = "service: s\nprovider: {name: aws, region: eu-central-1}\n"


def write(folder: Path, text: str) -> Path:
    (folder / "serverless.yml").write_text(text, encoding="utf-8")
    return folder


def test_the_sources_route_as_the_packaged_template_does() -> None:
    assert differences(load_service(SERVICE, "dev"), load_template(GOLDEN)) == []


def test_a_difference_is_named_in_words() -> None:
    model = load_service(SERVICE, "dev")
    worker = next(q for q in model.queues if q.batch_size == 5)
    changed = replace(
        model,
        queues=tuple(replace(q, batch_size=6) if q is worker else q for q in model.queues),
        schedules=(),
        http_cors=None,
    )
    found = " ".join(differences(changed, load_template(GOLDEN)))
    assert "queues" in found
    assert "schedules" in found
    assert "http_cors" in found


def test_variables_resolve_with_defaults_files_and_nesting(tmp_path: Path) -> None:
    (tmp_path / "part.yml").write_text("deep: {value: 7}\nlist: [a, b]\n")
    text = HEAD + (
        "custom:\n"
        "  dev: {size: 512}\n"
        "  size: ${self:custom.${sls:stage}.size}\n"
        "functions:\n"
        "  f:\n"
        "    handler: a.b\n"
        "    memorySize: ${self:custom.size}\n"
        "    timeout: ${file(part.yml):deep.value}\n"
        "    environment:\n"
        "      A: x-${opt:who, 'nobody'}-${env:WHERE, self:custom.dev.size}\n"
        "      B: ${file(part.yml):list.1}\n"
        '      C: !Sub "${AWS::Region}/${Bucket.Arn}"\n'
    )
    (function,) = load_service(write(tmp_path, text), "dev").functions
    assert (function.memory_mb, function.timeout_s) == (512, 7)
    assert function.environment["A"] == "x-nobody-512"
    assert function.environment["B"] == "b"
    assert function.environment["C"] == {"Fn::Sub": "${AWS::Region}/${Bucket.Arn}"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("functions: {f: {handler: a.b, events: [{sns: topic}]}}", "sns"),
        ("functions: {f: {handler: a.b, memorySize: '${ssm:/x}'}}", "not supported"),
        ("functions: {f: {handler: a.b, timeout: '${self:custom.none}'}}", "no value"),
        ("functions: {f: {handler: a.b, timeout: '${file(../x.yml):a}'}}", "outside"),
        ("functions: {f: {timeout: 3}}", "handler"),
        ("functions: {f: {handler: a.b, timeout: soon}}", "whole number"),
        ("functions: [f]", "mapping"),
        ("custom: {a: '${self:custom.b}', b: '${self:custom.a}'}", "circle"),
        (
            "functions: {f: {handler: a.b, events: [{httpApi: {path: /, authorizer: {name: x}}}]}}",
            "no authorizer",
        ),
        ("functions: {f: {handler: a.b, layers: [{Ref: OtherLambdaLayer}]}}", "no layer"),
    ],
)
def test_what_cannot_be_served_is_refused_by_name(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(InvalidError, match=words):
        load_service(write(tmp_path, HEAD + text + "\n"), "dev")


def test_a_missing_or_broken_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"serverless\.yml"):
        load_service(tmp_path)
    with pytest.raises(InvalidError, match="line 1"):
        load_service(write(tmp_path, "service: [a\n"))
    with pytest.raises(NotFoundError, match=r"none\.yml"):
        load_service(write(tmp_path, HEAD + "functions: ${file(none.yml)}\n"))


def test_intrinsics_resolve_to_what_was_made() -> None:
    known = Intrinsics({"AWS::Region": "eu-central-1"})
    known.define("Bucket", "my-bucket", Arn="arn:aws:s3:::my-bucket")
    assert known.resolve({"a": [{"Ref": "Bucket"}, {"Fn::GetAtt": ["Bucket", "Arn"]}]}) == {
        "a": ["my-bucket", "arn:aws:s3:::my-bucket"]
    }
    joined = {"Fn::Join": ["/", [{"Ref": "AWS::Region"}, "x"]]}
    assert known.resolve(joined) == "eu-central-1/x"
    sub = {"Fn::Sub": ["${Bucket.Arn}/${Own}/${!Kept}", {"Own": {"Ref": "Bucket"}}]}
    assert known.resolve(sub) == "arn:aws:s3:::my-bucket/my-bucket/${Kept}"


@pytest.mark.parametrize(
    "value", [{"Ref": "Nobody"}, {"Fn::GetAtt": ["Bucket", "Url"]}, {"Fn::ImportValue": "x"}]
)
def test_an_intrinsic_nobody_can_answer_is_refused(value: dict[str, object]) -> None:
    with pytest.raises(InvalidError):
        Intrinsics({}).resolve(json.loads(json.dumps(value)))
