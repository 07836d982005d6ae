"""Orphans both ways: rows whose objects are gone, objects of which no row knows."""

from __future__ import annotations

from datetime import timedelta

import psycopg
import pytest

from shared.adapters import outbox
from shared.documents import service as documents
from shared.documents.model import Version
from shared.ingestion.intake import take_in
from shared.kernel.ids import TenantId, new_id
from shared.realtime import service as realtime
from shared.recovery import orphans
from shared.recovery.orphans import Orphans
from shared.wiring import App
from tests.functions.conftest import Uploader
from tests.functions.sweep.test_sweep import _reconciler

TEXT = b"Das Dach wird im August gedeckt.\n"


def _kept(app: App, uploader: Uploader, name: str, body: bytes) -> Version:
    arrival = uploader.send(name, body)
    take_in(app.database, app.objects, arrival, max_bytes=1 << 20)
    with app.database.transaction(uploader.tenant) as session:
        job = realtime.find_job(session, arrival.upload_id)
        assert job.version_id is not None
        return documents.find_version(session, job.version_id)


def _version(app: App, tenant: TenantId, version: Version) -> Version:
    with app.database.transaction(tenant) as session:
        return documents.find_version(session, version.id)


def test_version_whose_original_is_gone_fails_with_the_true_reason(
    wired: App, tenant: TenantId, uploader: Uploader
) -> None:
    lost = _kept(wired, uploader, "lost.txt", TEXT)
    kept = _kept(wired, uploader, "kept.txt", TEXT + b"2")
    wired.objects.remove(lost.object_key)
    found = Orphans(wired.database, wired.objects).sweep(tenant)
    assert found["versions_without_original"] == 1
    failed = _version(wired, tenant, lost)
    assert (failed.stage, failed.failure) == ("failed", orphans.GONE)
    assert _version(wired, tenant, kept).stage == "uploaded"
    assert not any(Orphans(wired.database, wired.objects).sweep(tenant).values())


def test_version_that_was_read_stays_findable_and_warns_once(
    wired: App, tenant: TenantId, uploader: Uploader, owner_url: str
) -> None:
    lost = _kept(wired, uploader, "lost.txt", TEXT)
    with psycopg.connect(owner_url) as connection:
        connection.execute("UPDATE kontor.versions SET stage = 'completed'")
    wired.objects.remove(lost.object_key)
    for _ in range(2):
        Orphans(wired.database, wired.objects).sweep(tenant)
    version = _version(wired, tenant, lost)
    assert (version.stage, version.warnings) == ("completed", [orphans.GONE_BUT_READ])


def test_walk_through_the_versions_goes_on_where_it_stopped(
    wired: App, tenant: TenantId, uploader: Uploader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orphans, "VERSIONS_PER_SWEEP", 1)
    made = [_kept(wired, uploader, f"{n}.txt", TEXT + bytes([n])) for n in range(48, 51)]
    wired.objects.remove(made[2].object_key)
    found = [Orphans(wired.database, wired.objects).sweep(tenant) for _ in range(3)]
    assert [one["versions_without_original"] for one in found] == [0, 0, 1]


def test_objects_without_rows_are_removed_once_they_are_old(
    wired: App,
    tenant: TenantId,
    other_tenant: TenantId,
    uploader: Uploader,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept = _kept(wired, uploader, "kept.txt", TEXT)
    wired.objects.put(f"derived/{tenant}/{kept.id}/chunks.json.gz", b"x")
    strays = [f"uploads/{tenant}/{new_id()}/a.txt", f"derived/{tenant}/{new_id()}/v/1.f16"]
    foreign = f"derived/{other_tenant}/{new_id()}/v/1.f16"
    for key in (*strays, foreign):
        wired.objects.put(key, b"x")
    assert not any(Orphans(wired.database, wired.objects).sweep(tenant).values()), "still young"
    monkeypatch.setattr(orphans, "GRACE", timedelta(seconds=-60))
    found = Orphans(wired.database, wired.objects).sweep(tenant)
    assert (found["uploads_without_row"], found["derived_without_row"]) == (1, 1)
    left = {info.key for prefix in ("uploads/", "derived/") for info in wired.objects.list(prefix)}
    assert left == {kept.object_key, f"derived/{tenant}/{kept.id}/chunks.json.gz", foreign}


def test_places_of_workflows_that_died_are_given_back(
    wired: App, tenant: TenantId, uploader: Uploader, owner_url: str
) -> None:
    with wired.database.transaction(tenant) as session:
        outbox.request_workflow(session, "gone", {"task": 1})
    outbox.relay(wired.database, tenant, bus=wired.bus, workflows=wired.workflows)
    with psycopg.connect(owner_url) as connection:
        connection.execute(
            "UPDATE kontor.running_workflows SET name = 'never-heard-of',"
            " started_at = now() - interval '1 hour'"
        )
    assert _reconciler(wired).sweep(tenant)["runs"] == 1
    with wired.database.transaction(tenant) as session:
        assert outbox.list_running(session, older_than_s=-1) == []


def test_upload_that_nobody_takes_in_is_announced_at_growing_intervals(
    wired: App, tenant: TenantId, uploader: Uploader, owner_url: str
) -> None:
    uploader.send("dach.txt", TEXT)
    with psycopg.connect(owner_url) as connection:
        connection.execute("UPDATE kontor.uploads SET created_at = now() - interval '1 minute'")
    assert [_reconciler(wired).sweep(tenant)["uploads"] for _ in range(3)] == [1, 0, 0]
    with psycopg.connect(owner_url) as connection:
        connection.execute("UPDATE kontor.uploads SET created_at = now() - interval '9 days'")
        connection.execute("UPDATE kontor.uploads SET resent_at = now() - interval '1 hour'")
    assert _reconciler(wired).sweep(tenant)["uploads"] == 1
    with psycopg.connect(owner_url) as connection:
        row = connection.execute("SELECT state FROM kontor.uploads").fetchone()
    assert row == ("dead",)
