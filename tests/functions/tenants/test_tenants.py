"""A tenant's life: quota, export, suspension, the wish to go and its end; the same for a person."""

from __future__ import annotations

import io
import json
import time
import zipfile
from typing import Any
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest

from functions.tenants.handler import handler
from shared.adapters import aws as clients
from shared.adapters.database import Database
from shared.audit import proof
from shared.audit import service as audit
from shared.documents import quotas
from shared.documents import service as documents
from shared.documents.service import NewUpload
from shared.identity.model import Principal
from shared.kernel.context import working_on
from shared.kernel.errors import NotFoundError, RefusedError, TooLargeError
from shared.kernel.ids import TenantId, UserId, new_id
from shared.tenancy import service as tenancy
from shared.tenancy.exporting import Exporter, entry_of
from shared.tenancy.model import export_prefix
from shared.tenancy.store import Original
from shared.wiring import App
from tests.functions.crashes import crash_everywhere
from tests.functions.http_events import call
from tests.functions.pipeline import Pipeline

TEXT = "# Mietvertrag\n\nDie Kündigungsfrist beträgt drei Monate.\n"


@pytest.fixture
def people(owner_url: str, tenant: TenantId, admin: Principal) -> UserId:
    """Two people of the tenant: the administrator, and somebody who writes."""
    writer = UserId(new_id())
    with psycopg.connect(owner_url) as owner:
        for person, email, role in (
            (admin.user_id, admin.email, "admin"),
            (writer, "wim@acme.example", "editor"),
        ):
            owner.execute(
                "INSERT INTO kontor.users (tenant_id, id, email, display_name, password_hash, role)"
                " VALUES (%s, %s, %s, 'Wim', '$argon2id$secret', %s)",
                (tenant, person, email, role),
            )
    return writer


@pytest.fixture
def shop(desk: App, aws: str) -> App:
    """The App with a queue of jobs."""
    options = {"region": desk.settings.storage_region, "endpoint": aws}
    name = f"t-{uuid4().hex[:12]}"
    desk.tenant_queue.url = clients.client("sqs", **options).create_queue(QueueName=name)[
        "QueueUrl"
    ]
    return desk


def converse(app: App, tenant: TenantId, user: UserId, words: str) -> UUID:
    """Leave a conversation with one message of a person's."""
    conversation = new_id()
    with app.database.transaction(tenant) as session:
        session.connection.execute(
            "INSERT INTO kontor.conversations (tenant_id, id, user_id, title)"
            " VALUES (%s, %s, %s, %s)",
            (tenant, conversation, user, words),
        )
        session.connection.execute(
            "INSERT INTO kontor.messages (tenant_id, id, conversation_id, role, content, state)"
            " VALUES (%s, %s, %s, 'user', %s, 'asked')",
            (tenant, new_id(), conversation, words),
        )
    return conversation


def work_off(app: App, tenant: TenantId) -> None:
    """Do what waits, as the worker would."""
    with app.database.system_transaction() as session:
        waiting = [work for work in tenancy.list_work(session) if work.tenant_id == tenant]
    for work in waiting:
        app.workshop.go_on(work)


def unpacked(app: App, tenant: TenantId, task_id: str) -> dict[str, bytes]:
    """Return an export's entries, and its manifest."""
    prefix = export_prefix(tenant, UUID(task_id))
    found = {"manifest.json": app.objects.get(f"{prefix}manifest.json")}
    for part in json.loads(found["manifest.json"])["parts"]:
        body = app.objects.get(prefix + part["name"])
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            for name in archive.namelist():
                assert name not in found, name
                found[name] = archive.read(name)
    return found


def lines(entries: dict[str, bytes], table: str) -> list[dict[str, Any]]:
    return [
        json.loads(line)
        for name, body in sorted(entries.items())
        if name.startswith(f"tables/{table}-")
        for line in body.splitlines()
    ]


# -- export -----------------------------------------------------------------------------------


