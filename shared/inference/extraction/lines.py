"""Fields that stand in lines: "Label: value", and a short line over or under what it names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise

from shared.inference.extraction.model import Field
from shared.inference.sentences import begins_item

_PAIR = re.compile(r"^\s*(?:[-•*]\s+)?(?P<label>[^\s:|][^:|]{0,58}?)\s?:\s+(?P<value>\S.*)$")
_BULLET = re.compile(r"^[-•*]\s+")
_CODE = re.compile(r"[\d/\\<>={}@:]")
_ENDS = re.compile(r"[.!?;,:]$")
_LONGEST_LABEL = 8
_LONGEST_TERM = 3  # of an item
_LONGEST_VALUE = 25
_STEP = re.compile(r"\d{1,3}[.)]\s")
_FEWEST_ITEMS = 2
_MOST_ITEMS = 12
_CAPITAL = re.compile(r"\b[A-ZÄÖÜ][\w.’'-]+")
_FIGURE = re.compile(r"[^\w\s]?\d[\d.,]*(?:\s?\S{1,8})?")
_FEWEST_CAPITALS = 2
_LONGEST_NAME = 6

Line = tuple[int, int]


@lru_cache(maxsize=512)
def fields_in(text: str) -> tuple[Field, ...]:
    """Return the fields of a text that stand in its lines, in their order; tables are no lines."""
    lines = [line for line in _lines(text) if " | " not in text[slice(*line)]]
    return (*_pairs(text, lines), *_under(text, lines))


def _pairs(text: str, lines: list[Line]) -> Iterator[Field]:
    """Find "Label: value"; the lines of its block say what it belongs to."""
    for start, end in lines:
        line = text[start:end]
        match = _PAIR.match(line)
        if match is None:
            continue
        yield Field(
            label=match["label"],
            value=match["value"],
            beside=_block(text, start, end),
            start=start + len(line) - len(line.lstrip()),
            end=end,
            said=f"{match['label']}: {match['value']}",
        )


def _block(text: str, start: int, end: int) -> str:
    """Return the other lines of a paragraph."""
    first = text.rfind("\n\n", 0, start) + 1
    last = text.find("\n\n", end)
    return text[first:start] + text[end : last if last >= 0 else len(text)]


def _under(text: str, lines: list[Line]) -> Iterator[Field]:
    """Find a label on a line of its own, and its value on the next: "NET PROFIT", "67 crore".

    Forms print a label in brackets under what is filled in.
    """
    for (start, middle), (after, end) in pairwise(lines):
        above, below = text[start:middle], text[after:end]
        is_short = len(below.split()) <= _LONGEST_VALUE
        is_value = is_short and not _is_bracketed(below) and not _PAIR.match(below)
        if _is_label(above) and is_value:
            label, value = _BULLET.sub("", above), _BULLET.sub("", below)
            yield Field(label, value, "", start, end, f"{label}: {value}")
        if _is_bracketed(below):
            label = below.strip("() ")
            yield Field(label, above, "", start, end, f"{label}: {above}")


@lru_cache(maxsize=512)
def names_in(text: str) -> tuple[Field, ...]:
    """Return names and figures that stand over what they are, as on portraits and overviews."""
    lines = [line for line in _lines(text) if " | " not in text[slice(*line)]]
    return tuple(
        Field(below, above, "", start, end, f"{above}, {below}")
        for (start, middle), (after, end) in pairwise(lines)
        if _is_label(below := text[after:end])
        and (_is_name(above := text[start:middle]) or _FIGURE.fullmatch(above))
    )


@lru_cache(maxsize=512)
def lists_in(text: str) -> tuple[Field, ...]:
    """Return the lists of a text that have a line above them, which is their label."""
    found: list[Field] = []
    above: Line | None = None
    items: list[Line] = []
    for line in [*_lines(text), (len(text), len(text))]:
        if begins_item(text[slice(*line)]):
            items.append(line)
            continue
        if above is not None and len(items) >= _FEWEST_ITEMS:
            found.append(_list(text, above, items[:_MOST_ITEMS]))
        above, items = line, []
    return tuple(found)


def _list(text: str, above: Line, items: list[Line]) -> Field:
    label = text[slice(*above)]
    said = " ".join(text[slice(*item)] for item in items)
    is_ordered = all(_STEP.match(text[slice(*item)]) for item in items)
    return Field(label, said, said, *above, "", tuple(items), is_ordered)


def _is_label(line: str) -> bool:
    """Whether a line could name the next: a heading, or the short item of a list."""
    bare = _BULLET.sub("", line)
    most = _LONGEST_LABEL if bare == line else _LONGEST_TERM
    is_wordy = bare[:1].isupper() and not _CODE.search(bare)
    return is_wordy and len(bare.split()) <= most and not _ENDS.search(bare)


def _is_bracketed(line: str) -> bool:
    return line.startswith("(") and line.endswith(")")


def _is_name(line: str) -> bool:
    parts = line.split()
    is_short = _FEWEST_CAPITALS <= len(parts) <= _LONGEST_NAME
    return is_short and all(map(_CAPITAL.match, parts))


def _lines(text: str) -> Iterator[Line]:
    at = 0
    for line in text.split("\n"):
        if line.strip():
            lead = len(line) - len(line.lstrip())
            yield at + lead, at + len(line.rstrip())
        at += len(line) + 1
