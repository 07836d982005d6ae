"""The desk an agent works at: whose task it is, and everything its nodes may use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from shared.agents.model import Budget
from shared.agents.outgoing import Outgoing
from shared.answering.model import AnswerEvent, Emit, Instruments
from shared.identity.model import Principal

if TYPE_CHECKING:
    from shared.adapters.objects import Objects
    from shared.generation.language_models import LanguageModel


class Uploads(Protocol):
    """What keeping a page needs of the settings."""

    max_upload_bytes: int
    upload_expiry_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What a run works with, for the time of one call.

    ``open_language_model`` returns ``None`` when none is configured: then rules plan. ``objects``
    is where pages that are kept go.
    """

    instruments: Instruments
    principal: Principal
    outgoing: Outgoing
    budget: Budget
    objects: Objects
    max_upload_bytes: int
    upload_expiry_s: int
    open_language_model: Callable[[], LanguageModel | None]
    emit: Emit = lambda _event: None

    def tell(self, event: AnswerEvent) -> None:
        """Tell whoever listens."""
        self.emit(event)
