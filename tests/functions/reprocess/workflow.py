"""A reprocessing's workflow played by hand, and the library it works on."""

from __future__ import annotations

import time
from uuid import UUID

from shared.adapters.outbox import QUERIES, Outgoing
from shared.inference.registry import known_model
from shared.ingestion.embeddings import Batch
from shared.ingestion.preferences import ReadingSettings, change_settings
from shared.ingestion.service import Limits
from shared.ingestion.task import IngestTask
from shared.kernel.ids import TenantId, UserId, new_id
from shared.reprocessing import service, steps, switching
from shared.reprocessing.model import Order, Progress
from shared.search import service as search
from shared.search.model import SearchRequest
from shared.wiring import App
from tests.functions.conftest import Uploader
from tests.functions.steps.test_steps import _run, _upload

MINILM = "all-MiniLM-L6-v2"
LIMITS = Limits(memory_mb=2048, timeout_s=60, chunk_tokens=64, batch_chunks=4)
USER = UserId(new_id())
LEASE = "# Lease\n\nThe lease of the garden ends on 31 December 2026.\n\n" + "\n\n".join(
    f"## Clause {n}\n\nClause {n} of the lease speaks of {thing} and what it costs in month {n}, "
    f"which the tenant pays without being asked to do so by anybody."
    for n, thing in enumerate(["hedges", "gates", "water", "roses", "snow", "paint"], start=1)
)
QUESTION = "When does the lease of the garden end?"


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