def test_export_holds_all_that_is_the_tenants_and_no_secret(
    shop: App,
    tenant: TenantId,
    admin: Principal,
    people: UserId,
    pipeline: Pipeline,
    stranger: Principal,
) -> None:
    pipeline.put(TEXT, "mietvertrag.md", folder="verträge/2026")
    converse(shop, tenant, people, "Wie lange?")
    converse(shop, stranger.tenant_id, stranger.user_id, "von anderen")
    asked = call(handler, "POST", "/api/v1/tenant/exports", principal=admin)
    assert (asked.status, asked.body["state"]) == (202, "waiting")
    again = call(handler, "POST", "/api/v1/tenant/exports", principal=admin)
    assert again.body["id"] == asked.body["id"], "the same wish is the same job"
    work_off(shop, tenant)
    path = f"/api/v1/tenant/tasks/{asked.body['id']}"
    shown = call(handler, "GET", path, principal=admin).body
    assert shown["state"] == "done"
    assert httpx.get(shown["manifest_url"]).json()["counts"] == shown["counts"]
    assert len(httpx.get(shown["parts"][0]["url"]).content) == shown["parts"][0]["size_bytes"]
    entries = unpacked(shop, tenant, asked.body["id"])
    assert entries["documents/verträge/2026/mietvertrag.md"].decode() == TEXT
    assert {user["email"] for user in lines(entries, "users")} == {
        "amy@acme.example",
        "wim@acme.example",
    }
    assert [each["content"] for each in lines(entries, "messages")] == ["Wie lange?"]
    assert lines(entries, "tenants")[0]["slug"] == "acme"
    assert len(lines(entries, "audit_events")) == len(lines(entries, "audit_links"))
    everything = b"".join(entries.values())
    assert b"argon2id" not in everything
    assert b"von anderen" not in everything
    assert call(handler, "GET", path, principal=stranger).status == 404


def test_interrupted_export_goes_on_where_it_stopped(
    shop: App, tenant: TenantId, admin: Principal, people: UserId, pipeline: Pipeline
) -> None:
    for number in range(3):
        pipeline.put(f"{TEXT}\n{number}\n", f"nummer-{number}.md")
    with shop.database.transaction(tenant) as session:
        task = tenancy.request_export(session, admin)
    looks = 0
    while True:  # every look has time for one part only
        with shop.database.transaction(tenant) as session:
            kept = tenancy.find_task(session, admin, task.id)
        exporter = Exporter(shop.database, shop.objects, tenant, kept, part_bytes=200)
        exporter._write_part(exporter._sources())
        looks += 1
        if exporter._is_over(exporter._sources()):
            break
        assert looks < 500
    exporter._write_manifest()
    entries = unpacked(shop, tenant, str(task.id))
    assert looks > 3
    assert sum(name.startswith("documents/") for name in entries) == 3
    assert len(lines(entries, "documents")) == 3
    assert len({row["id"] for row in lines(entries, "folders")}) == len(lines(entries, "folders"))
    assert len(lines(entries, "users")) == 2


def test_an_export_whose_worker_dies_anywhere_is_whole_in_the_end(
    shop: App,
    tenant: TenantId,
    admin: Principal,
    people: UserId,
    pipeline: Pipeline,
    owner_url: str,
) -> None:
    pipeline.put(TEXT, "mietvertrag.md")
    asked = call(handler, "POST", "/api/v1/tenant/exports", principal=admin).body

    def wait() -> None:
        with psycopg.connect(owner_url) as owner:
            owner.execute("UPDATE kontor.tenant_tasks SET touched_at = now() - interval '1 hour'")

    met = crash_everywhere(lambda: work_off(shop, tenant), wait)
    assert met == ["export.part", "export.position"]
    shown = call(handler, "GET", f"/api/v1/tenant/tasks/{asked['id']}", principal=admin).body
    assert shown["state"] == "done"
    entries = unpacked(shop, tenant, asked["id"])
    assert len(lines(entries, "documents")) == shown["counts"]["documents"] == 1
    assert len(lines(entries, "users")) == shown["counts"]["users"] == 2


