"""Fields that must fit together: the description says how, and what contradicts it is refused."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from shared.identity.model import Principal
from tests.house.tree import ROOT
from tests.security.api import ANY_ID, Api, Operation, Request

OTHER_ID = "01a21f9c-78b6-7676-b35d-3268b4871aca"
SPAN = {"document_id": ANY_ID, "version_id": ANY_ID}


@dataclass(frozen=True, slots=True)
class Together:
    """Fields of one operation that depend on each other, and a request that contradicts it."""

    operation: str
    fields: frozenset[str]
    body: dict[str, Any] | None = None
    query: dict[str, str] = field(default_factory=dict)


def together(
    operation: str, names: str, body: dict[str, Any] | None = None, **query: str
) -> Together:
    return Together(operation, frozenset(names.split()), body, query)


PASSWORD = "Ada.Lovelace.Ada.Lovelace"
ADA = {"email": "ada@example.org", "display_name": "Ada Lovelace"}
COMBINATIONS = [
    together("POST /api/v1/chat", "edits regenerates", {"edits": ANY_ID, "regenerates": OTHER_ID}),
    together("POST /api/v1/search", "rerank cursor",
             {"query": "a", "rerank": "features", "cursor": "x"}),
    together("POST /api/v1/similar", "chunk_ids text", {"chunk_ids": [ANY_ID], "text": "a"}),
    together("POST /api/v1/similar", "chunk_ids text", {}),
    together("POST /api/v1/shares", "folder_id document_id",
             {"folder_id": ANY_ID, "document_id": OTHER_ID}),
    together("POST /api/v1/shares", "folder_id document_id", {}),
    together("POST /api/v1/dead-letters/redrive", "ids all", {"ids": [ANY_ID], "all": True}),
    together("POST /api/v1/webhooks/{endpoint_id}/replay", "ids all", {"ids": [], "all": False}),
    together("POST /api/v1/reprocessings", "document_id folder",
             {"reason": "parser", "document_id": ANY_ID, "folder": "a"}),
    together("POST /api/v1/reprocessings", "reason model",
             {"reason": "parser", "model": "all-MiniLM-L6-v2"}),
    together("PUT /api/v1/settings/reading", "strategy chunk_tokens overlap_tokens",
             {"strategy": "fixed", "chunk_tokens": 100, "overlap_tokens": 90}),
    together("PUT /api/v1/llm/budgets/{scope}/{period}", "tokens cost_usd",
             {"when_spent": "refuse"}),
    together("POST /api/v1/messages/{message_id}/feedback", "start end version_id",
             {"verdict": "down", "correction": {**SPAN, "start": 3}}),
    together("POST /api/v1/messages/{message_id}/feedback", "start end version_id",
             {"verdict": "down", "correction": {**SPAN, "start": 3, "end": 2}}),
    together("POST /api/v1/users", "password email display_name", {**ADA, "password": PASSWORD}),
    together("GET /auth/oidc/{provider_id}/start", "return_to challenge", return_to="/after"),
]  # fmt: skip


def _operation(api: Api, key: str) -> Operation:
    found = [each for each in api.operations if each.key == key]
    assert found, (
        f"{key}: there is no such operation; have {sorted(each.key for each in api.operations)}"
    )
    return found[0]


def _described(api: Api, operation: Operation) -> str:
    """Return the words on an operation, its body and what the body holds."""
    text = str(operation.described.get("description", ""))
    waiting = [json.dumps(operation.described.get("requestBody", {}))]
    seen: set[str] = set()
    while waiting:
        for name in re.findall(r"#/components/schemas/([\w.-]+)", waiting.pop()):
            if name not in seen:
                seen.add(name)
                schema = api.document["components"]["schemas"][name]
                text += "\n" + str(schema.get("description", ""))
                waiting.append(json.dumps(schema))
    return text


def unsaid(api: Api, each: Together) -> set[str]:
    """Name the fields of a combination that their description does not name."""
    text = _described(api, _operation(api, each.operation))
    return {name for name in each.fields if f"``{name}``" not in text}


def test_what_contradicts_itself_is_refused_as_described(admin: tuple[Principal, Api]) -> None:
    principal, api = admin
    for each in COMBINATIONS:
        assert not unsaid(api, each), (each.operation, unsaid(api, each))
        operation = _operation(api, each.operation)
        path = api.sample(operation).path
        reply = api.call(operation, Request(path, dict(each.query), each.body), principal)
        assert reply.status == 422, (each.operation, reply.status, reply.body)
        problem = json.loads(reply.body)
        assert problem["detail"] or problem["hint"], each.operation
    assert unsaid(api, together("POST /api/v1/similar", "chunk_ids k")) == {"k"}


def dependent(source: str) -> Iterator[tuple[int, frozenset[str]]]:
    """Yield where code refuses a request for several of its fields, or a model checks several."""
    tree = ast.parse(source)
    for function in (n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)):
        bodies = {
            argument.arg
            for argument in function.args.args
            if argument.annotation is not None
            and re.search(
                r"(Body|Request|Order|Change|Fields|^New\w+)$", ast.unparse(argument.annotation)
            )
        }
        if any("model_validator" in ast.unparse(each) for each in function.decorator_list):
            bodies.add("self")
        for node in ast.walk(function):
            if not isinstance(node, ast.If) or not any(isinstance(n, ast.Raise) for n in node.body):
                continue
            names = frozenset(
                part.attr
                for part in ast.walk(node.test)
                if isinstance(part, ast.Attribute)
                and isinstance(part.value, ast.Name)
                and part.value.id in bodies
            )
            if len(names) > 1:
                yield node.lineno, names


def told_of(source: str) -> Iterator[tuple[int, frozenset[str]]]:
    """Yield where an error names several fields of a request at once."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("InvalidError"):
            for keyword in node.keywords:
                if keyword.arg == "fields" and isinstance(keyword.value, ast.Dict):
                    names = [k.value for k in keyword.value.keys if isinstance(k, ast.Constant)]
                    if len(names) > 1:
                        yield node.lineno, frozenset(map(str, names))


def test_every_rule_over_several_fields_is_in_the_table() -> None:
    known = [each.fields for each in COMBINATIONS]
    missing = [
        f"{path.relative_to(ROOT)}:{line}: {', '.join(sorted(names))}"
        for place, look in (("functions", dependent), ("functions", told_of), ("shared", told_of))
        for path in sorted((ROOT / place).rglob("*.py"))
        for line, names in look(path.read_text("utf-8"))
        if not any(names <= fields for fields in known)
    ]
    assert not missing, "say it in the model's docstring and add it to COMBINATIONS: " + "; ".join(
        missing
    )


def test_a_rule_that_the_table_lacks_is_found() -> None:
    route = "def f(body: NewThing):\n    if body.a and body.b:\n        raise InvalidError('no')\n"
    model = (
        "class M:\n    @model_validator(mode='after')\n    def g(self):\n"
        "        if self.a < self.b:\n            raise ValueError\n"
    )
    error = "raise InvalidError('no', fields={'a': 'x', 'b': 'y'})\n"
    assert [names for _, names in dependent(route)] == [{"a", "b"}]
    assert [names for _, names in dependent(model)] == [{"a", "b"}]
    assert [names for _, names in told_of(error)] == [{"a", "b"}]
    assert not list(
        dependent("def f(body: NewThing):\n    if body.a:\n        raise InvalidError\n")
    )
