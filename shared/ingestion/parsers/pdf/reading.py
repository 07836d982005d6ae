"""Reading order: columns one after the other, whatever order the file writes them in.

Lines that follow each other in the file and on the page are one run and keep their order. Runs
are ordered by a recursive X-Y cut (Nagy and Seth 1984) with one change: bands that share a gutter
stay together, so that columns are read to their end even where their paragraphs stand level.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from shared.ingestion.parsers.pdf.geometry import FoundTable, Line

Item = Line | FoundTable

# In points, or as shares of the type's size.
_TOUCH = 1.0
_LEAST_GUTTER = 8.0
_GUTTER = 0.9
_NEAR = 1.6
_LABEL_LENGTH = 25
_LEVEL_SHARE = 0.7
_MOST_RUNS = 3_000
_DEEPEST = 30
_PROSE_LINES = 8
_PROSE_LENGTH = 20
_PROSE_TURNS = 3


@dataclass(frozen=True, slots=True)
class _Run:
    """Items in text order that stand together, and the rectangle around them."""

    items: tuple[Item, ...]
    x0: float
    y0: float
    x1: float
    y1: float


_Gutter = tuple[float, float]


def in_reading_order(items: Sequence[Item]) -> list[Item]:
    """Return a page's lines and tables in the order in which a reader takes them."""
    held = sorted(items, key=lambda item: item.order)
    runs = _runs(held)
    if not 1 < len(runs) <= _MOST_RUNS:
        return held
    lines = [item for item in held if isinstance(item, Line)]
    size = median(line.size for line in lines) if lines else 10.0
    cutter = _Cutter(max(_LEAST_GUTTER, _GUTTER * size), is_leftwards=_is_leftwards(lines))
    return [item for run in cutter.ordered(runs, 0) for item in run.items]


def columns_of_prose(lines: Sequence[Line]) -> list[list[Line]]:
    """Return the lines of each column of running text, all together where there is one column.

    Where a page has columns, what stands level in two of them is no row of a table.
    """
    if len(lines) < 2 * _PROSE_LINES:
        return [list(lines)]
    runs = _runs(sorted(lines, key=lambda line: line.order))
    for left, right in sorted(_gutters(runs, _LEAST_GUTTER), key=lambda g: g[0] - g[1]):
        middle = (left + right) / 2
        sides = [[x for x in lines if x.x1 <= middle], [x for x in lines if x.x1 > middle]]
        is_prose = all(
            len(side) >= _PROSE_LINES and median(len(line.text) for line in side) >= _PROSE_LENGTH
            for side in sides
        )
        if is_prose and _turns(runs, middle) <= _PROSE_TURNS:
            return [part for side in sides for part in columns_of_prose(side)]
    return [list(lines)]


class _Cutter:
    """Cuts runs into bands and columns until each part is one run."""

    def __init__(self, least_gutter: float, *, is_leftwards: bool) -> None:
        self._least = least_gutter
        self._is_leftwards = is_leftwards

    def ordered(self, runs: Sequence[_Run], depth: int) -> list[_Run]:
        if len(runs) <= 1 or depth > _DEEPEST:
            return list(runs)
        ordered: list[_Run] = []
        groups = self._groups(_bands(runs))
        for group in groups:
            columns = self._columns(group)
            if len(columns) > 1:
                for column in columns:
                    ordered += self.ordered(column, depth + 1)
                continue
            bands = _bands(group)
            if len(bands) == 1:
                # Neither bands nor columns: the file's own order.
                ordered += group
                continue
            for band in bands:
                ordered += self.ordered(band, depth + 1)
        return ordered

    def _groups(self, bands: Sequence[list[_Run]]) -> list[list[_Run]]:
        """Join bands under each other that have a gutter in common."""
        groups: list[list[_Run]] = []
        for band in bands:
            if groups and _gutters([*groups[-1], *band], self._least):
                groups[-1] += band
            else:
                groups.append(list(band))
        return groups

    def _columns(self, runs: Sequence[_Run]) -> list[list[_Run]]:
        """Return the runs of each column; gutters between labels and their values are none."""
        is_row = len(_bands(runs)) == 1 and all(len(run.items) == 1 for run in runs)
        middles = [
            (left + right) / 2
            for left, right in _gutters(runs, self._least)
            if is_row or not _is_between_labels(runs, (left + right) / 2)
        ]
        edges = [float("-inf"), *middles, float("inf")]
        columns = [
            [run for run in runs if start < (run.x0 + run.x1) / 2 <= end]
            for start, end in pairwise(edges)
        ]
        return columns[::-1] if self._is_leftwards else columns


