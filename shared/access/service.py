"""Use cases of grants: look at them, give and take them, and explain what follows.

Grants are inherited down the folders; a deny beats what else is granted (decision 14). The
database works out the lists in the same transaction, so from the commit on everybody sees exactly
what was said, and caches part by themselves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from shared.access import store
from shared.access.deciding import rank_of, require
from shared.access.model import (
    EVERYONE,
    MAX_GRANTS,
    Effect,
    Grant,
    Level,
    Place,
    Reach,
    Reader,
    Resource,
)
from shared.adapters.database import Session
from shared.identity.model import Principal
from shared.kernel.errors import ConflictError, InvalidError, NotFoundError
from shared.kernel.ids import UserId


@dataclass(frozen=True, slots=True)
class Access:
    """Everything about a thing's access: what was said of it, and what holds in the end."""

    place: Place
    rank: int
    grants: list[Grant]
    effects: list[Effect]


@dataclass(frozen=True, slots=True)
class Wish:
    """A grant to be given; ``subject`` as ``find_subject`` reads it."""

    subject: str
    level: Level


def show_access(session: Session, principal: Principal, resource: Resource) -> Access:
    """Tell who was granted what, and who has what in the end.

    Raises RefusedError for somebody who does not manage the thing, NotFoundError.
    """
    require(session, principal, "share", resource)
    place = store.find_place(session, resource)
    if place is None:
        raise NotFoundError(f"There is no such {resource.kind}.")
    return Access(
        place,
        rank_of(session, principal, resource),
        store.list_grants(session, resource),
        store.list_effects(session, resource),
    )


def replace_grants(
    session: Session, principal: Principal, resource: Resource, wishes: Sequence[Wish]
) -> Access:
    """Say anew who is granted what; without any grant a thing is as open as what it lies in.

    Raises RefusedError for somebody who does not manage the thing, NotFoundError, InvalidError
    for a subject that is not there, twice, or the owner shut out by name.
    """
    require(session, principal, "share", resource)
    if len(wishes) > MAX_GRANTS:
        raise InvalidError(
            f"More than {MAX_GRANTS} grants on one thing.", hint="Grant it to groups."
        )
    given = {find_subject(session, wish.subject): wish.level for wish in wishes}
    if len(given) < len(wishes):
        raise InvalidError("Somebody is granted the same thing twice.")
    _spare_owner(session, resource, given)
    store.remove_grants_but(session, resource, list(given))
    store.record_grants(session, resource, given, granted_by=principal.user_id)
    return show_access(session, principal, resource)


def grant(session: Session, principal: Principal, resource: Resource, wish: Wish) -> Access:
    """Give one grant beside those there are, or change it.

    Raises as ``replace_grants`` does, and ConflictError for the last grant turned into a deny.
    """
    require(session, principal, "share", resource)
    given = {find_subject(session, wish.subject): wish.level}
    _spare_owner(session, resource, given)
    grants = store.list_grants(session, resource)
    _stay_closed(resource, {each.subject: each.level for each in grants}, given)
    if len(grants) >= MAX_GRANTS:
        raise InvalidError(
            f"More than {MAX_GRANTS} grants on one thing.", hint="Grant it to groups."
        )
    store.record_grants(session, resource, given, granted_by=principal.user_id)
    return show_access(session, principal, resource)


def withdraw(session: Session, principal: Principal, resource: Resource, subject: str) -> Access:
    """Take one grant back.

    Raises NotFoundError when there is none for that subject, ConflictError for the last one that
    is no deny: the thing would open to everybody, which is said by replacing all grants with none.
    """
    require(session, principal, "share", resource)
    grants = store.list_grants(session, resource)
    wanted = _known_subject(session, subject, grants)
    if wanted not in {each.subject for each in grants}:
        raise NotFoundError("Nothing was granted to them here.")
    _stay_closed(resource, {each.subject: each.level for each in grants}, {wanted: "deny"})
    store.remove_grants_but(
        session, resource, [each.subject for each in grants if each.subject != wanted]
    )
    return show_access(session, principal, resource)


def list_readers(session: Session, principal: Principal, resource: Resource) -> list[Reader]:
    """Tell who sees a thing, and how far each reaches; raises as ``show_access`` does."""
    require(session, principal, "share", resource)
    return store.list_readers(session, resource)


def list_reach(session: Session, principal: Principal, user_id: UserId) -> list[Reach]:
    """Tell how far a person reaches each restricted folder, collection and document.

    One's own is anybody's to ask; raises RefusedError for others' without access:manage, and
    NotFoundError for nobody's.
    """
    if principal.credential == "key":
        principal.require("documents:read")
    if user_id != principal.user_id:
        principal.require("access:manage")
        if store.find_subject(session, kind="user", named_id=user_id, name="") is None:
            raise NotFoundError("There is no such person.")
    return store.list_reach(session, user_id)


def find_subject(session: Session, text: str) -> str:
    """Turn what people write into a subject: ``everyone``, ``user:…``, ``group:…``.

    After the colon stands an id, an e-mail address or a group's name; without one, an address is
    a person and anything else a group. Raises InvalidError for nobody.
    """
    if text.strip().lower() == EVERYONE:
        return EVERYONE
    kind, colon, name = text.partition(":")
    if not colon or kind not in {"user", "group"}:
        kind, name = ("user", text) if "@" in text else ("group", text)
    wanted = name.strip()
    found = store.find_subject(session, kind=kind, named_id=_as_id(wanted), name=wanted.lower())
    if found is None:
        raise InvalidError(
            f"There is no {'person' if kind == 'user' else 'group'} {wanted}.",
            hint="Write everyone, user:ada@example.org or group:Name.",
            fields={"subject": "everyone, user:… or group:…"},
        )
    return found


def _known_subject(session: Session, text: str, grants: Sequence[Grant]) -> str:
    """Return a subject as ``find_subject`` does, or one that was granted something and is gone."""
    gone = {each.subject for each in grants}
    return text if text in gone else find_subject(session, text)


def _stay_closed(resource: Resource, said: Mapping[str, str], change: Mapping[str, str]) -> None:
    """Go on only if something is granted still, where something is: denies alone close nothing."""
    after = {**said, **change}.values()
    if all(level == "deny" for level in after) and any(one != "deny" for one in said.values()):
        raise ConflictError(
            f"This is the last grant: without it the {resource.kind} is as open as what it is in.",
            hint="Grant it to somebody else first, or open it: kontor share --open.",
        )


def _spare_owner(session: Session, resource: Resource, given: dict[str, Level]) -> None:
    place = store.find_place(session, resource)
    if place is not None and given.get(f"user:{place.owner_id}") == "deny":
        raise InvalidError(
            f"The owner of a {resource.kind} cannot be shut out of it.",
            hint="Deny it to others, or move it to where they own nothing.",
        )


def _as_id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
