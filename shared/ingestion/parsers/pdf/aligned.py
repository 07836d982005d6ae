"""Tables without drawn cells: between a few horizontal rules, or held together by white space."""

from __future__ import annotations

from bisect import bisect
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from statistics import median

from shared.ingestion.drafting import CellText, Spot
from shared.ingestion.parsers.pdf.geometry import (
    FoundTable,
    Line,
    Rules,
    Word,
    centred_within,
    extent,
)
from shared.ingestion.parsers.pdf.grids import placed, spanned

_SAME_EXTENT = 6.0
_DOUBLE_RULE = 4.0
_LEAST_RULE = 60.0
_LEAST_RULES = 3
_LEAST_WORDS = 6
_ROW_OVERLAP = 0.45
_MANY_ROWS = 10
_FILLED_SHARE = 0.4
_MOST_COLUMNS = 0.7
_MOST_WRAPPED = 6
# A cell centred beside two lines makes three rows of words.
_CENTRED = 3
_WRAPPED_STEP = 0.85
_SHARED_HEIGHT = 0.25

Rule = tuple[float, float, float]
_Row = tuple[float, list[Word]]


def ruled_tables(rules: Rules, words: Sequence[Word], page: int) -> list[FoundTable]:
    """Return tables set between three or more horizontal rules of one width (booktabs)."""
    pieces = _joined_rules(rules.horizontal)
    found: list[FoundTable] = []
    taken: set[int] = set()
    for group in _alike(pieces):
        free = [word for word in words if word.order not in taken]
        for table in _within(group, free, page):
            found.append(table)
            taken.update(
                w.order for w in centred_within(free, table.x0, table.y0, table.x1, table.y1)
            )
    return found


def _alike(rules: Sequence[Rule]) -> Iterator[list[Rule]]:
    """Yield rules of one width under each other, double rules made one."""
    groups: list[list[Rule]] = []
    for rule in sorted(rules, key=lambda rule: rule[2]):
        if rule[1] - rule[0] <= _LEAST_RULE:
            continue
        for group in groups:
            apart = max(abs(group[-1][0] - rule[0]), abs(group[-1][1] - rule[1]))
            if apart <= _SAME_EXTENT:
                if rule[2] - group[-1][2] > _DOUBLE_RULE:
                    group.append(rule)
                break
        else:
            groups.append([rule])
    yield from groups


def _joined_rules(rules: Sequence[Rule]) -> list[Rule]:
    """Join pieces of one line: neighbours on the same height that nearly touch."""
    joined: list[list[float]] = []
    for x0, x1, y in sorted(rules, key=lambda rule: (rule[2], rule[0])):
        for known in reversed(joined[-50:]):
            if abs(known[2] - y) < 1.5 and x0 <= known[1] + 6 and x1 >= known[0] - 6:  # noqa: PLR2004
                known[0], known[1] = min(known[0], x0), max(known[1], x1)
                break
        else:
            joined.append([x0, x1, y])
    return [(x0, x1, y) for x0, x1, y in joined]


def _within(group: Sequence[Rule], words: Sequence[Word], page: int) -> list[FoundTable]:
    """Return the tables between rules of one width; text may stand between two of them."""
    if len(group) < _LEAST_RULES:
        return []
    table = _between(group, words, page)
    if table is not None:
        return [table]
    heights = [below[2] - above[2] for above, below in pairwise(group)]
    tallest = heights.index(max(heights)) + 1
    return _within(group[:tallest], words, page) + _within(group[tallest:], words, page)


def _between(group: Sequence[Rule], words: Sequence[Word], page: int) -> FoundTable | None:
    x0, x1 = group[0][0], group[0][1]
    y0, y1 = group[0][2], group[-1][2]
    inside = centred_within(words, x0, y0, x1, y1, slack=0.5)
    if len(inside) < _LEAST_WORDS:
        return None
    rows = _text_rows(inside)
    gaps = _column_gaps(rows, x0, x1)
    if not gaps:
        return None
    xs = [x0 - 3, *gaps, x1 + 3]
    ys = _row_edges(rows, [rule[2] for rule in group], xs)
    cells = _filled(xs, ys, inside, page)
    row_count = 1 + max(cell.row for cell in cells)
    column_count = 1 + max(cell.column for cell in cells)
    filled = sum(bool(cell.text) for cell in cells)
    if row_count < 2 or column_count < 2:  # noqa: PLR2004
        return None
    if filled < _FILLED_SHARE * row_count * column_count or _is_listing(cells, row_count):
        return None
    order = min(word.order for word in inside)
    return FoundTable(page, x0, y0, x1, y1, order, tuple(cells))


