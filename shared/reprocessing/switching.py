"""The switch: what was done anew is searched from now on; and the way back, until it is dropped.

A model is switched for the whole tenant in one transaction, since a question is embedded once. A
reading is switched document by document, each in a transaction of its own: a question finds all
of the old reading or all of the new one.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from uuid import UUID

from shared.adapters.database import Database, Session
from shared.adapters.objects import Objects
from shared.inference.embedding import Embedder
from shared.ingestion import readings
from shared.ingestion.derived import reading_prefix
from shared.kernel.errors import ConflictError, NotFoundError, UnavailableError
from shared.kernel.ids import TenantId
from shared.kernel.killpoints import reach
from shared.reprocessing import store
from shared.reprocessing.model import LEAST_TEXT_SHARE, Item, ItemState, Reprocessing, State
from shared.reprocessing.service import go_on
from shared.search import shadow
from shared.search.gate import compare_models

_AT_A_TIME = 50


def check_gate(
    session: Session,
    reprocessing_id: UUID,
    *,
    before: Embedder,
    open_embedder: Callable[[str], Embedder],
) -> dict[str, object]:
    """Measure whether the switch would lose anything, and keep what was found.

    A model is held against the one in use (``compare_models``); readings must keep at least four
    fifths of each document's letters. Returns the figures with ``is_open`` and ``reason``.
    Raises ConflictError while documents are still being worked on.
    """
    found = _in_state(session, reprocessing_id, "ready")
    gate = (
        _model_gate(session, before, open_embedder(found.model))
        if found.reason == "model"
        else _reading_gate(session, reprocessing_id)
    )
    store.change_gate(session, reprocessing_id, gate)
    return gate


def _model_gate(session: Session, before: Embedder, after: Embedder) -> dict[str, object]:
    verdict = compare_models(session, before, after)
    return {**asdict(verdict), "is_open": verdict.is_open}


def _reading_gate(session: Session, reprocessing_id: UUID) -> dict[str, object]:
    counts = store.count_items(session, reprocessing_id)
    lost = store.list_lost(session, reprocessing_id, share=LEAST_TEXT_SHARE)
    reason = ""
    if lost:
        worst = min(lost, key=lambda row: row.characters / max(1, row.former_characters))
        reason = (
            f"{len(lost)} documents would lose text: “{worst.title}” keeps {worst.characters:,} "
            f"of {worst.former_characters:,} characters."
        )
    documents = counts.get("ready", 0)
    return {"documents": documents, "lost": len(lost), "reason": reason, "is_open": not lost}


def begin_switch(session: Session, reprocessing_id: UUID, *, is_forced: bool) -> Reprocessing:
    """Switch a model, or begin to switch readings; ``carry_on`` does the rest.

    Raises ConflictError when the gate is shut or was never asked, unless ``is_forced``, and when
    documents came meanwhile that the new model has not embedded yet: they are embedded first.
    """
    found = _in_state(session, reprocessing_id, "ready")
    if not is_forced and not found.gate:
        raise ConflictError("The gate was not asked yet.", hint="Ask it: kontor reprocess gate.")
    if not is_forced and not found.gate.get("is_open"):
        raise ConflictError(
            f"The gate is shut. {found.gate.get('reason', '')}",
            hint="Abandon the reprocessing, or switch with --force.",
        )
    if found.model_id is None:
        return _changed(session, found, "switching")
    shadow.switch_model(session, found.model_id)
    for item in _items(session, reprocessing_id, "ready"):
        store.change_item(session, reprocessing_id, item.version_id, "switched", allowed=["ready"])
    reach("reprocessing.switched")
    return _changed(session, found, "switched")


def plan_late_comers(session: Session, reprocessing_id: UUID) -> int:
    """Have documents embedded that came after the plan; returns how many.

    Holds the tenant's index until the transaction ends, so that none comes between this and the
    switch of the model.
    """
    found = _in_state(session, reprocessing_id, "ready")
    if found.model_id is None:
        return 0
    shadow.hold_index(session)
    late = store.plan_vectors(session, reprocessing_id, model_id=found.model_id)
    if late:
        store.change_state(session, reprocessing_id, "running", allowed=["ready"])
        go_on(session, reprocessing_id)
    return late


def begin_revert(session: Session, reprocessing_id: UUID) -> Reprocessing:
    """Begin to go back to the former readings; raises ConflictError for a model.

    The way back from a model is another reprocessing to the former one: it embeds only what came
    since, as long as the former vectors were not dropped.
    """
    found = _in_state(session, reprocessing_id, "switched")
    if found.model_id is not None:
        raise ConflictError(
            "A switch of models is taken back by a reprocessing to the former model.",
            hint="Start one: kontor reprocess start --reason model --model NAME.",
        )
    return _changed(session, found, "reverting")


def carry_on(
    database: Database, tenant_id: TenantId, reprocessing_id: UUID, *, until: float
) -> Reprocessing:
    """Switch or revert document after document until all are, or ``time.monotonic()`` is past.

    May be called by several at once and after any crash.
    """
    while True:
        with database.transaction(tenant_id) as session:
            found = _existing(session, reprocessing_id)
            if found.state not in {"switching", "reverting"}:
                return found
            wanted: ItemState = "ready" if found.state == "switching" else "switched"
            items = store.list_items(session, reprocessing_id, states=[wanted], limit=_AT_A_TIME)
            if not items:
                done: State = "switched" if found.state == "switching" else "reverted"
                return _changed(session, found, done)
        for item in items:
            if time.monotonic() > until:
                return found
            with database.transaction(tenant_id) as session:
                _swap(session, found, item)


def resume(database: Database, tenant_id: TenantId, *, until: float) -> None:
    """Go on with every switch and revert that was interrupted."""
    with database.transaction(tenant_id) as session:
        unfinished = store.list_unfinished(session)
    for found in unfinished:
        if found.state in {"switching", "reverting"}:
            carry_on(database, tenant_id, found.id, until=until)


def _swap(session: Session, found: Reprocessing, item: Item) -> None:
    forward = found.state == "switching"
    wanted, leaving = (
        (item.reading, item.former_reading) if forward else (item.former_reading, item.reading)
    )
    allowed: ItemState = "ready" if forward else "switched"
    done: ItemState = "switched" if forward else "reverted"
    # Changed first: whoever else carries this on waits here and then finds nothing to do.
    if not store.change_item(session, found.id, item.version_id, done, allowed=[allowed]):
        return
    detail = ""
    if not store.is_current(session, item.version_id):
        detail = "A newer version has taken its place, or the document was removed."
    elif readings.active_reading(session, item.version_id) != leaving:
        detail = "Another reading has taken its place."
    if not detail:
        try:
            shadow.swap(session, item.version_id, reading=wanted)
        except UnavailableError as error:
            detail = error.detail
        else:
            readings.activate(session, item.version_id, wanted)
            reach("reprocessing.swapped")
    if detail:
        store.change_item(session, found.id, item.version_id, "gone", allowed=[done], detail=detail)


def begin_abandoning(session: Session, reprocessing_id: UUID) -> Reprocessing:
    """Give a reprocessing up before its switch: its workflows stop at their next step."""
    found = _existing(session, reprocessing_id)
    if found.state not in {"running", "ready"}:
        raise ConflictError(f"The reprocessing is {found.state}; it cannot be abandoned.")
    return _changed(session, found, "abandoned")


def drop(
    database: Database,
    objects: Objects,
    tenant_id: TenantId,
    reprocessing_id: UUID,
    *,
    until: float,
) -> int:
    """Forget what is not searched: the new readings of an abandoned one, else the old ones.

    The text of old readings stays, because citations point into it. Returns how many documents
    are left to do when the time is over. Raises ConflictError before the switch.
    """
    with database.transaction(tenant_id) as session:
        found = _existing(session, reprocessing_id)
        if found.state not in {"switched", "reverted", "abandoned"}:
            raise ConflictError(f"The reprocessing is {found.state}; there is nothing to drop yet.")
        if found.model_id is not None:
            _drop_vectors(session, found)
    states: list[ItemState] = ["planned", "running", "ready", "failed", "switched", "reverted"]
    while True:
        with database.transaction(tenant_id) as session:
            items = store.list_items(session, reprocessing_id, states=states, limit=_AT_A_TIME)
        if not items:
            return 0
        for item in items:
            if time.monotonic() > until:
                return len(items)
            _drop_item(database, objects, tenant_id, found, item)


def _drop_vectors(session: Session, found: Reprocessing) -> None:
    active = shadow.find_active_model_id(session)
    if found.state == "abandoned" and found.model_id is not None and found.model_id != active:
        shadow.drop_model(session, found.model_id)
    elif found.model_id == active and active is not None:
        shadow.drop_vectors(session, but_model_id=active)


def _drop_item(
    database: Database, objects: Objects, tenant_id: TenantId, found: Reprocessing, item: Item
) -> None:
    """Remove an item's shadow, and with an unwanted new reading its files too."""
    with database.transaction(tenant_id) as session:
        is_new_unwanted = found.state == "abandoned" or item.state == "failed"
        active = readings.active_reading(session, item.version_id)
        if found.reason != "model":
            for number in (item.reading, item.former_reading):
                if number != active:
                    shadow.drop_shadow(session, item.version_id, reading=number)
            if is_new_unwanted and item.reading != active:
                readings.forget(session, item.version_id, item.reading)
        allowed: list[ItemState] = [item.state]
        store.change_item(session, found.id, item.version_id, "gone", allowed=allowed)
    if found.reason != "model" and is_new_unwanted and item.reading != active:
        objects.remove(reading_prefix(tenant_id, item.version_id, item.reading))


def _items(session: Session, reprocessing_id: UUID, state: ItemState) -> list[Item]:
    return store.list_items(session, reprocessing_id, states=[state], limit=100_000)


def _in_state(session: Session, reprocessing_id: UUID, state: State) -> Reprocessing:
    found = _existing(session, reprocessing_id)
    if found.state != state:
        raise ConflictError(f"The reprocessing is {found.state}, not {state}.")
    return found


def _existing(session: Session, reprocessing_id: UUID) -> Reprocessing:
    found = store.lock_reprocessing(session, reprocessing_id)
    if found is None:
        raise NotFoundError("There is no such reprocessing.")
    return found


def _changed(session: Session, found: Reprocessing, state: State) -> Reprocessing:
    store.change_state(session, found.id, state, allowed=[found.state])
    return _existing(session, found.id)
