"""Accounts of people whom somebody else vouches for: found by address, made without a password."""

from __future__ import annotations

from shared.adapters.database import Session
from shared.adapters.queries import load_queries
from shared.identity.key_model import Linkable
from shared.kernel.ids import UserId, new_id

QUERIES = load_queries("shared.identity")


def find_by_address(session: Session, email: str) -> Linkable | None:
    """Find the account of an address in the transaction's tenant."""
    return session.find(QUERIES["find_linkable"], Linkable, {"email": email})


def add_vouched(session: Session, *, email: str, display_name: str, role: str) -> UserId:
    """Make the account of a person whose address a provider has verified."""
    user_id = UserId(new_id())
    session.execute(
        QUERIES["record_foreign_user"],
        {"id": user_id, "email": email, "display_name": display_name, "role": role},
    )
    return user_id


def give_role(session: Session, user_id: UserId, role: str) -> bool:
    """Give a person another role; False when they have it already."""
    return session.execute(QUERIES["change_foreign_role"], {"id": user_id, "role": role}) > 0


def is_active(session: Session, user_id: UserId) -> bool:
    """Tell whether a person's account is there and active."""
    found = session.find(QUERIES["find_linkable_user"], Linkable, {"id": user_id})
    return found is not None and found.is_active
