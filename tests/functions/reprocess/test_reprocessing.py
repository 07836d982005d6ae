"""Documents read, cut and embedded anew while search answers from what it has, then the switch."""

from __future__ import annotations

import time
from uuid import UUID

import pytest

from shared.documents import service as documents
from shared.ingestion.derived import load_document
from shared.ingestion.readings import active_reading
from shared.kernel import killpoints
from shared.kernel.errors import ConflictError, InvalidError, NotFoundError
from shared.kernel.ids import TenantId, VersionId
from shared.reprocessing import service, steps, switching
from shared.reprocessing.model import AT_ONCE, Order
from shared.wiring import App
from tests.functions.conftest import Uploader
from tests.functions.reprocess.workflow import (
    LEASE,
    carry_on,
    found,
    gate,
    put,
    rows,
    settings,
    show,
    start,
    switch,
    waiting,
    work,
    work_all,
)
from tests.functions.steps.test_steps import CrashError


def test_new_chunks_are_searched_only_after_the_switch_and_old_citations_still_resolve(
    wired: App, tenant: TenantId, uploader: Uploader
) -> None:
    task = put(wired, uploader)
    before = found(wired, tenant)
    settings(wired, tenant, strategy="fixed", chunk_tokens=40, overlap_tokens=8)
    made = start(wired, tenant, Order(reason="chunking"))
    assert found(wired, tenant) == before
    assert work_all(wired, tenant) == 1
    assert show(wired, tenant, made).reprocessing.state == "ready"
    assert found(wired, tenant) == before
    assert gate(wired, tenant, made)["is_open"]
    assert switch(wired, tenant, made) == "switched"

    after = found(wired, tenant)
    assert {reading for reading, _ in after} == {2}
    assert any("31 December 2026" in text for _, text in after)
    with wired.database.transaction(tenant) as session:
        version = documents.find_version(session, task.version_id)
        assert active_reading(session, task.version_id) == 2
    assert (
        version.chunk_count == rows(wired, tenant, "chunks") == rows(wired, tenant, "chunk_vectors")
    )
    old = load_document(wired.objects, tenant, task.version_id, reading=1)
    assert all(text in old.text for _, text in before)

    with wired.database.transaction(tenant) as session:
        switching.begin_revert(session, made)
    assert carry_on(wired, tenant, made) == "reverted"
    assert found(wired, tenant) == before


def test_statistics_stay_exact_through_switch_and_revert(
    wired: App, tenant: TenantId, uploader: Uploader
) -> None:
    put(wired, uploader)

    def statistics() -> list[tuple[object, ...]]:
        with wired.database.transaction(tenant) as session:
            return session.connection.execute(
                "SELECT language, lexeme, chunk_count FROM kontor.lexeme_statistics ORDER BY 1, 2"
            ).fetchall()

    def counted() -> list[tuple[object, ...]]:
        with wired.database.transaction(tenant) as session:
            return session.connection.execute(
                "SELECT language, l, count(*)::integer FROM kontor.chunks,"
                " unnest(tsvector_to_array(lexemes)) AS l GROUP BY language, l"
                ' ORDER BY language, l COLLATE "C"'
            ).fetchall()

    before = statistics()
    settings(wired, tenant, strategy="fixed", chunk_tokens=32)
    made = start(wired, tenant, Order(reason="chunking"))
    work_all(wired, tenant)
    assert statistics() == before
    switch(wired, tenant, made, is_forced=True)
    assert statistics() == counted() != before
    with wired.database.transaction(tenant) as session:
        switching.begin_revert(session, made)
    carry_on(wired, tenant, made)
    assert statistics() == before


def test_a_parser_reads_the_same_bytes_again(
    wired: App, tenant: TenantId, uploader: Uploader
) -> None:
    task = put(wired, uploader)
    made = start(wired, tenant, Order(reason="parser", document_id=task.document_id))
    work_all(wired, tenant)
    gate(wired, tenant, made)
    assert switch(wired, tenant, made) == "switched"
    first, second = (
        load_document(wired.objects, tenant, task.version_id, reading=n) for n in (1, 2)
    )
    assert first == second
    assert {reading for reading, _ in found(wired, tenant)} == {2}


def test_only_the_folder_that_was_named_is_done(
    wired: App, tenant: TenantId, uploader: Uploader
) -> None:
    put(wired, uploader, folder="contracts/2026")
    put(wired, uploader, LEASE.replace("garden", "harbour"), folder="letters")
    made = start(wired, tenant, Order(reason="chunking", folder="contracts"))
    assert work_all(wired, tenant) == 1
    with pytest.raises(ConflictError, match="Another"):
        start(wired, tenant, Order(reason="chunking"))
    with wired.database.transaction(tenant) as session:
        switching.begin_abandoning(session, made)
    with pytest.raises(InvalidError, match="no document"):
        start(wired, tenant, Order(reason="chunking", folder="nowhere"))


def test_a_reading_that_loses_text_shuts_the_gate(
    wired: App, tenant: TenantId, uploader: Uploader
) -> None:
    task = put(wired, uploader)
    before = found(wired, tenant)
    made = start(wired, tenant, Order(reason="chunking"))
    work_all(wired, tenant)
    with wired.database.transaction(tenant) as session:
        session.connection.execute(
            "UPDATE kontor.readings SET character_count = 10 WHERE version_id = %s AND number = 2",
            (task.version_id,),
        )
    with pytest.raises(ConflictError, match="not asked"):
        switch(wired, tenant, made)
    assert not gate(wired, tenant, made)["is_open"]
    with pytest.raises(ConflictError, match="would lose text"):
        switch(wired, tenant, made)
    assert found(wired, tenant) == before
    assert switch(wired, tenant, made, is_forced=True) == "switched"


