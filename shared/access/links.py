"""Use cases of share links: for people without an account, for a time, to look at one thing.

A visitor looks in the place of whoever made the link: it never shows more than its maker may see,
and stops when the maker's account does. A link to a collection shows of what the collection names
only what its maker may share by itself: naming a thing takes no right to it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from shared.access import link_store as store
from shared.access import store as grant_store
from shared.access.deciding import require
from shared.access.model import VIEW, FoundLink, LinkId, Resource, ShareLink
from shared.adapters.database import Database, Session
from shared.identity import passwords
from shared.identity.links import PREFIX, hash_of, is_visit, new_token, verify_visit
from shared.identity.model import Principal
from shared.kernel.clock import now
from shared.kernel.errors import InvalidError, NotFoundError, UnauthenticatedError
from shared.kernel.ids import TenantId, new_id
from shared.kernel.paging import Page, clamp_limit, decode_cursor, encode_cursor

LINK_PREFIX: Final = "kontor_share_"
LONGEST_DAYS: Final = 365
MOST_FAILURES: Final = 20
_OVER: Final = "There is no such link, or it is over."


@dataclass(frozen=True, slots=True)
class NewLink:
    """What a link is to be like; ``most_uses`` ``None`` means as often as anybody likes."""

    resource: Resource
    days: float = 7
    password: str = field(default="", repr=False)
    most_uses: int | None = None
    allows_download: bool = True


@dataclass(frozen=True, slots=True)
class Opened:
    """What lies behind a link; without ``token`` it wants its password first."""

    title: str
    resource: Resource
    expires_at: datetime
    allows_download: bool
    token: str | None = field(repr=False)
    life_s: int


def make_link(session: Session, principal: Principal, new: NewLink) -> tuple[ShareLink, str]:
    """Make a link; returns it with its token, which is shown this once.

    Raises RefusedError for somebody who does not manage the thing, NotFoundError, InvalidError
    for a time or number that makes no sense, or a password that is too short.
    """
    require(session, principal, "share", new.resource)
    if not 0 < new.days <= LONGEST_DAYS:
        raise InvalidError(f"A link lasts up to {LONGEST_DAYS} days.")
    place = grant_store.find_place(session, new.resource)
    if place is None:
        raise NotFoundError(f"There is no such {new.resource.kind}.")
    token, link_id = new_token(LINK_PREFIX), LinkId(new_id())
    store.record_link(
        session,
        link_id,
        new.resource,
        token_hash=hash_of(token),
        title=place.title.rpartition("/")[2],
        password_hash=passwords.hash_new(new.password) if new.password else "",
        created_by=principal.user_id,
        expires_at=now() + timedelta(days=new.days),
        most_uses=new.most_uses,
        allows_download=new.allows_download,
    )
    return _find(session, link_id), token


def list_links(
    session: Session, principal: Principal, *, cursor: str | None, limit: int
) -> Page[ShareLink]:
    """List one's own links, newest first; everybody's for those who oversee access."""
    principal.require("documents:share")
    before = _position(cursor)
    limit = clamp_limit(limit)
    owner = None if principal.may("access:manage") else principal.user_id
    found = store.list_links(session, created_by=owner, before=before, limit=limit)
    return Page(found, encode_cursor(str(found[-1].id)) if len(found) == limit else None)


def revoke_link(session: Session, principal: Principal, link_id: LinkId) -> ShareLink:
    """End a link and everybody's visit through it, at once.

    Its maker may, whoever oversees access, and whoever manages the thing. Raises NotFoundError.
    """
    if principal.credential == "key":
        principal.require("documents:share")
    link = _find(session, link_id)
    if link.created_by != principal.user_id and not principal.may("access:manage"):
        resource = Resource(link.resource_kind, link.resource_id)
        require(session, principal, "share", resource)
    store.change_link_revoked(session, link_id)
    return _find(session, link_id)


def find_link(database: Database, token: str) -> FoundLink:
    """Return a link in force, also one whose uses are counted out, without coming through it.

    Raises NotFoundError for one that is not there or over, and for one whose maker may not see
    the thing any more.
    """
    with database.system_transaction() as session:
        link = store.find_share_link(session, hash_of(token))
    if link is None:
        raise NotFoundError(_OVER)
    resource = Resource(link.resource_kind, link.resource_id)
    with database.transaction(TenantId(link.tenant_id)) as session:
        if grant_store.find_rank(session, link.viewer, resource) < VIEW:
            raise NotFoundError(_OVER)
    return link


def was_link(database: Database, token: str) -> bool:
    """Tell whether there ever was a link with this token, so that it must be over."""
    with database.system_transaction() as session:
        return store.has_share_link(session, hash_of(token))


def open_link(
    database: Database, token: str, *, password: str | None, life_s: int
) -> tuple[TenantId, Opened]:
    """Come through a link; what is behind it, with a visitor's token for the time given.

    One that wants a password is only described when none is given. Raises NotFoundError for one
    that is not there or over, UnauthenticatedError for a wrong password.
    """
    link = find_link(database, token)
    tenant_id = TenantId(link.tenant_id)
    if link.is_used_up:
        raise NotFoundError(_OVER)
    if link.password_hash and password is None:
        return tenant_id, _opened(link, None, life_s)
    if link.password_hash and not passwords.is_right(link.password_hash, password or ""):
        with database.transaction(tenant_id) as session:
            store.change_link_failed(session, LinkId(link.link_id), most=MOST_FAILURES)
        raise UnauthenticatedError("The password is wrong.", hint="Ask whoever sent the link.")
    visit_token = new_token(PREFIX)
    with database.transaction(tenant_id) as session:
        if not store.change_link_used(session, LinkId(link.link_id)):
            raise NotFoundError(_OVER)
        store.record_visit(
            session,
            new_id(),
            LinkId(link.link_id),
            token_hash=hash_of(visit_token),
            life_s=life_s,
        )
    return tenant_id, _opened(link, visit_token, life_s)


def is_inside(database: Database, link: FoundLink, token: str) -> bool:
    """Tell whether a visitor's token is in force and came through this very link."""
    if not is_visit(token):
        return False
    try:
        return verify_visit(database, token).session_id == link.link_id
    except UnauthenticatedError:
        return False


def _opened(link: FoundLink, token: str | None, life_s: int) -> Opened:
    left_s = max(0, int((link.expires_at - now()).total_seconds()))
    return Opened(
        link.title,
        Resource(link.resource_kind, link.resource_id),
        link.expires_at,
        link.allows_download,
        token,
        min(life_s, left_s),
    )


def _position(cursor: str | None) -> LinkId | None:
    if cursor is None:
        return None
    try:
        return LinkId(UUID(decode_cursor(cursor, 1)[0]))
    except ValueError as error:
        raise InvalidError("The cursor is not one of ours.", hint="Start without it.") from error


def _find(session: Session, link_id: LinkId) -> ShareLink:
    link = store.find_link(session, link_id)
    if link is None:
        raise NotFoundError("There is no such link.")
    return link
