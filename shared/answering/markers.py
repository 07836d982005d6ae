"""Passage numbers in a language model's stream: "[2]", "[1, 3]", however the stream was cut."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

_LONGEST_MARKER = 24
_MARKER = re.compile(r"\s*\[(\d{1,3}(?:\s*[,;]\s*\d{1,3})*)\]")
_MARKER_START = re.compile(r"\s*(?:\[[\d\s,;]*)?$")


def split_markers(pieces: Iterable[str]) -> Iterator[str | list[int]]:
    """Part a stream into words and the passage numbers in brackets, however it was cut.

    Only what could still become a marker is held back. A space before a marker goes with it.
    """
    held = ""
    for piece in pieces:
        held += piece
        while (match := _MARKER.search(held)) is not None:
            yield from _words(held[: match.start()])
            yield [int(number) for number in re.findall(r"\d+", match.group(1))]
            held = held[match.end() :]
        tail = _MARKER_START.search(held)
        cut = tail.start() if tail and len(held) - tail.start() <= _LONGEST_MARKER else len(held)
        yield from _words(held[:cut])
        held = held[cut:]
    yield from _words(held)


def _words(text: str) -> Iterator[str]:
    if text:
        yield text
