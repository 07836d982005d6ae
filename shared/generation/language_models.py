"""The port to language models: whoever writes an answer piece by piece looks like this."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from shared.generation.model import Purpose
from shared.inference.model import Message


class LanguageModel(Protocol):
    """Port: a language model that writes an answer piece by piece."""

    @property
    def name(self) -> str:
        """What the model is called; shown beside its answers and kept in the audit trail."""
        ...

    def stream(
        self, messages: Sequence[Message], *, max_tokens: int, temperature: float
    ) -> Iterator[str]:
        """Yield the answer's text in pieces, none of them empty, as the model writes them.

        Closing the iterator ends the request. Raises UnavailableError (away, slow, too busy:
        later it may work), LimitedError (a budget is used up), RefusedError (key or content not
        accepted) or InvalidError (the request cannot work as it is), also in mid-answer.
        """
        ...


class OpenLanguageModel(Protocol):
    """Port: finds the model that serves a purpose; ``None`` when none is configured for it."""

    def __call__(self, purpose: Purpose = "chat") -> LanguageModel | None:
        """Return the model; may raise UnavailableError."""
        ...
