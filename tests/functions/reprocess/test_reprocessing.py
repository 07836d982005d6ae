"""Documents read, cut and embedded anew while search answers from what it has, then the switch."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from shared.adapters.outbox import QUERIES, Outgoing
from shared.documents import service as documents
from shared.inference import registry
from shared.inference.registry import known_model
from shared.ingestion.derived import load_document
from shared.ingestion.embeddings import Batch
from shared.ingestion.preferences import ReadingSettings, change_settings
from shared.ingestion.readings import active_reading
from shared.ingestion.service import Limits
from shared.ingestion.task import IngestTask
from shared.kernel import killpoints
from shared.kernel.errors import ConflictError, InvalidError, NotFoundError
from shared.kernel.ids import TenantId, UserId, VersionId, new_id
from shared.reprocessing import service, steps, switching
from shared.reprocessing.model import AT_ONCE, Order, Progress
from shared.search import service as search
from shared.search.model import SearchRequest
from shared.wiring import App
from tests.functions.conftest import Uploader
from tests.functions.steps.test_steps import CrashError, _run, _upload

MINILM = "all-MiniLM-L6-v2"
LIMITS = Limits(memory_mb=2048, timeout_s=60, chunk_tokens=64, batch_chunks=4)
USER = UserId(new_id())
LEASE = "# Lease\n\nThe lease of the garden ends on 31 December 2026.\n\n" + "\n\n".join(
    f"## Clause {n}\n\nClause {n} of the lease speaks of {thing} and what it costs in month {n}, "
    f"which the tenant pays without being asked to do so by anybody."
    for n, thing in enumerate(["hedges", "gates", "water", "roses", "snow", "paint"], start=1)
)
QUESTION = "When does the lease of the garden end?"


# -- a workflow's part, played by hand ----------------------------------------------------------


def waiting(app: App, tenant: TenantId) -> list[IngestTask]:
    """Take the workflows that were asked for, as the relay would, each once."""
    with app.database.transaction(tenant) as session:
        rows = session.all(QUERIES["list_unsent"], Outgoing, {"older_than_s": 0})
        session.execute(QUERIES["change_to_sent"], {"ids": [row.id for row in rows]})
    return [
        IngestTask.from_json(row.payload["task"])  # type: ignore[arg-type]
        for row in rows
        if row.destination == "ingest_workflow"
    ]


def work(app: App, task: IngestTask) -> None:
    """Run one version's workflow to its end."""
    count = app.tokenizer.count_tokens
    name = service.embedder_name(app.database, task, default=MINILM)
    answer = steps.parse(app.database, app.objects, task, count_tokens=count, limits=LIMITS)
    for each in answer["batches"]:  # type: ignore[attr-defined]
        steps.embed(
            app.database, app.objects, task, Batch(**each), embedder=app.embedder_named(name)
        )
    steps.index(
        app.database,
        app.objects,
        task,
        chunk_index=app.chunk_index,
        embedder_name=name,
    )
    steps.settle_done(app.database, task)


def work_all(app: App, tenant: TenantId) -> int:
    done = 0
    while tasks := waiting(app, tenant):
        for task in tasks:
            if task.reprocessing is not None:
                work(app, task)
                done += 1
    return done


def start(app: App, tenant: TenantId, order: Order) -> UUID:
    model = known_model(order.model).model if order.model else None
    with app.database.transaction(tenant) as session:
        return service.start(session, order, started_by=USER, model=model).reprocessing.id


def show(app: App, tenant: TenantId, reprocessing: UUID) -> Progress:
    with app.database.transaction(tenant) as session:
        return service.show(session, reprocessing)


def gate(app: App, tenant: TenantId, reprocessing: UUID) -> dict[str, object]:
    with app.database.transaction(tenant) as session:
        before = app.embedder_in(session)
        return switching.check_gate(
            session, reprocessing, before=before, open_embedder=app.embedder_named
        )


def switch(app: App, tenant: TenantId, reprocessing: UUID, *, is_forced: bool = False) -> str:
    with app.database.transaction(tenant) as session:
        switching.begin_switch(session, reprocessing, is_forced=is_forced)
    return carry_on(app, tenant, reprocessing)


def carry_on(app: App, tenant: TenantId, reprocessing: UUID) -> str:
    until = time.monotonic() + 60
    return switching.carry_on(app.database, tenant, reprocessing, until=until).state


