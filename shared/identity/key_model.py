"""What is known of keys and of those who hold them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from shared.kernel.clock import now
from shared.kernel.errors import InvalidError
from shared.kernel.ids import TenantId, UserId

Kind = Literal["person", "service"]


@dataclass(frozen=True, slots=True)
class FoundKey:
    """A row of ``kontor.find_key``: a key in force, and whose it is."""

    tenant_id: TenantId
    key_id: UUID
    user_id: UserId
    scopes: list[str]
    is_used_lately: bool


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key without its secret; ``hint`` is how it begins and ends."""

    id: UUID
    user_id: UserId
    email: str
    kind: Kind
    role: str
    name: str
    hint: str
    scopes: list[str]
    created_by: UserId
    created_at: datetime
    expires_at: datetime
    rotated_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None

    @property
    def state(self) -> Literal["active", "expired", "revoked"]:
        """Tell whether the key opens anything now."""
        if self.revoked_at is not None:
            return "revoked"
        return "active" if self.expires_at > now() else "expired"


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose account a key would belong to."""

    id: UserId
    email: str
    kind: Kind
    role: str
    token_epoch: int
    is_active: bool


@dataclass(frozen=True, slots=True)
class Count:
    """How many."""

    value: int


@dataclass(frozen=True, slots=True)
class MadeKey:
    """A key and its secret, which nobody can read again."""

    key: ApiKey
    secret: str

    def __repr__(self) -> str:
        return f"MadeKey({self.key.hint})"


@dataclass(frozen=True, slots=True)
class Life:
    """How long keys live; ``days`` is what nobody asked otherwise for."""

    days: int
    most_days: int

    def of(self, wanted: int | None) -> int:
        """Return a life in days; raises InvalidError for one that is too long or none."""
        days = self.days if wanted is None else wanted
        if not 1 <= days <= self.most_days:
            raise InvalidError(
                f"A key lives 1 to {self.most_days} days.",
                hint="Give a shorter life and rotate the key.",
                fields={"expires_in_days": f"1 to {self.most_days}"},
            )
        return days


@dataclass(frozen=True, slots=True)
class SigningKid:
    """Names a signing key."""

    kid: str


@dataclass(frozen=True, slots=True)
class KeyState:
    """A signing key's moments: published, signing, retired."""

    id: str
    created_at: datetime
    signs_from: datetime
    retired_at: datetime | None

    @property
    def state(self) -> Literal["coming", "in force", "retired"]:
        """Tell what the key is good for now."""
        if self.retired_at is not None and self.retired_at <= now():
            return "retired"
        return "coming" if self.signs_from > now() else "in force"


@dataclass(frozen=True, slots=True)
class TakenTicket:
    """What a ticket stood for; nobody gets it a second time."""

    user_id: UserId
    body: dict[str, object]


@dataclass(frozen=True, slots=True)
class Linkable:
    """An account as far as joining somebody to it needs to know."""

    id: UserId
    kind: Kind
    is_active: bool
