"""The trail over HTTP: read by those who may, proved whole, taken away; refusals stand in it."""

from __future__ import annotations

import json
from uuid import uuid4

import psycopg
import pytest

from functions.audit import routes
from functions.audit.handler import handler
from shared.adapters import aws as clients
from shared.adapters.objects import Objects
from shared.audit import proof, service
from shared.identity.model import Principal
from shared.kernel.ids import TenantId
from shared.wiring import App
from tests.functions.http_events import call, http_event

PATH = "/api/v1/audit"


@pytest.fixture
def trail(served: App, tenant: TenantId, admin: Principal) -> TenantId:
    for number in range(3):
        with served.database.transaction(tenant) as session:
            service.record(
                session,
                actor_id=admin.user_id,
                action="document.changed",
                subject=f"document:{number}",
            )
    return tenant


@pytest.fixture
def anchors(served: App, aws: str) -> Objects:
    """A bucket with Object Lock, as the template declares it."""
    name = f"t-{uuid4().hex[:12]}"
    client = clients.client("s3", region=served.settings.storage_region, endpoint=aws)
    client.create_bucket(
        Bucket=name,
        ObjectLockEnabledForBucket=True,
        CreateBucketConfiguration={"LocationConstraint": "eu-central-1"},
    )
    found = Objects(name, region=served.settings.storage_region, endpoint=aws)
    served.__dict__["anchors"] = found
    return found


def test_entries_are_paged_filtered_and_say_where_from(trail: TenantId, admin: Principal) -> None:
    first = call(handler, "GET", PATH, query={"limit": "2"}, principal=admin).body
    second = call(
        handler, "GET", PATH, query={"limit": "2", "cursor": first["next_cursor"]}, principal=admin
    ).body
    subjects = [each["subject"] for each in first["items"] + second["items"]]
    assert subjects == ["document:2", "document:1", "document:0"]
    chosen = {"subject": "document:1", "action": "document", "actor_id": str(admin.user_id)}
    assert len(call(handler, "GET", PATH, query=chosen, principal=admin).body["items"]) == 1
    nobody = {"outcome": "refused"}
    assert call(handler, "GET", PATH, query=nobody, principal=admin).body["items"] == []


@pytest.mark.parametrize("path", [PATH, f"{PATH}/verify", f"{PATH}/export"])
def test_others_are_refused_and_the_refusal_is_an_entry(
    served: App, trail: TenantId, admin: Principal, editor: Principal, path: str
) -> None:
    headers = {"x-correlation-id": "c-77", "user-agent": "test"}
    assert call(handler, "GET", path, principal=editor, headers=headers).status == 403
    assert call(handler, "GET", path).status == 401
    (entry,) = call(handler, "GET", PATH, query={"outcome": "refused"}, principal=admin).body[
        "items"
    ]
    assert (entry["action"], entry["subject"]) == ("access.refused", f"route:GET {path}")
    assert (entry["actor_id"], entry["address"]) == (str(editor.user_id), "127.0.0.1")
    assert (entry["correlation_id"], entry["user_agent"]) == ("c-77", "test")


def test_strangers_see_their_own_trail_only(trail: TenantId, stranger: Principal) -> None:
    assert call(handler, "GET", PATH, principal=stranger).body["items"] == []
    verdict = call(handler, "GET", f"{PATH}/verify", principal=stranger).body
    assert (verdict["is_whole"], verdict["checked"]) == (True, 0)


def test_verdict_names_the_first_bad_entry(
    trail: TenantId, admin: Principal, owner_url: str
) -> None:
    assert call(handler, "GET", f"{PATH}/verify", principal=admin).body["is_whole"]
    with psycopg.connect(owner_url) as owner:
        owner.execute(
            "UPDATE kontor.audit_events SET details = '{}', action = 'document.changee'"
            " WHERE subject = 'document:1'"
        )
    verdict = call(handler, "GET", f"{PATH}/verify", principal=admin).body
    assert (verdict["is_whole"], verdict["bad_sequence"]) == (False, 2)
    assert "changed" in verdict["problem"]


def test_rewritten_trail_is_found_by_its_anchor(
    served: App, trail: TenantId, admin: Principal, owner_url: str, anchors: Objects
) -> None:
    assert proof.anchor(served.database, trail, anchors)
    assert not proof.anchor(served.database, trail, anchors), "once a day"
    verdict = call(handler, "GET", f"{PATH}/verify", principal=admin).body
    assert (verdict["is_whole"], verdict["anchors"]) == (True, 1)
    with psycopg.connect(owner_url) as owner:  # the whole of it, chained anew without the first
        owner.execute("DELETE FROM kontor.audit_links")
        owner.execute("DELETE FROM kontor.audit_heads")
        owner.execute("DELETE FROM kontor.audit_anchors")
        rows = "CREATE TEMP TABLE kept AS SELECT * FROM kontor.audit_events ORDER BY id OFFSET 1"
        owner.execute(rows.encode())
        owner.execute("DELETE FROM kontor.audit_events")
        owner.execute("INSERT INTO kontor.audit_events SELECT * FROM kept")
    with served.database.transaction(trail) as session:
        service.record(session, actor_id=None, action="document.changed", subject="document:9")
    ((key, _),) = list(anchors.list_first_versions("trail/"))
    forged = {"sequence": 1, "hash": "00", "anchored_at": "2026-01-01T00:00:00.000000Z"}
    anchors.put(key, json.dumps(forged).encode())
    verdict = call(handler, "GET", f"{PATH}/verify", principal=admin).body
    assert not verdict["is_whole"]
    assert "rewritten" in verdict["problem"]


def test_anchor_cannot_be_removed(served: App, trail: TenantId, anchors: Objects) -> None:
    proof.anchor(served.database, trail, anchors)
    ((key, version),) = list(anchors.list_first_versions("trail/"))
    client = clients.client(
        "s3",
        region=served.settings.storage_region,
        endpoint=served.settings.aws_endpoint_url,
    )
    held = client.head_object(Bucket=anchors.bucket, Key=key, VersionId=version)
    assert held["ObjectLockMode"] == "COMPLIANCE"
    with pytest.raises(client.exceptions.ClientError, match="AccessDenied"):
        client.delete_object(Bucket=anchors.bucket, Key=key, VersionId=version)


def test_export_comes_in_pages_and_is_itself_recorded(trail: TenantId, admin: Principal) -> None:
    def export(**query: str) -> tuple[list[str], str | None]:
        answer = handler(
            http_event("GET", f"{PATH}/export", query={**query, "limit": "2"}, principal=admin),
            None,
        )
        return answer["body"].splitlines(), answer["headers"].get(routes.NEXT_HEADER)

    first, after = export()
    assert [json.loads(line)["sequence"] for line in first] == [1, 2]
    second, end = export(after=str(after))
    assert json.loads(second[0])["subject"] == "document:2"
    assert len(second) == 2, "the first export is in the trail by now"
    assert end is not None
    rows, _ = export(format="csv")
    assert rows[0].startswith("id,at,actor_id,action")


def test_suspended_tenants_people_get_nowhere(
    served: App, trail: TenantId, admin: Principal, owner_url: str
) -> None:
    with psycopg.connect(owner_url) as owner:
        owner.execute("UPDATE kontor.tenants SET is_active = false WHERE id = %s", (trail,))
    answer = call(handler, "GET", PATH, principal=admin)
    assert answer.status == 403
    assert "suspended" in answer.body["detail"]
    with served.database.transaction(trail) as session:
        assert service.list_events(session).items, "the system's own work goes on"