def found(app: App, tenant: TenantId, query: str = QUESTION) -> list[tuple[int, str]]:
    with app.database.transaction(tenant) as session:
        hits = search.find(session, app.embedder_in(session), SearchRequest(query=query)).hits
    return [(hit.reading, hit.text) for hit in hits]


def rows(app: App, tenant: TenantId, table: str) -> int:
    with app.database.transaction(tenant) as session:
        row = session.connection.execute(f"SELECT count(*) FROM kontor.{table}").fetchone()  # type: ignore[arg-type]
    assert row is not None
    return int(row[0])


def settings(app: App, tenant: TenantId, **fields: object) -> None:
    wanted = ReadingSettings(**fields)  # type: ignore[arg-type]
    with app.database.transaction(tenant) as session:
        change_settings(session, wanted, most_tokens=254, changed_by=USER)


def put(app: App, uploader: Uploader, text: str = LEASE, **fields: object) -> IngestTask:
    task = _upload(app, uploader, text, **fields)  # type: ignore[arg-type]
    waiting(app, uploader.tenant)
    _run(app, task)
    return task


# -- chunks and parsers ---------------------------------------------------------------------------


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


# -- models ---------------------------------------------------------------------------------------


def variant(folder: Path, name: str, matrix: np.ndarray) -> registry.KnownModel:
    """Build another embedding model: the known one with its space turned by a matrix."""
    known = known_model(MINILM)
    width = matrix.shape[1]
    model = replace(
        known.model, name=name, dimension=width, revision=f"{known.model.revision}-turned"
    )
    source = folder / MINILM / known.model.revision
    target = folder / name / model.revision
    target.mkdir(parents=True)
    graph = onnx.load(source / "model.onnx")
    output = graph.graph.output[0].name
    graph.graph.output[0].type.tensor_type.shape.dim[1].dim_value = width
    for node in graph.graph.node:
        node.output[:] = ["plain" if each == output else each for each in node.output]
    graph.graph.initializer.append(numpy_helper.from_array(matrix.astype(np.float32), "turn"))
    graph.graph.node.append(helper.make_node("MatMul", ["plain", "turn"], ["turned"]))
    graph.graph.node.append(helper.make_node("LpNormalization", ["turned"], [output], axis=-1, p=2))
    onnx.save(graph, target / "model.onnx")
    shutil.copy(source / "tokenizer.json", target)
    card = json.loads((source / "model.json").read_text())
    card.update(name=name, revision=model.revision, dimension=width)
    card["files"]["model.onnx"]["size_bytes"] = (target / "model.onnx").stat().st_size
    (target / "model.json").write_text(json.dumps(card))
    return replace(known, model=model, wheel="")


@pytest.fixture(scope="module")
def turned_models(
    model_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, tuple[Path, registry.KnownModel]]:
    """Models with the same distances in other spaces, and one that has lost nearly all."""
    folder = tmp_path_factory.mktemp("models")
    shutil.copytree(model_dir / MINILM, folder / MINILM)
    random = np.random.default_rng(7)
    rotation, _ = np.linalg.qr(random.normal(size=(384, 384)))
    wide, _ = np.linalg.qr(random.normal(size=(768, 384)))
    flat = np.zeros((384, 384))
    flat[:, :2] = rotation[:, :2]
    return {
        name: (folder, variant(folder, name, matrix))
        for name, matrix in (("turned", rotation), ("widened", wide.T), ("flattened", flat))
    }


