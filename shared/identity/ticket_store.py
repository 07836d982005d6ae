"""The rows of tickets, one typed function per query."""

from __future__ import annotations

import json
from collections.abc import Mapping

from shared.adapters.database import Session
from shared.adapters.queries import load_queries
from shared.identity.key_model import TakenTicket
from shared.kernel.ids import UserId

QUERIES = load_queries("shared.identity")


def record_ticket(
    session: Session,
    ticket_hash: bytes,
    *,
    purpose: str,
    user_id: UserId,
    body: Mapping[str, object],
    life_s: int,
) -> None:
    """Insert a ticket, as its hash."""
    session.execute(
        QUERIES["record_ticket"],
        {
            "hash": ticket_hash,
            "purpose": purpose,
            "user_id": user_id,
            "body": json.dumps(dict(body)),
            "life_s": life_s,
        },
    )


def take_ticket(session: Session, ticket_hash: bytes, purpose: str) -> TakenTicket | None:
    """Delete a ticket that is in time; ``None`` when there is none."""
    return session.find(
        QUERIES["take_ticket"], TakenTicket, {"hash": ticket_hash, "purpose": purpose}
    )


def remove_old_tickets(session: Session) -> None:
    """Delete the tickets that nobody took."""
    session.execute(QUERIES["remove_old_tickets"])
