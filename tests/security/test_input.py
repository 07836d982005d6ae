"""Hostile input to every field of every operation: refused in words, never a failure."""

from __future__ import annotations

import json
import random
from collections import Counter
from typing import Any

import pytest

from shared.identity.model import Principal
from shared.kernel.ids import UserId, new_id
from tests.security.api import Api, Request
from tests.security.judging import TEXTS, complaints

BOUNDED = {"uuid", "date", "date-time"}
NUMBERS: list[Any] = [-1, 0, 2**31, 2**63, 10**40, 1e308, 0.5, True, "7", None]
BROKEN = [
    b"{",
    b"",
    b"null",
    b"[]",
    b'"text"',
    b"\xff\xfe{}",
    b'{"a": NaN}',
    b'{"a": 1e999}',
    b"[" * 100_000,
    b'{"a":' * 40 + b"1" + b"}" * 40,
    b"9" * 5000,
    b'{"\\u0000": 1, "\\ud800": 2}',
    b'{"a": 1, "a": 2}',
]
MALFORMED = {BROKEN[0], BROKEN[5], BROKEN[6], BROKEN[8], BROKEN[10]}


def test_numbers_and_truth_values_are_taken_literally(admin: tuple[Principal, Api]) -> None:
    principal, api = admin
    failures: list[str] = []
    for operation in api.operations:
        sample = api.sample(operation)
        for field in api.fields(operation):
            if field.kind == "string":
                continue
            for number in NUMBERS:
                reply = api.call(operation, sample.put(field, number), principal)
                where = f"{field.path} = {number!a}"
                failures += complaints(api, operation, reply, where)
                is_other = isinstance(number, str) or (number is True) != (field.kind == "boolean")
                is_wrong = field.part == "body" and is_other and isinstance(number, str | bool)
                # Metadata may hold a text or a truth value where it may hold a number.
                if is_wrong and "metadata" not in field.path and reply.status < 400:
                    failures.append(f"{operation.key}: {where} was taken for a {field.kind}")
    assert not failures, "\n".join(failures[:40])


def test_what_is_no_json_is_refused_as_malformed(admin: tuple[Principal, Api]) -> None:
    principal, api = admin
    failures: list[str] = []
    for operation in api.operations:
        if "requestBody" not in operation.described:
            continue
        for raw in BROKEN:
            asked = api.sample(operation)
            asked.raw = raw
            reply = api.call(operation, asked, principal)
            where = f"body = {raw[:30]!r}"
            failures += complaints(api, operation, reply, where)
            # Webhooks' signatures are over the bytes, so they are checked before anything is read.
            is_signed = operation.key == "POST /hooks/{source_id}"
            if raw in MALFORMED and reply.status != (401 if is_signed else 400):
                failures.append(f"{operation.key}: {where} answered {reply.status}, not 400")
    assert not failures, "\n".join(failures[:40])


def test_a_body_past_its_limit_is_refused(admin: tuple[Principal, Api]) -> None:
    principal, api = admin
    search = next(each for each in api.operations if each.key == "POST /api/v1/search")
    too_long = Request(raw=json.dumps({"query": "a" * (4 * 1024 * 1024)}).encode())
    reply = api.call(search, too_long, principal)
    assert reply.status == 413
    assert "4,194,304" in json.loads(reply.body)["detail"]


def test_a_thousand_random_requests_are_answered_as_documented(
    admin: tuple[Principal, Api], request: pytest.FixtureRequest
) -> None:
    principal, api = admin
    viewer = Principal(principal.tenant_id, UserId(new_id()), "vic@mine.example", "viewer")
    count: int = request.config.getoption("--operations") // 2
    chance = random.Random(7)
    failures: list[str] = []
    seen: Counter[int] = Counter()
    for number in range(count):
        operation = chance.choice(api.operations)
        asked = api.sample(operation)
        fields = list(api.fields(operation))
        for field in chance.sample(fields, min(len(fields), chance.randrange(3))):
            asked = asked.put(field, _value(chance, field.kind))
        who = chance.choice([principal, principal, principal, viewer, None])
        reply = api.call(operation, asked, who)
        seen[reply.status] += 1
        failures += complaints(api, operation, reply, f"request {number}: {asked!a}"[:300])
    assert not failures, "\n".join(failures[:40])
    assert {200, 401, 403, 404, 422} <= set(seen), seen


def test_a_number_is_no_moment(admin: tuple[Principal, Api]) -> None:
    principal, api = admin
    by_key = {operation.key: operation for operation in api.operations}
    for number in (5, 0.5, "5", "1e3", "inf"):
        listed = api.call(by_key["GET /api/v1/audit"], Request(query={"until": number}), principal)
        search = {"query": "rent", "filters": {"created_after": number}}
        found = api.call(by_key["POST /api/v1/search"], Request(body=search), principal)
        assert (listed.status, found.status) == (422, 422), number
    listed = api.call(
        by_key["GET /api/v1/audit"], Request(query={"until": "2030-01-31T12:00:00Z"}), principal
    )
    assert listed.status == 200


def test_a_slash_at_the_end_redirects_nobody(admin: tuple[Principal, Api]) -> None:
    principal, api = admin
    for operation in api.operations:
        names = list(api.sample(operation).path)
        if operation.path.endswith("}") and operation.method in {"GET", "DELETE"}:
            path = api.sample(operation).path | {names[-1]: "x/"}
            reply = api.call(operation, Request(path=path), principal)
            assert reply.status in {404, 405, 422}, operation.key
            assert "location" not in reply.headers


def test_every_text_has_a_longest_length() -> None:
    api = Api()
    unbounded = [
        f"{operation.key} {'.'.join(map(str, path))}"
        for operation in api.operations
        for _, path, schema in api.leaves(operation)
        if schema["type"] == "string"
        and not {"maxLength", "enum", "const", "pattern"} & set(schema)
        and schema.get("format") not in BOUNDED
    ]
    # One text or many, together no longer than the route says.
    assert set(unbounded) <= {"POST /v1/embeddings input", "POST /v1/embeddings input.0"}


def test_every_body_refuses_what_it_does_not_know(admin: tuple[Principal, Api]) -> None:
    principal, api = admin
    lenient = []
    for operation in api.operations:
        asked = api.sample(operation)
        if isinstance(asked.body, dict) and not operation.path.startswith("/v1/"):
            asked.body = {**asked.body, "is_admin": True}
            if api.call(operation, asked, principal).status != 422:
                lenient.append(operation.key)
    assert not lenient


def _value(chance: random.Random, kind: str) -> Any:
    if kind != "string":
        return chance.choice([*NUMBERS, 1, 2, 3, False])
    return chance.choice([*TEXTS, "a", "de", "2026-01-01", str(new_id()), "x" * 5000, 5, None])
