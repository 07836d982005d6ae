"""The rows of webhooks, one typed function per query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from shared.adapters.database import Session
from shared.adapters.queries import load_queries
from shared.kernel.ids import TenantId, UserId, new_id
from shared.webhooks.model import Delivery, Endpoint, Outcome, Source, Taken

QUERIES = load_queries("shared.webhooks")


@dataclass(frozen=True, slots=True)
class Counted:
    """How many there are."""

    count: int


@dataclass(frozen=True, slots=True)
class Listening:
    """Who listens to what."""

    id: UUID
    events: list[str]


@dataclass(frozen=True, slots=True)
class Made:
    """A delivery's id."""

    id: UUID


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose address it is; ``None`` for nobody's."""

    tenant_id: UUID | None


def record_endpoint(
    session: Session,
    endpoint_id: UUID,
    *,
    url: str,
    description: str,
    events: Sequence[str],
    secret_name: str,
    created_by: UserId,
) -> Endpoint:
    """Insert an endpoint."""
    return session.get(
        QUERIES["record_endpoint"],
        Endpoint,
        {
            "id": endpoint_id,
            "url": url,
            "description": description,
            "events": list(events),
            "secret_name": secret_name,
            "created_by": created_by,
        },
    )


def count_endpoints(session: Session) -> int:
    """Count a tenant's endpoints."""
    return session.get(QUERIES["count_endpoints"], Counted).count


def list_endpoints(session: Session) -> list[Endpoint]:
    """List a tenant's endpoints."""
    return session.all(QUERIES["list_endpoints"], Endpoint)


def find_endpoint(session: Session, endpoint_id: UUID) -> Endpoint | None:
    """Look an endpoint up and lock it."""
    return session.find(QUERIES["find_endpoint"], Endpoint, {"id": endpoint_id})


def change_endpoint(
    session: Session,
    endpoint_id: UUID,
    *,
    url: str | None,
    description: str | None,
    events: Sequence[str] | None,
    state: str | None,
) -> Endpoint | None:
    """Change what is given of an endpoint."""
    return session.find(
        QUERIES["change_endpoint"],
        Endpoint,
        {
            "id": endpoint_id,
            "url": url,
            "description": description,
            "events": None if events is None else list(events),
            "state": state,
        },
    )


def change_secret(
    session: Session, endpoint_id: UUID, *, secret_name: str, hours: int
) -> Endpoint | None:
    """Put another secret in place of the present one."""
    params = {"id": endpoint_id, "secret_name": secret_name, "hours": hours}
    return session.find(QUERIES["change_secret"], Endpoint, params)


def remove_endpoint(session: Session, endpoint_id: UUID) -> Endpoint | None:
    """Delete an endpoint."""
    return session.find(QUERIES["remove_endpoint"], Endpoint, {"id": endpoint_id})


def list_listening(
    session: Session, *, document_id: UUID | None, job_id: UUID | None
) -> list[Listening]:
    """List who listens to what, and may hear of a document or what is on its way in."""
    params = {"document_id": document_id, "job_id": job_id}
    return session.all(QUERIES["list_listening"], Listening, params)


def record_delivery(
    session: Session, *, endpoint_id: UUID, event_id: UUID, event: str, body: str
) -> UUID | None:
    """Insert a delivery; ``None`` when the endpoint is told of this event already."""
    made = session.find(
        QUERIES["record_delivery"],
        Made,
        {
            "id": new_id(),
            "endpoint_id": endpoint_id,
            "event_id": event_id,
            "event": event,
            "body": body,
        },
    )
    return None if made is None else made.id


def take_delivery(session: Session, delivery_id: UUID) -> Taken | None:
    """Take a delivery to try it; ``None`` when somebody else does, or it is not to be tried."""
    return session.find(QUERIES["take_delivery"], Taken, {"id": delivery_id})


def settle_delivery(
    session: Session, delivery_id: UUID, outcome: Outcome, *, state: str, delay_s: float
) -> None:
    """Write what an attempt came to."""
    session.execute(
        QUERIES["settle_delivery"],
        {
            "id": delivery_id,
            "state": state,
            "status": outcome.status,
            "detail": outcome.detail,
            "duration_ms": outcome.duration_ms,
            "delay_s": delay_s,
        },
    )


def note_success(session: Session, endpoint_id: UUID) -> None:
    """Forget that an endpoint has failed."""
    session.execute(QUERIES["note_success"], {"id": endpoint_id})


def note_failure(session: Session, endpoint_id: UUID) -> None:
    """Note since when an endpoint fails."""
    session.execute(QUERIES["note_failure"], {"id": endpoint_id})


def disable_endpoint(session: Session, endpoint_id: UUID, detail: str) -> bool:
    """Switch an endpoint off; False when it is off already."""
    params = {"id": endpoint_id, "detail": detail}
    return session.execute(QUERIES["disable_endpoint"], params) == 1


def list_deliveries(
    session: Session, endpoint_id: UUID, *, before: UUID | None, state: str | None, limit: int
) -> list[Delivery]:
    """List deliveries, newest first."""
    params = {"endpoint_id": endpoint_id, "before": before, "state": state, "limit": limit}
    return session.all(QUERIES["list_deliveries"], Delivery, params)


def replay_deliveries(session: Session, endpoint_id: UUID, ids: Sequence[UUID]) -> list[UUID]:
    """Set deliveries going again; returns which."""
    params = {"endpoint_id": endpoint_id, "ids": list(ids)}
    return [made.id for made in session.all(QUERIES["replay_deliveries"], Made, params)]


def list_dead(session: Session, endpoint_id: UUID) -> list[UUID]:
    """List deliveries that were given up on."""
    found = session.all(QUERIES["list_dead"], Made, {"endpoint_id": endpoint_id})
    return [made.id for made in found]


def list_due(session: Session) -> list[UUID]:
    """List deliveries that wait although their time has come."""
    return [made.id for made in session.all(QUERIES["list_due"], Made)]


def remove_old_deliveries(session: Session) -> None:
    """Delete deliveries that were finished long ago."""
    session.execute(QUERIES["remove_old_deliveries"])


def record_source(
    session: Session,
    source_id: UUID,
    *,
    name: str,
    scheme: str,
    effect: str,
    folder: str,
    folder_id: UUID | None,
    secret_name: str,
    created_by: UserId,
) -> Source:
    """Insert a source."""
    return session.get(
        QUERIES["record_source"],
        Source,
        {
            "id": source_id,
            "name": name,
            "scheme": scheme,
            "effect": effect,
            "folder": folder,
            "folder_id": folder_id,
            "secret_name": secret_name,
            "created_by": created_by,
        },
    )


def list_sources(session: Session) -> list[Source]:
    """List a tenant's sources."""
    return session.all(QUERIES["list_sources"], Source)


def find_source(session: Session, source_id: UUID) -> Source | None:
    """Look a source up."""
    return session.find(QUERIES["find_source"], Source, {"id": source_id})


def remove_source(session: Session, source_id: UUID) -> Source | None:
    """Delete a source."""
    return session.find(QUERIES["remove_source"], Source, {"id": source_id})


def count_received(session: Session, source_id: UUID) -> None:
    """Count a message."""
    session.execute(QUERIES["count_received"], {"id": source_id})


def find_source_tenant(session: Session, source_id: UUID) -> TenantId | None:
    """Tell whose address it is."""
    found = session.get(QUERIES["find_source_tenant"], Owner, {"id": source_id}).tenant_id
    return None if found is None else TenantId(found)