def test_what_cannot_be_read_again_keeps_what_it_has_and_says_why(
    wired: App, tenant: TenantId, uploader: Uploader
) -> None:
    put(wired, uploader)
    before = found(wired, tenant)
    made = start(wired, tenant, Order(reason="parser"))
    (task,) = waiting(wired, tenant)
    steps.settle_failed(wired.database, task, "The file is broken.")
    progress = show(wired, tenant, made)
    assert progress.reprocessing.state == "ready"
    assert [failure.detail for failure in progress.failures] == ["The file is broken."]
    switch(wired, tenant, made, is_forced=True)
    assert found(wired, tenant) == before


def test_a_version_replaced_meanwhile_is_left_alone(
    wired: App, tenant: TenantId, uploader: Uploader
) -> None:
    task = put(wired, uploader)
    made = start(wired, tenant, Order(reason="chunking"))
    work_all(wired, tenant)
    put(wired, uploader, LEASE.replace("2026", "2031"), document_id=task.document_id)
    before = found(wired, tenant)
    assert switch(wired, tenant, made, is_forced=True) == "switched"
    assert found(wired, tenant) == before
    assert show(wired, tenant, made).counts == {"gone": 1}


def test_workflows_start_a_few_at_a_time_and_the_next_when_one_is_done(
    wired: App, tenant: TenantId, uploader: Uploader
) -> None:
    for number in range(AT_ONCE + 3):
        put(wired, uploader, f"# Note {number}\n\nThis note is number {number}.")
    made = start(wired, tenant, Order(reason="chunking"))
    tasks = waiting(wired, tenant)
    assert len(tasks) == AT_ONCE
    work(wired, tasks[0])
    assert len(waiting(wired, tenant)) == 1
    assert show(wired, tenant, made).counts == {"ready": 1, "running": AT_ONCE, "planned": 2}


def test_a_dropped_reading_leaves_no_row_and_abandoning_no_file(
    wired: App, tenant: TenantId, uploader: Uploader
) -> None:
    task = put(wired, uploader)
    made = start(wired, tenant, Order(reason="chunking"))
    with pytest.raises(ConflictError):
        switching.drop(wired.database, wired.objects, tenant, made, until=time.monotonic() + 9)
    work_all(wired, tenant)
    with wired.database.transaction(tenant) as session:
        switching.begin_abandoning(session, made)
    left = switching.drop(wired.database, wired.objects, tenant, made, until=time.monotonic() + 9)
    assert left == 0
    assert rows(wired, tenant, "shadow_chunks") == rows(wired, tenant, "shadow_vectors") == 0
    with pytest.raises(NotFoundError):
        load_document(wired.objects, tenant, task.version_id, reading=2)

    again = start(wired, tenant, Order(reason="chunking"))
    work_all(wired, tenant)
    switch(wired, tenant, again, is_forced=True)
    assert rows(wired, tenant, "shadow_chunks") > 0
    switching.drop(wired.database, wired.objects, tenant, again, until=time.monotonic() + 9)
    assert rows(wired, tenant, "shadow_chunks") == 0
    assert load_document(wired.objects, tenant, task.version_id, reading=1).text


POINTS = [
    "reprocessing.planned", "reparse.recorded", "reembed.stored", "reindex.recorded",
    "reprocessing.settled", "reprocessing.swapped",
]  # fmt: skip


@pytest.mark.parametrize("point", POINTS)
def test_a_crash_anywhere_loses_and_doubles_nothing(
    wired: App, tenant: TenantId, uploader: Uploader, point: str
) -> None:
    task = put(wired, uploader)
    settings(wired, tenant, chunk_tokens=32)

    def die(reached: str) -> None:
        if reached == point:
            killpoints.arm(None)
            raise CrashError(point)

    def whole() -> UUID:
        made = start(wired, tenant, Order(reason="chunking", document_id=task.document_id))
        for each in waiting(wired, tenant):
            work(wired, each)
        switch(wired, tenant, made, is_forced=True)
        return made

    killpoints.arm(die)
    try:
        with pytest.raises(CrashError):
            whole()
    finally:
        killpoints.arm(None)
    with wired.database.transaction(tenant) as session:
        under_way = service.list_all(session)
    if not under_way:
        whole()
    else:
        made = under_way[0].reprocessing.id
        if under_way[0].reprocessing.state == "running":
            service.sweep(wired.database, wired.workflows, tenant, silent_after_s=0)
            work_all(wired, tenant)
            switch(wired, tenant, made, is_forced=True)
        else:
            carry_on(wired, tenant, made)
        assert show(wired, tenant, made).reprocessing.state == "switched"
    with wired.database.transaction(tenant) as session:
        counted = session.connection.execute(
            "SELECT count(*), count(DISTINCT ordinal), min(reading), max(reading)"
            " FROM kontor.chunks"
        ).fetchone()
        version = documents.find_version(session, VersionId(task.version_id))
    assert counted == (version.chunk_count, version.chunk_count, 2, 2)
    assert rows(wired, tenant, "chunk_vectors") == version.chunk_count
