"""Use cases of reprocessing: start it, follow it, keep it going after a crash."""

from __future__ import annotations

from uuid import UUID

from shared.adapters.database import Database, Session
from shared.adapters.outbox import request_workflow
from shared.adapters.workflows import Workflows
from shared.documents import service as documents
from shared.files.formats import reader_of
from shared.inference.model import EmbeddingModel
from shared.ingestion.task import IngestTask
from shared.kernel.context import correlation_id
from shared.kernel.errors import ConflictError, InvalidError, NotFoundError
from shared.kernel.ids import JobId, TenantId, UserId, new_id
from shared.kernel.killpoints import reach
from shared.reprocessing import store
from shared.reprocessing.model import (
    AT_ONCE,
    MOST_ATTEMPTS,
    Item,
    ItemState,
    Order,
    Progress,
    Reprocessing,
)
from shared.search.shadow import find_active_model, register_model

_SHOWN_FAILURES = 20
_SHOWN = 50


def start(
    session: Session, order: Order, *, started_by: UserId, model: EmbeddingModel | None = None
) -> Progress:
    """Plan what an order covers and start the first workflows.

    ``model`` is the new embedding model where that is the reason. Raises InvalidError when there
    is nothing to do or the order makes no sense, ConflictError while another one is under way.
    """
    _check(order, model)
    for other in store.list_unfinished(session):
        if other.state != "switched":
            raise ConflictError(
                f"Another reprocessing is {other.state}.",
                hint="Switch it or abandon it first: kontor reprocess status.",
            )
    if order.document_id is not None:
        documents.find_document(session, order.document_id)
    reprocessing_id = new_id()
    model_id = None if model is None else register_model(session, model)
    store.record_reprocessing(
        session, reprocessing_id, order, model_id=model_id, started_by=started_by
    )
    if model_id is None:
        if store.plan_readings(session, reprocessing_id, order) == 0:
            raise InvalidError("There is no document to read anew there.")
    else:
        store.plan_vectors(session, reprocessing_id, model_id=model_id)
    reach("reprocessing.planned")
    go_on(session, reprocessing_id)
    return show(session, reprocessing_id)


def _check(order: Order, model: EmbeddingModel | None) -> None:
    if order.document_id is not None and order.folder:
        raise InvalidError("Name a document or a folder, not both.")
    if (order.reason == "model") != (model is not None):
        raise InvalidError("A new model is named exactly when the reason is the model.")
    if order.reason == "model" and (order.document_id is not None or order.folder):
        raise InvalidError(
            "A new embedding model concerns all documents: a question is embedded only once.",
            hint="Leave the document and the folder out.",
        )


def show(session: Session, reprocessing_id: UUID) -> Progress:
    """Return a reprocessing with its counts; raises NotFoundError."""
    found = store.find_reprocessing(session, reprocessing_id)
    if found is None:
        raise NotFoundError("There is no such reprocessing.")
    return Progress(
        found,
        store.count_items(session, reprocessing_id),
        store.list_failures(session, reprocessing_id, limit=_SHOWN_FAILURES),
    )


def list_all(session: Session) -> list[Progress]:
    """List the last reprocessings with their counts, newest first."""
    return [
        Progress(each, store.count_items(session, each.id))
        for each in store.list_reprocessings(session, limit=_SHOWN)
    ]


def embedder_name(database: Database, task: IngestTask, *, default: str) -> str:
    """Return which model embeds for a task: the new one where that is the reason."""
    assert task.reprocessing is not None
    with database.transaction(task.tenant_id) as session:
        found = store.find_reprocessing(session, task.reprocessing)
        if found is None:
            raise NotFoundError("Nobody wants the document done anew any more.")
        return found.model or find_active_model(session) or default


def settle(
    session: Session, reprocessing_id: UUID, item: Item, state: ItemState, *, detail: str = ""
) -> None:
    """Write what became of a running item and start the next one."""
    if store.change_item(
        session, reprocessing_id, item.version_id, state, allowed=["running"], detail=detail
    ):
        go_on(session, reprocessing_id)


def go_on(session: Session, reprocessing_id: UUID) -> None:
    """Start as many planned items as may run; with none left the reprocessing is ready."""
    found = store.lock_reprocessing(session, reprocessing_id)
    if found is None or found.state not in {"running", "switched"}:
        return
    counts = store.count_items(session, reprocessing_id)
    free = AT_ONCE - counts.get("running", 0)
    for item in store.list_planned(session, reprocessing_id, limit=max(0, free)):
        store.change_item(session, reprocessing_id, item.version_id, "running", allowed=["planned"])
        _request(session, found, item)
    if not counts.get("planned", 0) and not counts.get("running", 0):
        store.change_state(session, reprocessing_id, "ready", allowed=["running"])


def _request(session: Session, found: Reprocessing, item: Item) -> None:
    task = _task(session.tenant_id, found, item)
    request_workflow(session, task.execution_name, {"task": task.to_json()}, priority=2)


def _task(tenant_id: TenantId | None, found: Reprocessing, item: Item) -> IngestTask:
    assert tenant_id is not None
    return IngestTask(
        tenant_id=tenant_id,
        document_id=item.document_id,
        version_id=item.version_id,
        job_id=JobId(found.id),
        attempt=item.attempt,
        correlation_id=correlation_id(),
        # Only a parser needs its own libraries; everything else works on what was read before.
        reader=reader_of(item.media_type) if found.reason == "parser" else "office",
        reading=item.reading,
        reprocessing=found.id,
    )


def sweep(
    database: Database, workflows: Workflows, tenant_id: TenantId, *, silent_after_s: float
) -> int:
    """Go on with what a crash interrupted, and embed what came after a switch of models.

    Returns how many workflows were asked for again.
    """
    with database.transaction(tenant_id) as session:
        unfinished = store.list_unfinished(session)
    restarted = 0
    for found in unfinished:
        with database.transaction(tenant_id) as session:
            silent = store.list_silent(session, found.id, older_than_s=silent_after_s)
        for item in silent:
            if not workflows.is_running(_task(tenant_id, found, item).execution_name):
                restarted += _restart(database, tenant_id, found, item)
        with database.transaction(tenant_id) as session:
            if found.state == "switched" and found.model_id is not None:
                store.plan_vectors(session, found.id, model_id=found.model_id)
            go_on(session, found.id)
    return restarted


def _restart(database: Database, tenant_id: TenantId, found: Reprocessing, item: Item) -> int:
    with database.transaction(tenant_id) as session:
        if item.attempt >= MOST_ATTEMPTS:
            detail = f"Interrupted {item.attempt} times."
            settle(session, found.id, item, "failed", detail=detail)
            return 0
        store.change_attempt(session, found.id, item.version_id)
        again = store.find_item(session, found.id, item.version_id)
        if again is None:
            settle(session, found.id, item, "gone", detail="The document was removed meanwhile.")
            return 0
        _request(session, found, again)
        reach("reprocessing.restarted")
    return 1
