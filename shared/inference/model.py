"""What models are called and how they are spoken to: the words every other file here shares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SPECIAL_TOKENS = 2
"""Tokens a BERT-style model adds to every text: one before it, one after it."""

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True, slots=True)
class EmbeddingModel:
    """Identity of an embedding model; vectors compare only where all of it is equal.

    ``revision`` names weights and storage form. ``max_tokens`` counts the special tokens too.
    """

    name: str
    dimension: int
    revision: str
    max_tokens: int

    @property
    def content_tokens(self) -> int:
        """How many tokens of a text reach the model; what is longer is cut off."""
        return self.max_tokens - SPECIAL_TOKENS


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation with a language model."""

    role: Role
    content: str
