"""What a ticket may be for, and what it stood for once it is taken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from shared.kernel.ids import UserId

Purpose = Literal["socket", "sign_in", "link_start", "link"]
LIFE_S: Final = 60


@dataclass(frozen=True, slots=True)
class TakenTicket:
    """What a ticket stood for; nobody gets it a second time."""

    user_id: UserId
    body: dict[str, object]
