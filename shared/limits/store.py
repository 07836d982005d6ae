"""The rows of limits, one typed function per query."""

from __future__ import annotations

from datetime import datetime

from shared.adapters.database import Database, Session
from shared.adapters.queries import load_queries
from shared.limits.model import Begun, Caller, Forgotten, KnownRequest, Plan, Standing, Stored

QUERIES = load_queries("shared.limits")


def charge_caller(database: Database, caller: Caller, cost: int) -> Standing | None:
    """Take tokens; ``None`` when nothing limits this caller."""
    return database.find(
        QUERIES["charge_caller"],
        Standing,
        {"tenant": caller.tenant_id, "scope": caller.scope, "caller": caller.name, "cost": cost},
    )


def list_standings(session: Session, caller: Caller) -> list[Standing]:
    """List what is left of each limit of the caller, its tenant's last."""
    params = {"scope": caller.scope, "caller": caller.name}
    return session.all(QUERIES["list_standings"], Standing, params)


def find_plan(session: Session) -> Plan | None:
    """Look the tenant's plan up."""
    return session.find(QUERIES["find_plan"], Plan)


def find_stored(session: Session) -> int:
    """Return how many bytes the tenant keeps."""
    return session.get(QUERIES["find_stored"], Stored).size_bytes


def change_plan(session: Session, plan: str) -> Plan | None:
    """Give a tenant another plan; ``None`` when there is no such tenant or plan."""
    return session.find(QUERIES["change_plan"], Plan, {"plan": plan})


def forget_full_buckets(session: Session) -> int:
    """Throw full buckets away, everybody's."""
    return session.get(QUERIES["forget_full_buckets"], Forgotten).buckets


def record_request(
    session: Session,
    request_id: str,
    *,
    request_hash: str,
    taken_until: datetime,
    expires_at: datetime,
) -> bool:
    """Begin a request; False when somebody else has it or it is answered."""
    params = {
        "id": request_id,
        "request_hash": request_hash,
        "taken_until": taken_until,
        "expires_at": expires_at,
    }
    return session.find(QUERIES["record_request"], Begun, params) is not None


def find_request(session: Session, request_id: str) -> KnownRequest | None:
    """Look a request up."""
    return session.find(QUERIES["find_request"], KnownRequest, {"id": request_id})


def change_request_to_completed(
    session: Session, request_id: str, *, request_hash: str, answer: str, expires_at: datetime
) -> None:
    """Keep a request's answer."""
    session.execute(
        QUERIES["change_request_to_completed"],
        {
            "id": request_id,
            "request_hash": request_hash,
            "answer": answer,
            "expires_at": expires_at,
        },
    )


def remove_request(session: Session, request_id: str) -> None:
    """Forget a request that failed."""
    session.execute(QUERIES["remove_request"], {"id": request_id})


def remove_expired_requests(session: Session) -> None:
    """Forget the tenant's answers that are too old."""
    session.execute(QUERIES["remove_expired_requests"])
