"""How a document falls into sections: the parents of its chunks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from shared.ingestion.model import Block


@dataclass(frozen=True, slots=True)
class Section:
    """Consecutive blocks under one heading path, its heading blocks first.

    ``top`` counts the top-level headings so far.
    """

    path: tuple[str, ...]
    top: int
    blocks: tuple[int, ...]


def sections(blocks: Sequence[Block]) -> Iterator[Section]:
    """Group blocks: a run of headings opens a section that lasts until the next heading."""
    top = 0
    held: list[int] = []
    held_top = 0
    has_body = False
    for index, block in enumerate(blocks):
        if block.kind == "heading":
            is_top = len(block.heading_path) == 1
            if held and (has_body or is_top):
                yield Section(blocks[held[-1]].heading_path, held_top, tuple(held))
                held = []
            has_body = False
            top += is_top
        else:
            has_body = True
        if not held:
            held_top = top
        held.append(index)
    if held:
        yield Section(blocks[held[-1]].heading_path, held_top, tuple(held))


def common_path(first: tuple[str, ...], second: tuple[str, ...]) -> tuple[str, ...]:
    """Return the shared beginning of two heading paths."""
    shared = 0
    for one, other in zip(first, second, strict=False):
        if one != other:
            break
        shared += 1
    return first[:shared]