@pytest.mark.parametrize(
    ("folder", "title", "expected"),
    [
        ("a/b", "x.md", "documents/a/b/x.md"),
        ("../..", "../evil", "documents/_/_/.._evil"),
        ("", "", "documents/_"),
        ("a\x00", 'q"<>', "documents/a_/q___"),
    ],
)
def test_no_name_leads_out_of_the_archive(folder: str, title: str, expected: str) -> None:
    original = Original(
        id=new_id(),
        document_id=new_id(),
        number=1,
        filename="f",
        object_key="k",
        object_version="",
        size_bytes=1,
        is_current=True,
        title=title,
        folder=folder,
        is_second=False,
    )
    assert entry_of(original) == expected


def test_export_is_taken_away_after_a_week(
    shop: App, tenant: TenantId, admin: Principal, people: UserId, owner_url: str
) -> None:
    with shop.database.transaction(tenant) as session:
        task = tenancy.request_export(session, admin)
    work_off(shop, tenant)
    assert shop.workshop.expire_exports(tenant) == 0
    with psycopg.connect(owner_url) as owner:
        owner.execute("UPDATE kontor.tenant_tasks SET finished_at = now() - interval '8 days'")
    assert shop.workshop.expire_exports(tenant) == 1
    assert list(shop.objects.list(export_prefix(tenant, task.id))) == []
    shown = call(handler, "GET", f"/api/v1/tenant/tasks/{task.id}", principal=admin).body
    assert (shown["state"], shown["parts"]) == ("expired", [])


def test_only_those_who_may_ask(
    shop: App, tenant: TenantId, people: UserId, viewer: Principal, admin: Principal
) -> None:
    writer = Principal(tenant, people, "wim@acme.example", "editor")
    for path, body in (
        ("/api/v1/tenant/exports", None),
        ("/api/v1/tenant/erasure", {"confirm": "acme"}),
        (f"/api/v1/users/{admin.user_id}/export", None),
        (f"/api/v1/users/{admin.user_id}/erasure", {"confirm": admin.email}),
    ):
        assert call(handler, "POST", path, body=body, principal=writer).status == 403, path
    mine = call(handler, "POST", f"/api/v1/users/{people}/export", principal=writer)
    assert mine.status == 202, "what is known of oneself is one's own to ask for"
    assert len(call(handler, "GET", "/api/v1/tenant/tasks", principal=writer).body["items"]) == 1
    assert call(handler, "GET", "/api/v1/tenant/tasks", principal=viewer).body["items"] == []


# -- one person -------------------------------------------------------------------------------


def test_persons_export_holds_their_own_and_nobody_elses(
    shop: App, tenant: TenantId, admin: Principal, people: UserId
) -> None:
    converse(shop, tenant, people, "meine Frage")
    converse(shop, tenant, admin.user_id, "ihre Frage")
    asked = call(handler, "POST", f"/api/v1/users/{people}/export", principal=admin).body
    work_off(shop, tenant)
    entries = unpacked(shop, tenant, asked["id"])
    rows = lines(entries, "conversations")
    assert [each["content"] for each in rows if each.get("table") == "messages"] == ["meine Frage"]
    assert [each["email"] for each in lines(entries, "users")] == ["wim@acme.example"]
    assert b"ihre Frage" not in b"".join(entries.values())


def test_person_is_erased_and_what_they_made_for_all_stays(
    shop: App, tenant: TenantId, admin: Principal, people: UserId, owner_url: str
) -> None:
    converse(shop, tenant, people, "meine Frage")
    kept = converse(shop, tenant, admin.user_id, "ihre Frage")
    path = f"/api/v1/users/{people}/erasure"
    assert call(handler, "POST", path, body={"confirm": "x"}, principal=admin).status == 422
    own = f"/api/v1/users/{admin.user_id}/erasure"
    assert call(handler, "POST", own, body={"confirm": admin.email}, principal=admin).status == 409
    body = {"confirm": "Wim@acme.example "}
    assert call(handler, "POST", path, body=body, principal=admin).status == 202
    work_off(shop, tenant)
    with psycopg.connect(owner_url) as owner:
        conversations = owner.execute("SELECT id FROM kontor.conversations").fetchall()
        person = owner.execute(
            "SELECT email, display_name, password_hash, is_active FROM kontor.users WHERE id = %s",
            (people,),
        ).fetchone()
    assert conversations == [(kept,)]
    assert person == (f"erased-{people}@erased.invalid", "Erased", "!", False)
    with shop.database.transaction(tenant) as session:
        (entry,) = audit.list_events(session, action="user.erased").items
    assert entry.subject == f"user:{people}"
    assert proof.verify(shop.database, tenant, anchors=None).is_whole


