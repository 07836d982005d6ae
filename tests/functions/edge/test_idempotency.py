"""Idempotency-Key: carried out once, answered alike, refused for another request."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import replace
from hashlib import sha256
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from functions.documents.handler import handler as documents
from functions.edge.idempotency_store import carry_out_once
from functions.query.handler import handler as query
from infra.local.serverless import load_service
from shared.adapters.database import Database
from shared.identity.model import Principal
from shared.kernel.errors import NotFoundError
from shared.kernel.ids import TenantId, UserId, new_id
from shared.limits import requests
from shared.limits.requests import InProgressError, KeyReusedError, keeps_answer, kept_s
from tests.describing import described
from tests.functions.http_events import Answer, call
from tests.house.tree import ROOT

SHELVES = "/api/v1/collections"
ROUTE = f"POST {SHELVES}"


@pytest.fixture
def editor(tenant: TenantId) -> Principal:
    return Principal(tenant, UserId(new_id()), "ada@acme.example", "editor")


def make(caller: Principal, name: str, key: str, **more: Any) -> Answer:
    headers = {"idempotency-key": key}
    body = {"name": name}
    return call(documents, "POST", SHELVES, principal=caller, body=body, headers=headers, **more)


def names(caller: Principal) -> list[str]:
    listed = call(documents, "GET", SHELVES, principal=caller).body["items"]
    return sorted(each["name"] for each in listed)


@pytest.mark.usefixtures("served")
def test_sent_again_it_answers_alike_and_does_nothing_twice(editor: Principal) -> None:
    first = make(editor, "a", "k1")
    again = make(editor, "a", "k1")
    assert first.status == again.status == 201
    assert first.body == again.body
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["content-type"] == first.headers["content-type"]
    assert again.headers["x-correlation-id"] != first.headers["x-correlation-id"]
    assert int(again.headers["ratelimit-remaining"]) < int(first.headers["ratelimit-remaining"])
    assert names(editor) == ["a"]


@pytest.mark.usefixtures("served")
def test_another_request_under_a_used_key_is_refused(editor: Principal) -> None:
    assert make(editor, "a", "k1").status == 201
    other = make(editor, "b", "k1")
    assert other.status == 422
    assert other.body["fields"] == {"Idempotency-Key": "was used for another request"}
    assert make(editor, "a", "k1", query={"x": "1"}).status == 422
    assert names(editor) == ["a"]


@pytest.mark.usefixtures("served")
def test_keys_belong_to_a_caller_a_route_and_a_tenant(
    editor: Principal, tenant: TenantId, other_tenant: TenantId
) -> None:
    colleague = Principal(tenant, UserId(new_id()), "bob@acme.example", "editor")
    foreign = Principal(other_tenant, editor.user_id, "eve@globex.example", "editor")
    assert make(editor, "a", "k1").status == 201
    assert make(colleague, "b", "k1").status == 201
    assert make(foreign, "c", "k1").status == 201
    elsewhere = call(
        documents,
        "POST",
        "/api/v1/folders",
        principal=editor,
        body={"path": "d"},
        headers={"idempotency-key": "k1"},
    )
    assert elsewhere.status == 201
    assert names(editor) == ["a", "b"]
    assert names(foreign) == ["c"]


@pytest.mark.usefixtures("served")
def test_of_two_keys_of_one_holder_none_gets_the_answer_of_the_other(editor: Principal) -> None:
    able, unable = (
        replace(editor, credential="key", session_id=new_id(), permissions=frozenset(scopes))
        for scopes in (["documents:read", "documents:write"], ["search"])
    )
    assert make(able, "a", "k1").status == 201
    assert make(able, "a", "k1").headers["idempotent-replayed"] == "true"
    assert make(unable, "a", "k1").status == 403


def test_words_of_documents_are_not_kept_for_a_day() -> None:
    assert not keeps_answer("POST /api/v1/search")
    assert not keeps_answer("POST /api/v1/searches/{search_id}/run")
    assert keeps_answer("POST /api/v1/searches")
    assert kept_s("POST /api/v1/chat") == kept_s("POST /api/v1/agents/runs") == 600
    assert kept_s("POST /api/v1/folders") == 86400


@pytest.mark.usefixtures("served")
def test_what_failed_may_be_tried_again_with_its_key(editor: Principal) -> None:
    first = make(editor, "a", "other")
    assert first.status == 201
    refused = make(editor, "a", "k1")
    assert refused.status == 409
    again = make(editor, "a", "k1")
    assert again.status == 409
    assert "idempotent-replayed" not in again.headers
    invalid = make(editor, "", "k2")
    assert invalid.status == 422
    assert make(editor, "good", "k2").status == 201, "the failed request left its key free"


@pytest.mark.usefixtures("served")
@pytest.mark.parametrize("key", ["", " ", "ä", "a b", "x" * 256])
def test_a_key_that_is_none_is_refused(editor: Principal, key: str) -> None:
    answer = make(editor, "a", key)
    assert answer.status == 422
    assert "Idempotency-Key" in answer.body["fields"]


@pytest.mark.usefixtures("served")
def test_an_answer_is_forgotten_after_its_time(editor: Principal, owner_url: str) -> None:
    assert make(editor, "a", "k1").status == 201
    with psycopg.connect(owner_url, autocommit=True) as owner:
        kept = owner.execute("SELECT expires_at - now() FROM kontor.idempotent_requests").fetchall()
        assert 86_000 < kept[0][0].total_seconds() <= 86_400
        owner.execute("UPDATE kontor.idempotent_requests SET expires_at = now() - interval '1 s'")
    assert make(editor, "a", "k1").status == 409, "carried out anew: the name is taken"


@pytest.mark.usefixtures("served")
def test_strangers_and_other_methods_pass_by(editor: Principal) -> None:
    headers = {"idempotency-key": "k1"}
    body = {"name": "a"}
    assert call(documents, "POST", SHELVES, body=body, headers=headers).status == 401
    assert call(documents, "GET", SHELVES, principal=editor, headers=headers).status == 200
    saved = call(
        query, "POST", "/api/v1/searches", principal=editor, headers=headers, body={"nome": "x"}
    )
    assert saved.status == 422


# -- the store itself -------------------------------------------------------------------------


def attempt(
    database: Database,
    principal: Principal,
    key: str,
    work: Callable[[], dict[str, object]],
    *,
    request: str = "same",
    deadline_s: float = 30.0,
) -> tuple[dict[str, Any], bool]:
    return carry_out_once(
        database,
        principal,
        route_key=ROUTE,
        key=key,
        fingerprint=sha256(request.encode()).hexdigest(),
        work=work,
        deadline_s=deadline_s,
        kept_s=60,
    )


def test_forty_at_once_over_five_keys_are_five_executions(
    database_url: str, editor: Principal
) -> None:
    done: Counter[str] = Counter()
    lock, together = threading.Lock(), threading.Barrier(40)

    def ask(number: int) -> str:
        key, database = f"k{number % 5}", Database(database_url)

        def work() -> dict[str, object]:
            with lock:
                done[key] += 1
            return {"key": key}

        together.wait()
        try:
            answer, is_replayed = attempt(database, editor, key, work)
        except InProgressError:
            return "in progress"
        finally:
            database.close()
        assert answer == {"key": key}
        return "replayed" if is_replayed else "done"

    with ThreadPoolExecutor(40) as threads:
        found = Counter(threads.map(ask, range(40)))
    assert done == {f"k{number}": 1 for number in range(5)}
    assert found["done"] == 5
    assert found["done"] + found["in progress"] + found["replayed"] == 40


def test_meanwhile_the_same_request_is_told_to_wait(database: Database, editor: Principal) -> None:
    def work() -> dict[str, object]:
        with pytest.raises(InProgressError) as waiting:
            attempt(database, editor, "k1", dict)
        assert (waiting.value.status, waiting.value.retry_after_s) == (409, 1)
        with pytest.raises(KeyReusedError):
            attempt(database, editor, "k1", dict, request="another")
        return {"n": 1}

    assert attempt(database, editor, "k1", work) == ({"n": 1}, False)
    assert attempt(database, editor, "k1", lambda: {"n": 2}) == ({"n": 1}, True)


def test_who_died_at_work_is_followed_when_its_time_is_over(
    database: Database, editor: Principal, owner_url: str
) -> None:
    def dies() -> dict[str, object]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        attempt(database, editor, "k1", dies)
    with pytest.raises(InProgressError):
        attempt(database, editor, "k1", dict)
    with psycopg.connect(owner_url, autocommit=True) as owner:
        owner.execute("UPDATE kontor.idempotent_requests SET taken_until = now() - interval '1 s'")
    assert attempt(database, editor, "k1", lambda: {"n": 2}) == ({"n": 2}, False)


def test_errors_of_the_work_reach_the_caller_and_leave_nothing(
    database: Database, editor: Principal
) -> None:
    def fails() -> dict[str, object]:
        raise NotFoundError("There is no such thing.")

    with pytest.raises(NotFoundError):
        attempt(database, editor, "k1", fails)
    assert attempt(database, editor, "k1", lambda: {"n": 1}) == ({"n": 1}, False)


def test_only_hashes_of_requests_are_kept_and_old_answers_go(
    database: Database, editor: Principal, tenant: TenantId, owner_url: str
) -> None:
    key = str(uuid4())
    attempt(database, editor, key, lambda: {"n": 1}, request="a secret request")
    with psycopg.connect(owner_url, autocommit=True) as owner:
        rows = owner.execute("SELECT * FROM kontor.idempotent_requests").fetchall()
        assert len(rows) == 1
        assert key not in str(rows)
        owner.execute("UPDATE kontor.idempotent_requests SET expires_at = now() - interval '1 s'")
        with database.transaction(tenant) as session:
            requests.forget_expired(session)
        assert owner.execute("SELECT 1 FROM kontor.idempotent_requests").fetchall() == []


# -- every POST ---------------------------------------------------------------------------------

REASONED = {
    "POST /auth/": "signing in answers secrets; signing out twice changes nothing more",
    "POST /api/v1/shares": "its answer holds the link, whose path is the secret",
    "POST /s/": "comes through a link: its answer holds a token",
    "POST /hooks/": "from other systems, which name their events; each counts once",
    "POST /api/v1/search": "only reads: asked again it answers what the asker may see by then",
    "POST /api/v1/similar": "only reads",
    "POST /api/v1/evaluation/retrieval": "only reads",
    "POST /api/v1/messages/{message_id}/show": "showing a branch twice changes nothing more",
    "POST /v1/": "OpenAI's: verified inside, streamed, and they create nothing",
}


def unsupported(posts: dict[str, bool], document: dict[str, Any]) -> list[str]:
    """Complain of POST routes that take no key, without an answer that holds a secret or a reason.

    ``posts`` says of each whether it has an authorizer.
    """
    return [
        f"{route}: it takes no Idempotency-Key; support it or say why"
        for route, has_authorizer in posts.items()
        if not (has_authorizer and keeps_answer(route))
        and not any(route.startswith(prefix) for prefix in REASONED)
        and not answers_secrets(document, route)
    ]


def _posts() -> dict[str, bool]:
    return {
        route.key: route.authorizer is not None
        for route in load_service(ROOT).http_routes
        if route.key.startswith("POST ")
    }


def answers_secrets(document: dict[str, Any], route: str) -> bool:
    """Tell whether an answer has a field that is called like a secret."""
    operation = document["paths"][route.removeprefix("POST ")]["post"]
    text = json.dumps(operation["responses"])
    schemas = document["components"]["schemas"]
    seen: set[str] = set()
    while True:
        more = {name for name in schemas if f'schemas/{name}"' in text} - seen - {"Problem"}
        if not more:
            break
        seen |= more
        text += "".join(json.dumps(schemas[name]) for name in sorted(more))
    fields = {field for name in seen for field in schemas[name].get("properties", {})}
    return bool(fields & {"access_token", "refresh_token", "secret", "token", "key", "password",
                          "ticket", "recovery_codes", "api_key"})  # fmt: skip


def test_every_post_takes_a_key_or_says_why() -> None:
    assert not unsupported(_posts(), described())


def test_a_post_without_support_is_noticed() -> None:
    document = deepcopy(described())
    document["paths"]["/wiki"] = document["paths"]["/api/v1/tags"] | {"post": {"responses": {}}}
    assert unsupported({"POST /wiki": False}, document)
    assert not unsupported({"POST /wiki": True}, document)


def test_no_answer_with_a_secret_is_kept() -> None:
    document = described()
    kept = [route for route, has_caller in _posts().items() if has_caller and keeps_answer(route)]
    assert not [route for route in kept if answers_secrets(document, route)]
    assert answers_secrets(document, "POST /auth/login")
