"""What models are called and how they are spoken to: the words every other file here shares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SPECIAL_TOKENS = 2
"""Tokens a BERT-style model adds to every text: one before it, one after it."""

TEXT_OUTPUT, TOKENS_OUTPUT = "embedding", "tokens"
"""What a built model's file calls a text's vector, and those of its tokens."""

Role = Literal["system", "user", "assistant"]

Arithmetic = Literal["float32", "int8"]
"""What a model's large products are computed in."""


@dataclass(frozen=True, slots=True)
class VectorSpace:
    """Where vectors live: only those of one space compare.

    ``revision`` names weights and storage form.
    """

    name: str
    dimension: int
    revision: str


@dataclass(frozen=True, slots=True)
class EmbeddingModel(VectorSpace):
    """Identity of an embedding model; vectors compare only where all of it is equal.

    ``max_tokens`` counts the special tokens too, and ``prefix_tokens`` of it are taken by what
    the model wants before every passage.
    """

    max_tokens: int
    prefix_tokens: int = 0

    @property
    def content_tokens(self) -> int:
        """How many tokens of a text reach the model; what is longer is cut off."""
        return self.max_tokens - SPECIAL_TOKENS - self.prefix_tokens


@dataclass(frozen=True, slots=True)
class Prefixes:
    """What is put before a question and before a passage; models trained so expect it."""

    query: str = ""
    passage: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation with a language model."""

    role: Role
    content: str
