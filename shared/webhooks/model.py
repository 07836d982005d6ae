"""Endpoints, deliveries and sources; which events there are, and when a delivery is tried again."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from shared.kernel.errors import InvalidError

# What may be asked for, in words. Names of acts are those of the trail.
EVENTS: Final[Mapping[str, str]] = {
    "document.completed": "A document was read and can be found.",
    "document.failed": "A document could not be read.",
    "document.changed": "A document's name, folder, tags or description changed.",
    "document.removed": "A document went to the trash.",
    "document.restored": "A document came back from the trash.",
    "document.erased": "A document was erased for good.",
    "version.restored": "An earlier version of a document was made current.",
    "folder.made": "A folder was made.",
    "folder.moved": "A folder was renamed or moved.",
    "folder.removed": "A folder was removed.",
    "collection.added": "A collection was made.",
    "collection.changed": "A collection was renamed or described.",
    "collection.filled": "Documents were put into a collection.",
    "collection.emptied": "Documents were taken out of a collection.",
    "collection.removed": "A collection was removed.",
    "user.added": "A person was added to the tenant.",
    "webhook.received": "A source of yours told us something.",
    "webhook.tested": "Somebody tried the endpoint.",
}
STAGES: Final[Mapping[str, str]] = {
    "completed": "document.completed",
    "failed": "document.failed",
}
ROOMS: Final = frozenset(name.partition(".")[0] for name in EVENTS)
MOST_ENDPOINTS: Final = 50
# Ten attempts within two and a half days; what fails then is kept, and sent again when asked for.
DELAYS_S: Final = (5, 30, 120, 600, 3600, 14400, 36000, 86400, 86400)
GONE: Final = 410


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Whom to tell: ``events`` may hold ``*`` and ``room.*``. ``detail`` says why it is disabled.

    While ``former_until`` is in the future, deliveries are signed with the former secret, too.
    """

    id: UUID
    url: str
    description: str
    events: list[str]
    state: str
    detail: str
    secret_name: str
    former_secret_name: str
    former_until: datetime | None
    failing_since: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event for one endpoint, and what became of it."""

    id: UUID
    endpoint_id: UUID
    event: str
    state: str
    attempts: int
    due_at: datetime
    status: int | None
    detail: str
    duration_ms: int | None
    created_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class Taken:
    """A delivery that is being tried now, with all that is needed for it."""

    id: UUID
    endpoint_id: UUID
    attempts: int
    body: str
    url: str
    secret_name: str
    former_secret_name: str
    former_until: datetime | None
    failing_since: datetime | None


@dataclass(frozen=True, slots=True)
class Source:
    """Who may tell us something, how they sign, and what it does.

    ``folder_id`` is where documents go, once ``folder`` was found or made.
    """

    id: UUID
    name: str
    scheme: str
    effect: str
    folder: str
    folder_id: UUID | None
    secret_name: str
    received: int
    received_at: datetime | None
    created_by: UUID
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one attempt came to; ``status`` is ``None`` when nobody answered."""

    status: int | None
    detail: str
    duration_ms: int

    @property
    def is_good(self) -> bool:
        """Whether the receiver took it: any 2xx."""
        return self.status is not None and 200 <= self.status < 300  # noqa: PLR2004


def check_events(names: Sequence[str]) -> list[str]:
    """Return the names without repetitions; raises InvalidError for one that does not exist."""
    chosen = list(dict.fromkeys(name.strip() for name in names))
    for name in chosen:
        room = name.removesuffix(".*")
        if name not in EVENTS and name != "*" and not (name.endswith(".*") and room in ROOMS):
            raise InvalidError(
                f"There is no event {name[:80]!r}.",
                hint="GET /api/v1/webhooks/events lists them; * is all, document.* a kind.",
                fields={"events": "one of the listed names"},
            )
    if not chosen:
        raise InvalidError("Choose at least one event.", fields={"events": "at least one"})
    return chosen


def is_wanted(event: str, events: Sequence[str]) -> bool:
    """Tell whether an endpoint's choice covers an event."""
    return event in EVENTS and bool({event, "*", f"{event.partition('.')[0]}.*"} & set(events))


def delay_s(attempts: int) -> float | None:
    """Return how long to wait after so many attempts, with jitter; ``None`` to give up."""
    if attempts > len(DELAYS_S):
        return None
    return DELAYS_S[attempts - 1] * random.uniform(0.8, 1.2)  # noqa: S311 - spreads load only