@pytest.fixture
def models(
    wired: App,
    turned_models: dict[str, tuple[Path, registry.KnownModel]],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[App]:
    """The App with these models in its registry."""
    for name, (folder, known) in turned_models.items():
        monkeypatch.setitem(registry.MODELS, name, known)
        moved = wired.settings.model_copy(update={"model_dir": str(folder)})
    monkeypatch.setattr(wired, "settings", moved)
    return wired


def test_a_new_model_answers_after_the_switch_and_the_way_back_is_open(
    models: App, tenant: TenantId, uploader: Uploader
) -> None:
    put(models, uploader)
    before = found(models, tenant)
    made = start(models, tenant, Order(reason="model", model="turned"))
    assert work_all(models, tenant) == 1
    assert found(models, tenant) == before
    verdict = gate(models, tenant, made)
    assert verdict["is_open"], verdict
    assert verdict["questions"] == rows(models, tenant, "chunks")
    assert verdict["found_after"] == verdict["found_before"] == 1
    assert switch(models, tenant, made) == "switched"
    with models.database.transaction(tenant) as session:
        assert models.embedder_in(session).model.name == "turned"
        wrong = search.find(session, models.embedder, SearchRequest(query=QUESTION)).hits
        right = search.find(session, models.embedder_in(session), SearchRequest(query=QUESTION))
    assert found(models, tenant) == before
    assert right.hits[0].dense_score == pytest.approx(wrong[0].dense_score, abs=0.01)

    back = start(models, tenant, Order(reason="model", model=MINILM))
    assert show(models, tenant, back).reprocessing.state == "ready"
    assert gate(models, tenant, back)["is_open"]
    assert switch(models, tenant, back) == "switched"
    with models.database.transaction(tenant) as session:
        assert models.embedder_in(session).model.name == MINILM
    assert found(models, tenant) == before
    switching.drop(models.database, models.objects, tenant, back, until=time.monotonic() + 9)
    assert rows(models, tenant, "chunk_vectors") == rows(models, tenant, "chunks")


def test_a_model_that_finds_less_is_refused_and_can_be_forced(
    models: App, tenant: TenantId, uploader: Uploader
) -> None:
    for number in range(12):
        put(models, uploader, LEASE.replace("garden", f"garden {number}"))
    made = start(models, tenant, Order(reason="model", model="flattened"))
    work_all(models, tenant)
    verdict = gate(models, tenant, made)
    assert not verdict["is_open"]
    assert float(str(verdict["found_after"])) < float(str(verdict["found_before"])) - 0.02
    with pytest.raises(ConflictError, match="The new model finds"):
        switch(models, tenant, made)
    assert switch(models, tenant, made, is_forced=True) == "switched"


def test_documents_that_come_during_and_after_a_switch_are_embedded_by_the_new_model(
    models: App, tenant: TenantId, uploader: Uploader
) -> None:
    put(models, uploader)
    made = start(models, tenant, Order(reason="model", model="turned"))
    work_all(models, tenant)
    late = put(models, uploader, LEASE.replace("garden", "harbour"))
    with models.database.transaction(tenant) as session:
        assert switching.plan_late_comers(session, made) == 1
    assert show(models, tenant, made).reprocessing.state == "running"
    assert work_all(models, tenant) == 1
    with models.database.transaction(tenant) as session:
        assert switching.plan_late_comers(session, made) == 0
        switching.begin_switch(session, made, is_forced=True)
    # Embedded by the old model before the switch, written into the index after it.
    put(models, uploader, LEASE.replace("garden", "island"))
    assert service.sweep(models.database, models.workflows, tenant, silent_after_s=0) == 0
    assert work_all(models, tenant) == 1
    assert rows(models, tenant, "chunk_vectors") == 2 * rows(models, tenant, "chunks")
    assert late.version_id is not None
    assert "island" in found(models, tenant, "When does the lease of the island end?")[0][1]


def test_a_model_of_another_width_takes_over_and_hands_back(
    models: App, tenant: TenantId, uploader: Uploader
) -> None:
    put(models, uploader)
    before = found(models, tenant)
    made = start(models, tenant, Order(reason="model", model="widened"))
    work_all(models, tenant)
    verdict = gate(models, tenant, made)
    assert verdict["is_open"], verdict
    assert verdict["found_after"] == verdict["graph_recall"] == 1
    assert switch(models, tenant, made) == "switched"
    assert found(models, tenant) == before
    # What comes from now on is embedded at the new width by the ordinary workflow.
    task = _upload(models, uploader, LEASE.replace("garden", "island"))
    _run(models, task, embedder=models.embedder_of(tenant))
    assert "island" in found(models, tenant, "When does the lease of the island end?")[0][1]
    assert rows(models, tenant, "chunk_vectors") == int(1.5 * rows(models, tenant, "chunks"))


def test_a_new_model_concerns_every_document(
    wired: App, tenant: TenantId, uploader: Uploader
) -> None:
    put(wired, uploader)
    with pytest.raises(InvalidError, match="concerns all documents"):
        start(wired, tenant, Order(reason="model", model=MINILM, folder="contracts"))


def test_another_tenants_reprocessing_is_not_there(
    wired: App, tenant: TenantId, other_tenant: TenantId, uploader: Uploader
) -> None:
    put(wired, uploader)
    made = start(wired, tenant, Order(reason="chunking"))
    with pytest.raises(NotFoundError):
        show(wired, other_tenant, made)
    with pytest.raises(NotFoundError), wired.database.transaction(other_tenant) as session:
        switching.begin_abandoning(session, made)
