"""Passages for a language model: whole neighbourhoods, nothing twice, within a budget of tokens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from shared.search.model import Hit

CountTokens = Callable[[str], int]
_OVERLAP = 0.8
# What a passage costs beside its words: its number, its title, the signs around them.
_FRAME_TOKENS = 24


@dataclass(frozen=True, slots=True)
class Passage:
    """A stretch of one document as chunks in the order of the text; the first hit is its reason."""

    hits: tuple[Hit, ...]

    @property
    def head(self) -> Hit:
        """The chunk whose title, headings and page stand for the passage."""
        return self.hits[0]


def pack(
    hits: Sequence[Hit],
    neighbours: Sequence[Hit],
    *,
    budget_tokens: int,
    count_tokens: CountTokens,
) -> list[Passage]:
    """Choose what a model reads: hits, best first, then what stands around them.

    The same words are taken once: chunks that lie over each other, and copies in other
    documents. The best hit is always taken; of the others those that fit. Neighbours fill what is
    left, those of better hits first, and join the passage of the hit they stand beside.
    """
    taken: list[Hit] = []
    texts: set[str] = set()
    left = budget_tokens
    for hit in hits:
        cost = count_tokens(hit.text) + _FRAME_TOKENS
        if _is_known(hit, taken, texts) or (taken and cost > left):
            continue
        taken.append(hit)
        texts.add(_folded(hit.text))
        left -= cost
    around: dict[object, list[Hit]] = {hit.chunk_id: [hit] for hit in taken}
    for hit in taken[:]:
        for other in _beside(hit, neighbours):
            cost = count_tokens(other.text)
            if cost > left or _is_known(other, taken, texts):
                continue
            around[hit.chunk_id].append(other)
            taken.append(other)
            texts.add(_folded(other.text))
            left -= cost
    return [Passage(tuple(sorted(group, key=_place))) for group in around.values()]


def _beside(hit: Hit, neighbours: Sequence[Hit]) -> list[Hit]:
    """List the chunks of the hit's own section next to it, the one after it first.

    An answer that a chunk breaks off goes on in the next one more often than it began before.
    """
    near = [
        other
        for other in neighbours
        if other.version_id == hit.version_id
        and other.section_start == hit.section_start
        and abs(other.ordinal - hit.ordinal) == 1
    ]
    return sorted(near, key=lambda other: -other.ordinal)


def _is_known(hit: Hit, taken: Sequence[Hit], texts: set[str]) -> bool:
    if _folded(hit.text) in texts:
        return True
    return any(_lie_over(hit, other) for other in taken)


def _lie_over(one: Hit, other: Hit) -> bool:
    if one.version_id != other.version_id or one.reading != other.reading:
        return False
    shared = min(one.end, other.end) - max(one.start, other.start)
    return shared >= _OVERLAP * max(1, min(one.end - one.start, other.end - other.start))


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())


def _place(hit: Hit) -> int:
    return hit.start