# -- the end ----------------------------------------------------------------------------------


def rows_left(owner_url: str, tenant: TenantId) -> dict[str, int]:
    """Count what is left of a tenant in every table of the catalog."""
    found = {}
    with psycopg.connect(owner_url) as owner:
        names = owner.execute(
            "SELECT c.table_name FROM information_schema.columns AS c"
            " WHERE c.table_schema = 'kontor' AND c.column_name = 'tenant_id'"
        ).fetchall()
        for (name,) in names:
            row = owner.execute(
                f"SELECT count(*) FROM kontor.{name} WHERE tenant_id = %s".encode(), (tenant,)
            ).fetchone()
            assert row is not None
            if row[0]:
                found[str(name)] = int(row[0])
    return found


def test_tenant_is_erased_after_its_grace_and_a_tombstone_stays(
    shop: App,
    tenant: TenantId,
    admin: Principal,
    people: UserId,
    pipeline: Pipeline,
    stranger: Principal,
    owner_url: str,
) -> None:
    pipeline.put(TEXT, "mietvertrag.md", folder="verträge/2026")
    converse(shop, tenant, people, "Wie lange?")
    converse(shop, stranger.tenant_id, stranger.user_id, "von anderen")
    others = rows_left(owner_url, stranger.tenant_id)
    path = "/api/v1/tenant/erasure"
    assert call(handler, "POST", path, body={"confirm": "globex"}, principal=admin).status == 422
    body = {"confirm": "acme", "grace_days": 1}
    asked = call(handler, "POST", path, body=body, principal=admin)
    assert asked.status == 202, asked.body
    assert asked.body["erasure"]["due_at"] > asked.body["erasure"]["requested_at"]
    work_off(shop, tenant)
    assert rows_left(owner_url, tenant)["documents"] == 1, "nothing goes within the grace"
    with psycopg.connect(owner_url) as owner:
        owner.execute("UPDATE kontor.tenant_erasures SET due_at = now()")
    looks = 0
    while not shop.workshop.erasure.run(tenant, until=time.monotonic()):
        looks += 1
        assert looks < 300, rows_left(owner_url, tenant)
        with pytest.raises(RefusedError), working_on(correlation="", viewer=admin.viewer):
            _look(shop.database, tenant)
    assert looks > 5, "each look had time for one slice only"
    left = rows_left(owner_url, tenant)
    assert left == {"tenant_tombstones": 1}
    assert [info.key for info in shop.objects.list("") if str(tenant) in info.key] == []
    assert rows_left(owner_url, stranger.tenant_id) == others
    with psycopg.connect(owner_url) as owner:
        row = owner.execute(
            "SELECT slug, requested_by, counts FROM kontor.tenant_tombstones"
        ).fetchone()
        gone = owner.execute("SELECT count(*) FROM kontor.tenants WHERE id = %s", (tenant,))
        assert gone.fetchone() == (0,)
    assert row is not None
    assert row[:2] == ("acme", f"user:{admin.user_id}")
    assert (row[2]["users"], row[2]["documents"]) == (2, 1)
    work_off(shop, tenant)


def test_an_erasure_whose_worker_dies_anywhere_is_brought_to_its_end(
    shop: App,
    tenant: TenantId,
    admin: Principal,
    people: UserId,
    pipeline: Pipeline,
    stranger: Principal,
    owner_url: str,
) -> None:
    pipeline.put(TEXT, "mietvertrag.md")
    converse(shop, stranger.tenant_id, stranger.user_id, "von anderen")
    others = rows_left(owner_url, stranger.tenant_id)
    call(handler, "POST", "/api/v1/tenant/erasure", body={"confirm": "acme"}, principal=admin)
    with psycopg.connect(owner_url) as owner:
        owner.execute("UPDATE kontor.tenant_erasures SET due_at = now()")
    met = crash_everywhere(lambda: work_off(shop, tenant))
    assert set(met) == {f"tenant_erasure.{point}" for point in ("begun", "files", "slice", "rows")}
    assert rows_left(owner_url, tenant) == {"tenant_tombstones": 1}
    assert [info.key for info in shop.objects.list("") if str(tenant) in info.key] == []
    assert rows_left(owner_url, stranger.tenant_id) == others


