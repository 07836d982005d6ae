"""Every door to the library, knocked at by somebody who may not see one of its two documents."""

from __future__ import annotations

import json
from dataclasses import dataclass
from uuid import UUID

import httpx
import pytest

from shared.adapters.database import Database
from shared.identity import store
from shared.identity.keys import SigningKey
from shared.identity.model import Principal
from shared.identity.service import TokenRules, add_user, create_tenant, recognise
from shared.inference.embedding import Embedder
from shared.wiring import App
from tests.entering import welcome
from tests.functions.access.conftest import PASSWORD
from tests.functions.doors import serving
from tests.functions.http_events import call
from tests.functions.library import fill
from tests.unit.agents.office import kept_versions

QUESTION = "Wie lange ist die Kündigungsfrist der Wohnung?"
SECRET = ("drei Monate", "Mietvertrag", "Lindenstraße", "Vermieterin")


@dataclass
class Door:
    """The hidden document; who may see it, who may not, and their tokens."""

    hidden: UUID
    ada: Principal
    bob: Principal
    tokens: dict[str, str]

    def told(self, path: str, body: object) -> tuple[str, str]:
        """Send the same to a streaming address as both."""
        answers = []
        for who in ("ada", "bob"):
            given = {"authorization": f"Bearer {self.tokens[who]}"}
            response = httpx.post(path, json=body, headers=given, timeout=60)
            assert response.status_code == 200, response.text
            answers.append(response.text)
        return answers[0], answers[1]


@pytest.fixture
def door(served: App, owner_url: str, embedder: Embedder) -> Door:
    key = SigningKey.make()
    owner = Database(owner_url)
    with owner.system_transaction() as session:
        store.record_signing_key(session, kid=key.id, public_key=key.public_bytes)
        tenant, amy = create_tenant(
            session, slug="mine", name="Mine", admin_email="amy@mine.example",
            admin_password=PASSWORD,
        )  # fmt: skip
    owner.close()
    admin = Principal(tenant.id, amy.id, amy.email, "admin", permissions=frozenset({"*"}))
    fill(served, tenant.id, embedder)
    kept_versions(served.database, tenant.id)
    people, tokens = {}, {}
    for name in ("ada", "bob"):
        with served.database.transaction(tenant.id) as session:
            add_user(
                session, admin, email=f"{name}@mine.example", display_name=name,
                password=PASSWORD, role="editor",
            )  # fmt: skip
        account = recognise(served.database, email=f"{name}@mine.example", password=PASSWORD)
        with served.database.transaction(tenant.id) as session:
            rules = TokenRules(key, "kontor", 900)
            given = welcome(session, account, password=PASSWORD, rules=rules)
        tokens[name] = given.access_token
        people[name] = served.verifier.verify(given.access_token)
    with served.database.transaction(tenant.id) as session:
        row = session.connection.execute(
            "SELECT id FROM kontor.documents WHERE title = 'Mietvertrag'"
        ).fetchone()
        assert row is not None
        session.connection.execute(
            "INSERT INTO kontor.access_grants (tenant_id, resource_kind, resource_id, subject,"
            " level, granted_by) VALUES (%s, 'document', %s, %s, 'view', %s)",
            (tenant.id, row[0], f"user:{people['ada'].user_id}", amy.id),
        )
    return Door(row[0], people["ada"], people["bob"], tokens)


def leaks(text: str, door: Door) -> list[str]:
    return [word for word in (*SECRET, str(door.hidden)) if word in text]


def test_streamed_and_openai_answers_tell_nothing_hidden(door: Door) -> None:
    from functions.chat_stream.handler import app as streaming
    from functions.openai.handler import app as speaking

    with serving(streaming) as url:
        seen, hidden = door.told(f"{url}/", {"question": QUESTION})
        assert leaks(seen, door)
        assert leaks(hidden, door) == []
    said = {"model": "kontor", "messages": [{"role": "user", "content": QUESTION}]}
    with serving(speaking) as url:
        for body in (said, {**said, "stream": True}):
            seen, hidden = door.told(f"{url}/v1/chat/completions", body)
            assert leaks(seen, door)
            assert leaks(hidden, door) == []


REQUESTS: list[tuple[str, str, str, dict[str, object] | None]] = [
    ("chat", "POST", "/api/v1/chat", {"question": QUESTION}),
    ("query", "POST", "/api/v1/search", {"query": QUESTION}),
    ("query", "POST", "/api/v1/search", {"query": "Mietvertrag", "facets": ["language"]}),
    ("query", "POST", "/api/v1/similar", {"text": "Miete und Kündigung der Wohnung"}),
    ("query", "GET", "/api/v1/suggest?q=miet", None),
    ("agent", "POST", "/api/v1/agents/runs", {"task": QUESTION}),
    ("documents", "GET", "/api/v1/documents", None),
]


@pytest.mark.parametrize(
    ("function", "method", "path", "body"), REQUESTS, ids=[f"{f}-{p}" for f, _, p, _ in REQUESTS]
)
def test_nothing_hidden_comes_out_of_a_door(
    door: Door, function: str, method: str, path: str, body: dict[str, object] | None
) -> None:
    from importlib import import_module

    handler = import_module(f"functions.{function}.handler").handler
    route, _, query = path.partition("?")
    fields = dict([query.split("=")]) if query else {}

    def ask(who: Principal) -> str:
        answer = call(handler, method, route, body=body, query=fields, principal=who)
        assert answer.status in {200, 201}, answer.body
        told = dict(answer.body)
        for echoed in ("query", "task", "title"):
            told.pop(echoed, None)
        return json.dumps(told, ensure_ascii=False)

    assert leaks(ask(door.ada), door)
    assert leaks(ask(door.bob), door) == []


@pytest.mark.parametrize(
    "rest", ["", "/versions", "/download", "/similar", "/trace", "/diff", "/versions/1/text"]
)
def test_nothing_about_a_hidden_document_is_told(door: Door, rest: str) -> None:
    from functions.documents.handler import handler as documents
    from functions.query.handler import handler as query

    handler = query if rest == "/similar" else documents
    nothing = "01890000-0000-7000-8000-000000000000"
    hidden, missing = (
        call(handler, "GET", f"/api/v1/documents/{one}{rest}", principal=door.bob)
        for one in (door.hidden, nothing)
    )
    assert hidden.status == missing.status
    assert hidden.status in {404, 422, 200}
    for answer in (hidden, missing):
        answer.body.pop("instance", None)
        answer.body.pop("correlation_id", None)
    assert hidden.body == missing.body