def _is_listing(cells: Sequence[CellText], row_count: int) -> bool:
    """Whether all but one of the columns are all but empty: a program or text in a frame."""
    counts = Counter(cell.column for cell in cells if cell.text.strip())
    return row_count >= _MANY_ROWS // 2 and sum(count > 1 for count in counts.values()) <= 1


def _row_edges(rows: Sequence[_Row], levels: Sequence[float], xs: Sequence[float]) -> list[float]:
    """Return the heights between rows: rules, and the middles between lines that fill columns.

    Lines between two rules of which at most one fills most columns are one row, wrapped.
    """
    edges = [levels[0]]
    for top, bottom in pairwise(levels):
        band = _overlapping_joined([row for row in rows if top < row[0] < bottom])
        filled = [{_place(xs, word) for word in words} for _, words in band]
        columns = len(set().union(*filled)) if filled else 0
        full = sum(len(places) >= _MOST_COLUMNS * columns for places in filled)
        is_wrapped = len(levels) > _LEAST_RULES and columns > 1 and full <= 1
        is_wrapped |= len(filled) == _CENTRED and filled[1].isdisjoint(filled[0] | filled[2])
        if not is_wrapped or len(band) > _MOST_WRAPPED:
            edges += [
                (_bottom(above) + _top(below)) / 2 for (_, above), (_, below) in pairwise(band)
            ]
        edges.append(bottom)
    return edges


def _overlapping_joined(rows: Sequence[_Row]) -> list[_Row]:
    """Join lines that share heights: a cell of one line beside a cell of two is one row."""
    joined: list[_Row] = []
    lines = 0
    for centre, words in rows:
        last = joined[-1][1] if joined else []
        lower = min(w.y1 - w.y0 for w in (*last, *words))
        shared = _bottom(last) - _top(words) if last else 0.0
        if last and shared > _SHARED_HEIGHT * lower and lines < _MOST_WRAPPED:
            joined[-1] = (centre, [*last, *words])
            lines += 1
        else:
            joined.append((centre, list(words)))
            lines = 1
    return joined


def _top(words: Sequence[Word]) -> float:
    return min(word.y0 for word in words)


def _bottom(words: Sequence[Word]) -> float:
    return max(word.y1 for word in words)


def _place(xs: Sequence[float], word: Word) -> int:
    return bisect(xs, (word.x0 + word.x1) / 2)


def _text_rows(words: Sequence[Word]) -> list[tuple[float, list[Word]]]:
    """Group words whose centres lie on one height; returns (height, words) from the top."""
    size = median(word.size for word in words)
    rows: list[tuple[float, list[Word]]] = []
    for word in sorted(words, key=lambda w: (w.y0 + w.y1) / 2):
        centre = (word.y0 + word.y1) / 2
        if rows and abs(centre - rows[-1][0]) < _ROW_OVERLAP * size:
            rows[-1][1].append(word)
        else:
            rows.append((centre, [word]))
    return rows


def _column_gaps(rows: Sequence[tuple[float, Sequence[Word]]], x0: float, x1: float) -> list[float]:
    """Return the middles of the vertical stripes that (nearly) no row writes into."""
    count = max(1, int(x1 - x0) + 1)
    writers = [0] * count
    for _, words in rows:
        touched: set[int] = set()
        for word in words:
            first, last = max(0, int(word.x0 - x0)), min(count, int(word.x1 - x0) + 1)
            touched.update(range(first, last))
        for point in touched:
            writers[point] += 1
    allowed = 0 if len(rows) < _MANY_ROWS else 1
    least = max(4.0, 0.5 * median(word.size for _, words in rows for word in words))
    return [
        x0 + (start + end) / 2
        for start, end in _free_runs(writers, allowed)
        if end - start >= least and start > 0 and end < count
    ]


def _free_runs(writers: Sequence[int], allowed: int) -> Iterator[tuple[int, int]]:
    start = None
    for place, count in enumerate([*writers, allowed + 1]):
        if count <= allowed and start is None:
            start = place
        elif count > allowed and start is not None:
            yield start, place
            start = None


def _filled(
    xs: Sequence[float], ys: Sequence[float], words: Sequence[Word], page: int
) -> list[CellText]:
    columns = len(xs) - 1
    members = {n: [divmod(n, columns)] for n in range(columns * (len(ys) - 1))}
    held: defaultdict[int, list[Word]] = defaultdict(list)
    for word in words:
        place = placed(xs, ys, word)
        if place is not None:
            held[place[0] * columns + place[1]].append(word)
    return spanned(members, held, page)