def _look(database: Database, tenant: TenantId) -> None:
    with database.transaction(tenant):
        pass


def test_wish_can_be_taken_back_until_it_begins(
    shop: App, tenant: TenantId, admin: Principal, people: UserId, owner_url: str
) -> None:
    path = "/api/v1/tenant/erasure"
    assert call(handler, "DELETE", path, principal=admin).status == 404
    call(handler, "POST", path, body={"confirm": "acme"}, principal=admin)
    assert call(handler, "DELETE", path, principal=admin).status == 204
    assert call(handler, "GET", "/api/v1/tenant", principal=admin).body["erasure"] is None
    with shop.database.transaction(tenant) as session:
        acts = [each.action for each in audit.list_events(session, action="tenant_erasure").items]
    assert acts == ["tenant_erasure.removed", "tenant_erasure.made"]
    assert shop.workshop.erasure.run(tenant, until=time.monotonic() + 60), "there is none"


def test_functions_cannot_erase_before_the_time(
    shop: App, tenant: TenantId, admin: Principal, people: UserId
) -> None:
    call(handler, "POST", "/api/v1/tenant/erasure", body={"confirm": "acme"}, principal=admin)
    for statement in (
        "SELECT * FROM kontor.erase_rows(100, '{}')",
        "SELECT kontor.finish_erasure()",
        f"SELECT kontor.erase_person('{people}')",
        "UPDATE kontor.tenant_erasures SET due_at = now()",
        "UPDATE kontor.tenants SET is_active = false",
    ):
        with (
            pytest.raises(Exception, match="refused a statement"),
            shop.database.transaction(tenant) as session,
        ):
            session.connection.execute(statement.encode())


# -- quota and suspension -----------------------------------------------------------------------


def test_quota_is_felt_before_the_upload(
    shop: App, tenant: TenantId, admin: Principal, people: UserId, owner_url: str
) -> None:
    owner = Database(owner_url)
    with owner.transaction(tenant) as session:
        tenancy.set_quota(session, storage_bytes=1000, documents=2)
    owner.close()

    def announce(size: int) -> None:
        with shop.database.transaction(tenant) as session:
            documents.announce_upload(
                session,
                NewUpload(filename="a.txt", size_bytes=size),
                created_by=admin.user_id,
                max_bytes=1 << 20,
                expiry_s=60,
            )

    announce(600)
    with pytest.raises(TooLargeError, match="have no room"):
        announce(401)
    announce(400)
    with pytest.raises(TooLargeError):
        announce(1)
    shown = call(handler, "GET", "/api/v1/usage", principal=admin).body
    assert shown == {
        "documents": 2,
        "storage_bytes": 1000,
        "most_documents": 2,
        "most_storage_bytes": 1000,
    }
    with shop.database.transaction(tenant) as session:
        assert quotas.usage(session).most_documents == 2


def test_suspended_tenant_keeps_everything_and_lets_nobody_in(
    shop: App, tenant: TenantId, admin: Principal, people: UserId, owner_url: str
) -> None:
    owner = Database(owner_url)
    with owner.transaction(tenant) as session:
        tenancy.suspend(session, because="unpaid")
    answer = call(handler, "GET", "/api/v1/tenant", principal=admin)
    assert (answer.status, "suspended" in answer.body["detail"]) == (403, True)
    with owner.transaction(tenant) as session:
        tenancy.resume(session)
    assert call(handler, "GET", "/api/v1/tenant", principal=admin).status == 200
    with owner.transaction(TenantId(new_id())) as session, pytest.raises(NotFoundError):
        tenancy.resume(session)
    owner.close()
    with shop.database.transaction(tenant) as session:
        acts = [each.action for each in audit.list_events(session, action="tenant").items]
    assert acts == ["tenant.resumed", "tenant.suspended"]
