"""Sending: an event becomes deliveries, a delivery becomes a signed request, an answer its end.

The row of a delivery is the truth; queue messages only say that it is worth a look. So a message
too many does nothing, and a lost one is found by the sweep.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

from shared.adapters.database import Database, Session
from shared.adapters.queues import LONGEST_DELAY_S, Queue
from shared.kernel.clock import now
from shared.kernel.errors import KontorError, NotFoundError
from shared.kernel.ids import TenantId, new_id
from shared.kernel.killpoints import reach
from shared.webhooks import signing, store
from shared.webhooks.model import GONE, STAGES, Outcome, Taken, delay_s, is_wanted
from shared.webhooks.service import Wires

logger = logging.getLogger(__name__)
_LONGEST_DETAIL = 300


def fan_out(
    database: Database, queue: Queue, tenant_id: TenantId, detail: Mapping[str, object]
) -> int:
    """Make a delivery of a fact from the bus for everybody who asked for it; returns how many.

    Repeating it makes none again; what a crash leaves unsent, the sweep sends.
    """
    event = STAGES.get(str(detail.get("stage", "")), str(detail.get("action", "")))
    with database.transaction(tenant_id) as session:
        made = _record(session, event, UUID(str(detail["event_id"])), detail)
    reach("webhook.recorded")
    for delivery_id in made:
        send(queue, tenant_id, delivery_id)
    return len(made)


def test_endpoint(session: Session, endpoint_id: UUID) -> UUID:
    """Make a delivery that says nothing but that it came; returns its id."""
    event_id = new_id()
    body = _body("webhook.tested", now().isoformat(), {"endpoint_id": str(endpoint_id)})
    made = store.record_delivery(
        session, endpoint_id=endpoint_id, event_id=event_id, event="webhook.tested", body=body
    )
    assert made is not None
    return made


def send(queue: Queue, tenant_id: TenantId, delivery_id: UUID, *, after_s: float = 0) -> None:
    """Say that a delivery is worth a look."""
    message = {"tenant_id": str(tenant_id), "delivery_id": str(delivery_id)}
    queue.send(message, delay_s=round(after_s))


def deliver(
    database: Database,
    queue: Queue,
    wires: Wires,
    tenant_id: TenantId,
    delivery_id: UUID,
    *,
    disable_after_days: int,
) -> str:
    """Try a delivery once; returns its state then: delivered, waiting, dead, or idle.

    Idle means that there was nothing to try: it is done, somebody else has it, or its endpoint
    is not active.
    """
    with database.transaction(tenant_id) as session:
        taken = store.take_delivery(session, delivery_id)
    if taken is None:
        return "idle"
    outcome = _attempt(wires, taken)
    reach("webhook.sent")
    wait_s = None if outcome.is_good or outcome.status == GONE else delay_s(taken.attempts)
    state = "delivered" if outcome.is_good else "dead" if wait_s is None else "waiting"
    with database.transaction(tenant_id) as session:
        store.settle_delivery(session, taken.id, outcome, state=state, delay_s=wait_s or 0)
        _judge(session, taken, outcome, disable_after_days=disable_after_days)
    if wait_s is not None and wait_s <= LONGEST_DELAY_S:
        send(queue, tenant_id, taken.id, after_s=wait_s)
    logger.info(
        "webhook tried",
        extra={"delivery": str(taken.id), "state": state, "status": outcome.status},
    )
    return state


def _record(
    session: Session, event: str, event_id: UUID, detail: Mapping[str, object]
) -> list[UUID]:
    about = store.list_listening(
        session, document_id=_about(detail, "document"), job_id=_about(detail, "job")
    )
    listening = [each for each in about if is_wanted(event, each.events)]
    if not listening:
        return []
    body = _body(event, str(detail.get("at", "")), _data(detail))
    made = [
        store.record_delivery(
            session, endpoint_id=each.id, event_id=event_id, event=event, body=body
        )
        for each in listening
    ]
    return [each for each in made if each is not None]


def _about(detail: Mapping[str, object], kind: str) -> UUID | None:
    """Read which document or job a fact is about: it names it, or an act's subject does."""
    named = str(detail.get(f"{kind}_id") or "")
    if not named and "action" in detail:
        subject_kind, _, subject_id = str(detail.get("subject", "")).partition(":")
        named = subject_id if subject_kind == kind else ""
    return UUID(named) if named else None


def _data(detail: Mapping[str, object]) -> dict[str, object]:
    """Choose what outsiders are told: ids and words, nothing of what a document says."""
    names = ("document_id", "version_id", "job_id", "subject", "actor_id", "details")
    data = {name: detail[name] for name in names if detail.get(name) is not None}
    if detail.get("stage") == "failed":
        data["reason"] = detail.get("detail", "")
    return {**data, "correlation_id": detail.get("correlation_id", "")}


def _body(event: str, at: str, data: Mapping[str, object]) -> str:
    return json.dumps({"type": event, "timestamp": at, "data": data}, ensure_ascii=False)


def _attempt(wires: Wires, taken: Taken) -> Outcome:
    started = time.monotonic()
    try:
        status = _post(wires, taken)
    except KontorError as error:
        # Whatever is wrong on the way is the receiver's to mend, and written down for its owner.
        detail = f"{error.detail} {error.hint}".strip()[:_LONGEST_DETAIL]
        return Outcome(None, detail, _since(started))
    return Outcome(status, f"The receiver answered {status}.", _since(started))


def _post(wires: Wires, taken: Taken) -> int:
    body = taken.body.encode()
    keys = [wires.secrets.read(taken.secret_name)]
    if taken.former_until is not None and taken.former_until > now():
        try:
            keys.append(wires.secrets.read(taken.former_secret_name))
        except NotFoundError:
            logger.warning("former secret is gone", extra={"endpoint": str(taken.endpoint_id)})
    headers = signing.sign(keys, f"msg_{taken.id}", int(time.time()), body)
    url = wires.check(taken.url)
    return wires.egress.post(url, body, media_type="application/json", headers=headers).status


def _since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)


def _judge(session: Session, taken: Taken, outcome: Outcome, *, disable_after_days: int) -> None:
    """Remember how an endpoint does, and switch off one that is gone or has failed for days."""
    if outcome.is_good:
        store.note_success(session, taken.endpoint_id)
        return
    store.note_failure(session, taken.endpoint_id)
    since = taken.failing_since
    detail = ""
    if outcome.status == GONE:
        detail = "The receiver answered 410: it wants no more."
    elif since is not None and now() - since > timedelta(days=disable_after_days):
        detail = f"It has failed for more than {disable_after_days} days: {outcome.detail}"
    if detail and store.disable_endpoint(session, taken.endpoint_id, detail):
        logger.warning("webhook disabled", extra={"endpoint": str(taken.endpoint_id)})