def spaced_tables(lines: Sequence[Line], page: int) -> list[tuple[FoundTable, set[int]]]:
    """Return tables held together by white space alone, each with the orders of its lines.

    At least three rows in which short pieces stand in three or more common columns.
    """
    found = []
    for run in _runs(_visual_rows(lines)):
        pieces = [line for row in run for line in row]
        columns = _columns(pieces)
        full = sum(len(row) >= len(columns) - 1 for row in run)
        is_short = median(len(line.text) for line in pieces) < 28  # noqa: PLR2004
        if len(columns) < 3 or full < 0.6 * len(run) or not is_short:  # noqa: PLR2004
            continue
        x0, y0, x1, y1 = extent(pieces)
        order = min(line.order for line in pieces)
        cells = tuple(_aligned_cells(_unwrapped(run, columns), columns, page))
        table = FoundTable(page, x0, y0, x1, y1, order, cells)
        found.append((table, {line.order for line in pieces}))
    return found


def _unwrapped(
    run: Sequence[list[Line]], columns: Sequence[tuple[float, float]]
) -> list[list[Line]]:
    """Join a row with the one above that it goes on: nearer than usual, nothing in column one."""
    steps = [min(x.y0 for x in b) - min(x.y0 for x in a) for a, b in pairwise(run)]
    usual = median(steps)
    rows = [list(run[0])]
    above = _places(run[0], columns)
    for step, row in zip(steps, run[1:], strict=True):
        places = _places(row, columns)
        goes_on = 0 not in places and places <= above and step < _WRAPPED_STEP * usual
        if goes_on:
            rows[-1] += row
        else:
            rows.append(list(row))
            above = places
    return rows


def _places(row: Iterable[Line], columns: Sequence[tuple[float, float]]) -> set[int]:
    """Return the columns that a row writes into."""
    return {max(i for i, (x0, _) in enumerate(columns) if x0 <= line.x0 + 1) for line in row}


def _visual_rows(lines: Sequence[Line]) -> list[tuple[float, list[Line]]]:
    rows: list[tuple[float, list[Line]]] = []
    for line in sorted(lines, key=lambda item: (item.y0 + item.y1) / 2):
        centre = (line.y0 + line.y1) / 2
        if rows and abs(centre - rows[-1][0]) < 0.5 * min(line.y1 - line.y0, 12):
            rows[-1][1].append(line)
        else:
            rows.append((centre, [line]))
    return rows


def _runs(rows: Sequence[tuple[float, list[Line]]]) -> Iterator[list[list[Line]]]:
    """Yield stretches of at least three rows that stand close and have several pieces."""
    run: list[list[Line]] = []
    previous = 0.0
    for centre, row in rows:
        height = max(line.y1 - line.y0 for line in row)
        step = centre - previous
        previous = centre
        goes_on = len(row) > 1 and step < 3.2 * height
        goes_on |= len(row) == 1 and step < 1.6 * height and len(row[0].text) < 40  # noqa: PLR2004
        if run and not goes_on:
            if len(run) >= 3:  # noqa: PLR2004
                yield run
            run = []
        if len(row) > 1 or run:
            run.append(row)
    if len(run) >= 3:  # noqa: PLR2004
        yield run


def _columns(lines: Sequence[Line]) -> list[tuple[float, float]]:
    """Return the horizontal stretches that lines cover, overlapping ones made one."""
    columns: list[tuple[float, float]] = []
    for line in sorted(lines, key=lambda item: item.x0):
        if columns and line.x0 <= columns[-1][1] + 2:
            columns[-1] = (columns[-1][0], max(columns[-1][1], line.x1))
        else:
            columns.append((line.x0, line.x1))
    return columns


def _aligned_cells(
    run: Sequence[Sequence[Line]], columns: Sequence[tuple[float, float]], page: int
) -> Iterator[CellText]:
    for number, row in enumerate(run):
        held: defaultdict[int, list[Line]] = defaultdict(list)
        for line in sorted(row, key=lambda item: (round(item.y0), item.x0)):
            held[max(i for i, (x0, _) in enumerate(columns) if x0 <= line.x0 + 1)].append(line)
        for column, lines in sorted(held.items()):
            yield CellText(
                row=number,
                column=column,
                text=" ".join(line.text for line in lines),
                is_header=number == 0,
                spot=Spot(page, *extent(lines)),
            )
