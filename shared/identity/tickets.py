"""Tickets: good for one use and one minute, so that a long-lived secret need not go somewhere.

A browser cannot set headers on a WebSocket; what it can set is written into logs on the way. It
asks for a ticket and shows that instead. A sign-in that ends in another program (a command line's
loopback address) hands over a ticket of the other purpose, and that program asks for the tokens.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final, Literal
from uuid import UUID

from shared.adapters.database import Database, Session
from shared.identity import api_keys, opaque, store, ticket_store
from shared.identity.key_model import TakenTicket
from shared.identity.key_store import find_holder
from shared.identity.model import Principal
from shared.kernel.errors import UnauthenticatedError
from shared.kernel.ids import UserId

Purpose = Literal["socket", "sign_in"]
LIFE_S: Final = 60
_KINDS: Final[Mapping[Purpose, opaque.Kind]] = {"socket": "ticket", "sign_in": "code"}


def issue(session: Session, user_id: UserId, purpose: Purpose, body: Mapping[str, object]) -> str:
    """Make a ticket of one purpose; ``body`` is JSON that comes back when it is taken."""
    assert session.tenant_id is not None, "tickets belong to a tenant"
    ticket = opaque.make(_KINDS[purpose], session.tenant_id)
    ticket_store.remove_old_tickets(session)
    ticket_store.record_ticket(
        session, opaque.hash_of(ticket), purpose=purpose, user_id=user_id, body=body, life_s=LIFE_S
    )
    return ticket


def take(session: Session, shown: opaque.Presented, purpose: Purpose) -> TakenTicket:
    """Take a ticket: of two that show the same, one gets it.

    Raises UnauthenticatedError for one that is unknown, used or too old: nobody learns which.
    """
    taken = ticket_store.take_ticket(session, shown.token_hash, purpose)
    if taken is None:
        raise _refused()
    return taken


def issue_for_socket(session: Session, caller: Principal) -> str:
    """Make the ticket with which the caller opens a socket, under the same credential."""
    account = find_holder(session, caller.user_id)
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
    account = find_holder(session, taken.user_id)
    if account is None or not account.is_active:
        raise _refused()
    plain = Principal(
        shown.tenant_id, account.id, account.email, account.role, session_id=session_id
    )
    if taken.body["credential"] == "key":
        key = api_keys.check_in_force(session, plain)
        return api_keys.acting_as(session, account, key.id, key.scopes)
    bearer = store.find_bearer(session, taken.user_id, session_id)
    if bearer is None or not bearer.is_signed_in or bearer.token_epoch != taken.body["epoch"]:
        raise _refused()
    return replace(plain, permissions=frozenset(bearer.permissions))


def _refused() -> UnauthenticatedError:
    return UnauthenticatedError(
        "The ticket was used, is too old or not one of ours.",
        hint="Ask for a new one: POST /auth/tickets.",
    )
