"""Webhooks in: believed only when signed and fresh, effective once, small, and put where wished."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from functions.hooks.handler import handler as door
from functions.webhooks.handler import handler
from shared.audit import service as audit
from shared.identity.model import Principal
from shared.kernel.ids import TenantId
from shared.realtime import service as realtime
from shared.reprocessing import service as reprocessing
from shared.reprocessing import store as reprocessing_store
from shared.webhooks import signing
from shared.wiring import App
from tests.functions.http_events import Answer, call, http_event

PATH = "/api/v1/webhook-sources"


def made(admin: Principal, **fields: object) -> dict[str, Any]:
    answer = call(handler, "POST", PATH, body={"name": "Zeiten", **fields}, principal=admin)
    assert answer.status == 201, answer.body
    body: dict[str, Any] = answer.body
    return body


def knock(path: str, body: str, headers: dict[str, str]) -> Answer:
    event = {**http_event("POST", path, headers=headers), "body": body}
    answer = door(event, None)
    return Answer(answer["statusCode"], answer["headers"], json.loads(answer["body"]))


def signed(secret: str, body: str, *, at: float | None = None, name: str = "") -> dict[str, str]:
    moment = int(at or time.time())
    return signing.sign([secret], name or f"msg_{uuid4()}", moment, body.encode())


def test_signed_message_is_taken_once(desk: App, admin: Principal, tenant: TenantId) -> None:
    source = made(admin)
    headers = signed(source["secret"], '{"n": 1}', name="msg_1")
    first, second = (knock(source["path"], '{"n": 1}', headers) for _ in range(2))
    assert (first.status, first.body["is_new"]) == (202, True)
    assert (second.status, second.body["is_new"]) == (202, False)
    with desk.database.transaction(tenant) as session:
        entries = audit.list_events(session, action="webhook.received").items
    assert [each.details["message_id"] for each in entries] == ["msg_1"]
    (shown,) = call(handler, "GET", PATH, principal=admin).body["items"]
    assert shown["received"] == 1
    assert "secret" not in shown


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-signature": "v1,AAAA"},
        {"webhook-signature": ""},
        {"webhook-id": "msg_other"},
        {"webhook-timestamp": "1"},
        {"webhook-timestamp": "٣"},
        {"webhook-id": ""},
    ],
)
def test_wrongly_signed_message_is_refused(
    desk: App, admin: Principal, change: dict[str, str]
) -> None:
    source = made(admin)
    headers = {**signed(source["secret"], "{}"), **change}
    answer = knock(source["path"], "{}", headers)
    unknown = knock(f"/hooks/{uuid4()}", "{}", headers)
    assert (answer.status, unknown.status) == (401, 401)
    assert answer.body["detail"] == unknown.body["detail"], "nobody learns which addresses exist"


@pytest.mark.parametrize("offset", [-301, 301])
def test_old_message_is_refused_though_rightly_signed(
    desk: App, admin: Principal, offset: int
) -> None:
    source = made(admin)
    headers = signed(source["secret"], "{}", at=time.time() + offset)
    answer = knock(source["path"], "{}", headers)
    assert (answer.status, "five minutes" in answer.body["detail"]) == (401, True)


def test_github_signs_its_own_way(desk: App, admin: Principal) -> None:
    source = made(admin, scheme="github", secret="a secret of their own")
    body = '{"zen": "Größe"}'
    digest = hmac.new(b"a secret of their own", body.encode(), hashlib.sha256).hexdigest()
    headers = {"x-hub-signature-256": f"sha256={digest}", "x-github-delivery": "72d3162e"}
    assert knock(source["path"], body, headers).body["is_new"]
    assert not knock(source["path"], body, headers).body["is_new"]
    assert knock(source["path"], body + " ", headers).status == 401
    standard = signed("a secret of their own", body)
    assert knock(source["path"], body, standard).status == 401


def test_message_becomes_a_document(desk: App, admin: Principal, tenant: TenantId) -> None:
    source = made(admin, effect="document", folder="von außen")
    body = json.dumps({"title": "Protokoll 7/2026", "text": "# Beschluss\n\nEs wird gestrichen.\n"})
    answer = knock(source["path"], body, signed(source["secret"], body, name="msg_abc"))
    assert answer.status == 202
    with desk.database.transaction(tenant) as session:
        job = realtime.find_job(session, answer.body["job_id"])
        row = session.connection.execute(
            "SELECT u.object_key, f.path, u.metadata FROM kontor.uploads AS u"
            " JOIN kontor.folders AS f ON f.id = u.folder_id"
        ).fetchone()
    assert job.subject == "Protokoll 7 2026 msgabc.md"
    assert row is not None
    assert (row[1], row[2]["webhook_id"]) == ("von außen", "msg_abc")
    assert b"gestrichen" in desk.objects.get(row[0])


def test_json_without_text_is_kept_as_it_is(desk: App, admin: Principal, tenant: TenantId) -> None:
    source = made(admin, effect="document")
    answer = knock(source["path"], "[1, 2]", signed(source["secret"], "[1, 2]"))
    with desk.database.transaction(tenant) as session:
        assert realtime.find_job(session, answer.body["job_id"]).subject.endswith(".json")


def test_message_has_documents_read_anew_once(
    desk: App, admin: Principal, tenant: TenantId
) -> None:
    source = made(admin, effect="reread", folder="contracts")
    inside, outside = (document(desk, tenant, folder) for folder in ("contracts", "private"))

    def say(name: str, **body: object) -> Answer:
        text = json.dumps(body)
        return knock(source["path"], text, signed(source["secret"], text, name=name))

    assert say("msg_1", document_id=str(outside)).status == 404
    assert say("msg_1", document_id="contract").status == 422
    first = say("msg_1", document_id=str(inside))
    assert (first.status, first.body["is_new"]) == (202, True)
    assert say("msg_1", document_id=str(inside)).body["reprocessing_id"] is None
    busy = say("msg_2")
    assert (busy.status, "reprocessing" in busy.body["detail"]) == (409, True)
    with desk.database.transaction(tenant) as session:
        (begun,) = reprocessing.list_all(session)
        reprocessing_store.change_state(
            session, begun.reprocessing.id, "abandoned", allowed=["running", "ready"]
        )
    assert begun.reprocessing.id == UUID(first.body["reprocessing_id"])
    assert (begun.reprocessing.reason, begun.reprocessing.document_id) == ("parser", inside)
    again = say("msg_2")
    assert (again.status, again.body["is_new"]) == (202, True), "what was refused may come again"
    with desk.database.transaction(tenant) as session:
        newest = reprocessing.list_all(session)[0].reprocessing
    assert (newest.folder, newest.document_id) == ("contracts", None)


@pytest.mark.parametrize("effect", ["document", "reread"])
def test_a_sender_reaches_no_folder_that_is_closed_to_who_let_it_in(
    desk: App, admin: Principal, tenant: TenantId, effect: str
) -> None:
    inside = document(desk, tenant, "board")
    source = made(admin, effect=effect, folder="board")
    with desk.database.transaction(tenant) as session:
        session.connection.execute(
            "INSERT INTO kontor.access_grants (tenant_id, resource_kind, resource_id, subject,"
            " level, granted_by) SELECT %s, 'folder', f.id, %s, 'edit', f.id"
            " FROM kontor.folders AS f",
            (tenant, f"user:{uuid4()}"),
        )
    body = json.dumps({"document_id": str(inside), "text": "Neuer Beschluss."})
    answer = knock(source["path"], body, signed(source["secret"], body))
    assert (answer.status, "no " in answer.body["detail"]) == (404, True)
    with desk.database.transaction(tenant) as session:
        row = session.connection.execute(
            "SELECT (SELECT count(*) FROM kontor.uploads)"
            " + (SELECT count(*) FROM kontor.reprocessings)"
        ).fetchone()
    assert row == (0,)


def test_documents_follow_their_folder_and_make_it_anew_when_it_is_gone(
    desk: App, admin: Principal, tenant: TenantId
) -> None:
    source = made(admin, effect="document", folder="inbox")

    def put(text: str) -> str:
        body = json.dumps({"text": text})
        answer = knock(source["path"], body, signed(source["secret"], body, name=text))
        assert answer.status == 202, answer.body
        with desk.database.transaction(tenant) as session:
            row = session.connection.execute(
                "SELECT f.path FROM kontor.uploads AS u JOIN kontor.folders AS f"
                " ON f.id = u.folder_id WHERE u.id = %s",
                (answer.body["job_id"],),
            ).fetchone()
        assert row is not None
        return str(row[0])

    assert put("one") == "inbox"
    with desk.database.transaction(tenant) as session:
        session.connection.execute("UPDATE kontor.folders SET name = 'post', path = 'post'")
    assert put("two") == "post"
    with desk.database.transaction(tenant) as session:
        session.connection.execute("UPDATE kontor.uploads SET folder_id = NULL")
        session.connection.execute("DELETE FROM kontor.folders")
    assert put("three") == "inbox"


def document(desk: App, tenant: TenantId, folder: str) -> UUID:
    """Put a finished document into a folder of its own."""
    ids = {name: uuid4() for name in ("document", "version", "folder")}
    with desk.database.transaction(tenant) as session:
        for statement in (
            "INSERT INTO kontor.folders (tenant_id, id, name, path, created_by)"
            " VALUES (%(tenant)s, %(folder)s, %(name)s, %(name)s, %(folder)s)",
            "INSERT INTO kontor.documents (tenant_id, id, folder_id, title, media_type, created_by,"
            " current_version_id) VALUES (%(tenant)s, %(document)s, %(folder)s, 'Lease',"
            " 'text/plain', %(folder)s, %(version)s)",
            "INSERT INTO kontor.versions (tenant_id, id, document_id, number, filename, media_type,"
            " size_bytes, sha256, object_key, object_version, job_id, stage, created_by)"
            " VALUES (%(tenant)s, %(version)s, %(document)s, 1, 'lease.txt', 'text/plain', 3,"
            " sha256(%(name)s::bytea), 'k', '1', %(version)s, 'completed', %(folder)s)",
        ):
            session.connection.execute(statement, {**ids, "tenant": tenant, "name": folder})
    return ids["document"]


def test_too_long_message_is_refused(desk: App, admin: Principal) -> None:
    source = made(admin)
    body = " " * (desk.settings.webhook_max_bytes + 1)
    assert knock(source["path"], body, signed(source["secret"], body)).status == 413


def test_removed_source_and_suspended_tenant_hear_nothing(
    desk: App, admin: Principal, tenant: TenantId, owner_url: str
) -> None:
    kept, gone = made(admin), made(admin)
    assert call(handler, "DELETE", f"{PATH}/{gone['id']}", principal=admin).status == 204
    assert knock(gone["path"], "{}", signed(gone["secret"], "{}")).status == 401
    with psycopg.connect(owner_url) as owner:
        owner.execute("UPDATE kontor.tenants SET is_active = false WHERE id = %s", (tenant,))
    assert knock(kept["path"], "{}", signed(kept["secret"], "{}")).status == 401


def test_only_those_who_may_make_sources(
    desk: App, admin: Principal, viewer: Principal, stranger: Principal
) -> None:
    body = {"name": "x"}
    assert call(handler, "POST", PATH, body=body, principal=viewer).status == 403
    source = made(admin)
    assert call(handler, "DELETE", f"{PATH}/{source['id']}", principal=stranger).status == 404
    assert call(handler, "GET", PATH, principal=stranger).body["items"] == []
