"""Tickets: good for one use and one minute, so that a long-lived secret need not go somewhere.

A browser cannot set headers on a WebSocket; what it can set is written into logs on the way. It
asks for a ticket and shows that instead. A sign-in that ends in another program (a command line's
loopback address) hands over a ticket of another purpose, and that program asks for the tokens.
Joining an account at a provider begins in a browser with a ticket, and ends with another.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from uuid import UUID

from shared.adapters.database import Database, Session
from shared.identity import api_keys, opaque, sessions
from shared.identity.model import Principal
from shared.kernel.errors import UnauthenticatedError
from shared.kernel.ids import UserId
from shared.tickets import store
from shared.tickets.model import LIFE_S, Purpose, TakenTicket

_KINDS: Final[Mapping[Purpose, opaque.Kind]] = {
    "socket": "ticket", "sign_in": "code", "link_start": "code", "link": "code",
}  # fmt: skip


def issue(
    session: Session,
    user_id: UserId,
    purpose: Purpose,
    body: Mapping[str, object],
    *,
    life_s: int = LIFE_S,
) -> str:
    """Make a ticket of one purpose; ``body`` is JSON that comes back when it is taken."""
    assert session.tenant_id is not None, "tickets belong to a tenant"
    ticket = opaque.make(_KINDS[purpose], session.tenant_id)
    store.remove_old_tickets(session)
    store.record_ticket(
        session, opaque.hash_of(ticket), purpose=purpose, user_id=user_id, body=body, life_s=life_s
    )
    return ticket


def take(session: Session, shown: opaque.Presented, purpose: Purpose) -> TakenTicket:
    """Take a ticket: of two that show the same, one gets it.

    Raises UnauthenticatedError for one that is unknown, used or too old: nobody learns which.
    """
    taken = store.take_ticket(session, shown.token_hash, purpose)
    if taken is None:
        raise _refused()
    return taken


def issue_for_socket(session: Session, caller: Principal) -> str:
    """Make the ticket with which the caller opens a socket, under the same credential."""
    account = api_keys.find_holder(session, caller.user_id)
    if account is None or caller.session_id is None:
        raise _refused()
    body = {
        "credential": caller.credential,
        "session_id": str(caller.session_id),
        "epoch": account.token_epoch,
    }
    return issue(session, caller.user_id, "socket", body)


def verify(database: Database, text: str) -> Principal:
    """Turn a socket's ticket into the principal who asked for it, as the account is now.

    Raises UnauthenticatedError for anything amiss, a session that ended meanwhile included.
    """
    shown = opaque.present("ticket", text)
    if shown is None:
        raise _refused()
    with database.transaction(shown.tenant_id) as session:
        # Committed before anything else is looked at: a ticket that fails is used up too.
        taken = take(session, shown, "socket")
    with database.transaction(shown.tenant_id) as session:
        return _revived(session, shown, taken)


def _revived(session: Session, shown: opaque.Presented, taken: TakenTicket) -> Principal:
    session_id = UUID(str(taken.body["session_id"]))
    account = api_keys.find_holder(session, taken.user_id)
    if account is None or not account.is_active:
        raise _refused()
    plain = Principal(
        shown.tenant_id, account.id, account.email, account.role, session_id=session_id
    )
    if taken.body["credential"] == "key":
        return api_keys.as_of_now(session, plain)
    if account.token_epoch != taken.body["epoch"]:
        raise _refused()
    return sessions.check_alive(session, plain)


def _refused() -> UnauthenticatedError:
    return UnauthenticatedError(
        "The ticket was used, is too old or not one of ours.",
        hint="Ask for a new one: POST /auth/tickets.",
    )
