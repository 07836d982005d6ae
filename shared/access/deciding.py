"""The one answer to "may": the permission of a role and the grant on a thing, both.

``may`` and ``require`` answer for a principal at a door. ``require_reach`` asks the grant alone,
for the viewer of the transaction: use cases ask it, so that no door can forget to. The system's
own work has no viewer and reaches everything. Behind both the database refuses by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Literal

from shared.access import store
from shared.access.model import EDIT, LEVELS, MANAGE, NOTHING, VIEW, Resource
from shared.adapters.database import Session
from shared.identity.links import DOWNLOAD
from shared.identity.model import Principal
from shared.kernel.errors import NotFoundError, RefusedError

Action = Literal["view", "edit", "share"]
# For each action the permission that the role must hold, and how far the grant must reach.
ACTIONS: Final[dict[Action, tuple[str, int]]] = {
    "view": ("documents:read", VIEW),
    "edit": ("documents:write", EDIT),
    "share": ("documents:share", MANAGE),
}


def may(session: Session, principal: Principal, action: Action, resource: Resource) -> bool:
    """Tell whether somebody may do something with a thing; one they may not see is not there."""
    permission, least = ACTIONS[action]
    return principal.may(permission) and rank_of(session, principal, resource) >= least


def require(session: Session, principal: Principal, action: Action, resource: Resource) -> None:
    """Go on only if somebody may do something with a thing.

    Raises RefusedError for a role that does not allow it at all, NotFoundError for a thing that
    is not there or not theirs to see, RefusedError for one that they may only look at.
    """
    permission, least = ACTIONS[action]
    principal.require(permission)
    _check(rank_of(session, principal, resource), least, resource)


def require_reach(session: Session, action: Action, resource: Resource) -> None:
    """Go on only if the transaction's viewer reaches far enough; the system always does.

    Raises NotFoundError and RefusedError as ``require`` does.
    """
    _check(store.find_own_rank(session, resource), ACTIONS[action][1], resource)


@contextmanager
def kept_closed(session: Session, resource: Resource) -> Iterator[None]:
    """Let what happens inside give more of a closed thing to anybody only by who manages it.

    Whoever moves something elsewhere decides who reaches it, as whoever shares it does; and nobody
    makes it their own by moving it below what is theirs. Raises RefusedError at the end.
    """
    before = store.find_list(session, resource)
    rank = store.find_own_rank(session, resource)
    yield
    if before is None or rank >= MANAGE:
        return
    after = store.find_list(session, resource)
    if after != before and store.is_wider(session, after, than=before):
        raise RefusedError(
            f"There, somebody could do more with this {resource.kind} than now: only who manages "
            "it may move it so.",
            hint="Ask whoever manages it, or move it to where it is as closed as here.",
        )


def require_download(principal: Principal) -> None:
    """Go on only for somebody who may have the files of what they read.

    Raises RefusedError for who came through a link that is for looking.
    """
    if principal.credential == "link" and not principal.may(DOWNLOAD):
        raise RefusedError(
            "This link is for looking: its files cannot be downloaded.",
            hint="Ask whoever sent it for a link that allows it.",
        )


def rank_of(session: Session, principal: Principal, resource: Resource) -> int:
    """Return how far somebody reaches: 0 nothing, 1 view, 2 edit, 3 manage."""
    return store.find_rank(session, principal.viewer, resource)


def _check(rank: int, least: int, resource: Resource) -> None:
    if rank == NOTHING:
        raise NotFoundError(f"There is no such {resource.kind}.")
    if rank < least:
        raise RefusedError(
            f"You may {LEVELS[rank]} this {resource.kind}, not {LEVELS[least]} it.",
            hint="Ask whoever manages it.",
        )