def _runs(items: Sequence[Item]) -> list[_Run]:
    runs: list[_Run] = []
    held: list[Item] = []
    for item in items:
        if held and not _goes_on(held[-1], item):
            runs.append(_run_of(held))
            held = []
        held.append(item)
    if held:
        runs.append(_run_of(held))
    return runs


def _run_of(items: Sequence[Item]) -> _Run:
    return _Run(
        tuple(items),
        min(item.x0 for item in items),
        min(item.y0 for item in items),
        max(item.x1 for item in items),
        max(item.y1 for item in items),
    )


def _goes_on(last: Item, item: Item) -> bool:
    """Whether a line stands directly below the last."""
    if isinstance(last, FoundTable) or isinstance(item, FoundTable):
        return False
    is_under = min(last.x1, item.x1) - max(last.x0, item.x0) > 0
    gap = item.y0 - last.y1
    size = max(last.size, item.size, 4.0)
    return is_under and -size < gap < _NEAR * size and item.y1 > last.y1 - _TOUCH


def _bands(runs: Sequence[_Run]) -> list[list[_Run]]:
    """Return runs in bands from the top: no two bands share a height."""
    bands: list[list[_Run]] = []
    bottom = 0.0
    for run in sorted(runs, key=lambda run: run.y0):
        slack = min(2 * _TOUCH, 0.25 * (run.y1 - run.y0))
        if bands and run.y0 < bottom - slack:
            bands[-1].append(run)
            bottom = max(bottom, run.y1)
        else:
            bands.append([run])
            bottom = run.y1
    return [sorted(band, key=lambda run: run.items[0].order) for band in bands]


def _gutters(runs: Sequence[_Run], least: float) -> list[_Gutter]:
    """Return the vertical stripes that no run enters, between the outermost ones."""
    gutters: list[_Gutter] = []
    end: float | None = None
    for run in sorted(runs, key=lambda run: run.x0):
        if end is not None and run.x0 - end >= least:
            gutters.append((end, run.x0))
        end = run.x1 if end is None else max(end, run.x1)
    return gutters


def _turns(runs: Sequence[_Run], middle: float) -> int:
    """Return how often the file changes sides."""
    sides = [run.x0 > middle for run in sorted(runs, key=lambda run: run.items[0].order)]
    return sum(a != b for a, b in pairwise(sides))


def _is_between_labels(runs: Sequence[_Run], middle: float) -> bool:
    """Whether short words on one side stand level with what they name on the other.

    The file itself writes such pairs row by row; columns it writes one after the other.
    """
    lines = [item for run in runs for item in run.items if isinstance(item, Line)]
    left = [line for line in lines if line.x1 <= middle]
    right = [line for line in lines if line.x0 >= middle]
    few, many = sorted((left, right), key=len)
    if not few or _turns(runs, middle) < max(1, len(few) - 1):
        return False
    length = min(median(len(x.text) for x in few), median(len(x.text) for x in many))
    level = sum(any(_is_level(a, b) for b in many) for a in few)
    return length < _LABEL_LENGTH and level >= _LEVEL_SHARE * len(few)


def _is_level(first: Line, second: Line) -> bool:
    shared = min(first.y1, second.y1) - max(first.y0, second.y0)
    return shared > 0.5 * min(first.y1 - first.y0, second.y1 - second.y0)


def _is_leftwards(lines: Sequence[Line]) -> bool:
    """Whether most letters are of a script written from right to left."""
    letters = [character for line in lines for character in line.text if character.isalpha()]
    return sum("\u0590" <= letter <= "\u08ff" for letter in letters) > 0.5 * len(letters)
