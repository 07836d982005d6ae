"""Tables whose cells are drawn: rules that cross make a grid, a missing rule merges cells."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from shared.ingestion.drafting import CellText, Spot
from shared.ingestion.parsers.pdf.geometry import FoundTable, Rules, Word, centred_within, extent

_TOLERANCE = 3.0
_MOST_CROSSINGS = 400_000
_MOST_CELLS = 20_000
_MERGED_SHARE = 0.5
_FILLED_SHARE = 0.25
_BLOB_SHARE = 0.6
_FEW_CELLS = 4


class Groups:
    """Disjoint sets of numbers that are joined one pair after another."""

    def __init__(self, count: int) -> None:
        self._parents = list(range(count))

    def find(self, number: int) -> int:
        """Return the number that stands for the set."""
        parents = self._parents
        while parents[number] != number:
            parents[number] = parents[parents[number]]
            number = parents[number]
        return number

    def join(self, first: int, second: int) -> None:
        """Make one set of two."""
        self._parents[self.find(first)] = self.find(second)


@dataclass(frozen=True, slots=True)
class _Grid:
    """Crossing rules and the lattice they span."""

    xs: list[float]
    ys: list[float]
    rules: Rules

    @property
    def size(self) -> tuple[int, int]:
        return len(self.ys) - 1, len(self.xs) - 1


def drawn_tables(rules: Rules, words: Sequence[Word], page: int) -> list[FoundTable]:
    """Return the tables that rules draw around words."""
    found = []
    for grid in _grids(rules):
        inside = centred_within(words, grid.xs[0], grid.ys[0], grid.xs[-1], grid.ys[-1])
        if not inside:
            continue
        cells = _cells(grid, inside, page)
        if not _is_table(cells):
            continue
        found.append(
            FoundTable(page, grid.xs[0], grid.ys[0], grid.xs[-1], grid.ys[-1],
                       min(word.order for word in inside), tuple(cells))
        )  # fmt: skip
    return found


def _grids(rules: Rules) -> Iterable[_Grid]:
    """Yield the lattices of rules that touch each other, directly or through others."""
    across, down = rules.horizontal, rules.vertical
    if len(across) * len(down) > _MOST_CROSSINGS:
        return
    groups = Groups(len(across) + len(down))
    places = sorted((x, j) for j, (_, _, x) in enumerate(down))
    xs = [x for x, _ in places]
    for i, (x0, x1, y) in enumerate(across):
        first, last = bisect_left(xs, x0 - _TOLERANCE), bisect_right(xs, x1 + _TOLERANCE)
        for _, j in places[first:last]:
            y0, y1, _ = down[j]
            if y0 - _TOLERANCE <= y <= y1 + _TOLERANCE:
                groups.join(i, len(across) + j)
    parts: defaultdict[int, Rules] = defaultdict(Rules)
    for i, rule in enumerate(across):
        parts[groups.find(i)].horizontal.append(rule)
    for j, rule in enumerate(down, start=len(across)):
        parts[groups.find(j)].vertical.append(rule)
    for part in parts.values():
        ys = merged([rule[2] for rule in part.horizontal], _TOLERANCE)
        xs = merged([rule[2] for rule in part.vertical], _TOLERANCE)
        is_box = len(ys) <= 2 and len(xs) <= 2  # noqa: PLR2004 - one cell is no table
        if len(ys) >= 2 and len(xs) >= 2 and not is_box:  # noqa: PLR2004
            yield _Grid(xs, ys, part)


def merged(values: Iterable[float], tolerance: float) -> list[float]:
    """Return values in order, neighbours within the tolerance made one."""
    runs: list[list[float]] = []
    for value in sorted(values):
        if runs and value - runs[-1][-1] <= tolerance:
            runs[-1].append(value)
        else:
            runs.append([value])
    return [sum(run) / len(run) for run in runs]


def _cells(grid: _Grid, words: Sequence[Word], page: int) -> list[CellText]:
    """Return the cells with their spans, empty when the rules are no table's."""
    rows, columns = grid.size
    if rows * columns > _MOST_CELLS:
        return []
    groups = _joined_cells(grid)
    members: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    for row in range(rows):
        for column in range(columns):
            members[groups.find(row * columns + column)].append((row, column))
    held: defaultdict[int, list[Word]] = defaultdict(list)
    for word in words:
        place = placed(grid.xs, grid.ys, word)
        if place is not None:
            held[groups.find(place[0] * columns + place[1])].append(word)
    many = rows * columns > _FEW_CELLS
    if many and any(len(members[key]) > _BLOB_SHARE * rows * columns for key in held):
        # A missing rule has run cells together: better every square on its own.
        groups = Groups(rows * columns)
        members = defaultdict(list)
        for number in range(rows * columns):
            members[number].append(divmod(number, columns))
        held = _by_square(grid, words)
    elif many:
        joined = sum(len(cells) for cells in members.values() if len(cells) > 1)
        if joined > _MERGED_SHARE * rows * columns:
            return []
    return spanned(members, held, page)


def _by_square(grid: _Grid, words: Sequence[Word]) -> defaultdict[int, list[Word]]:
    held: defaultdict[int, list[Word]] = defaultdict(list)
    for word in words:
        place = placed(grid.xs, grid.ys, word)
        if place is not None:
            held[place[0] * grid.size[1] + place[1]].append(word)
    return held


def _joined_cells(grid: _Grid) -> Groups:
    """Join neighbouring squares that no rule separates."""
    rows, columns = grid.size
    groups = Groups(rows * columns)
    for row in range(rows):
        for column in range(columns):
            here = row * columns + column
            middle_y = (grid.ys[row] + grid.ys[row + 1]) / 2
            middle_x = (grid.xs[column] + grid.xs[column + 1]) / 2
            if column + 1 < columns and not _crosses(
                grid.rules.vertical, grid.xs[column + 1], middle_y
            ):
                groups.join(here, here + 1)
            if row + 1 < rows and not _crosses(grid.rules.horizontal, grid.ys[row + 1], middle_x):
                groups.join(here, here + columns)
    return groups


def _crosses(rules: Iterable[tuple[float, float, float]], level: float, middle: float) -> bool:
    return any(
        abs(at - level) <= _TOLERANCE and start - _TOLERANCE <= middle <= end + _TOLERANCE
        for start, end, at in rules
    )


def placed(xs: Sequence[float], ys: Sequence[float], word: Word) -> tuple[int, int] | None:
    """Return row and column of the square that holds a word's centre."""
    x, y = (word.x0 + word.x1) / 2, (word.y0 + word.y1) / 2
    column = next((i for i in range(len(xs) - 1) if xs[i] - 1 <= x <= xs[i + 1] + 1), None)
    row = next((i for i in range(len(ys) - 1) if ys[i] - 1 <= y <= ys[i + 1] + 1), None)
    return None if row is None or column is None else (row, column)


def spanned(
    members: dict[int, list[tuple[int, int]]], held: dict[int, list[Word]], page: int
) -> list[CellText]:
    """Return cells over the rows and columns that begin something, numbered without gaps."""
    corners = {key: min(cells) for key, cells in members.items() if key in held}
    row_numbers = _numbered(row for row, _ in corners.values())
    column_numbers = _numbered(column for _, column in corners.values())
    cells = []
    for key, squares in members.items():
        rows = sorted({row for row, _ in squares} & row_numbers.keys())
        columns = sorted({column for _, column in squares} & column_numbers.keys())
        if not rows or not columns:
            continue
        words = sorted(held.get(key, []), key=lambda word: word.order)
        cells.append(
            CellText(
                row=row_numbers[rows[0]],
                column=column_numbers[columns[0]],
                text=" ".join(word.text for word in words),
                row_span=len(rows),
                column_span=len(columns),
                is_header=row_numbers[rows[0]] == 0,
                spot=Spot(page, *extent(words)) if words else None,
            )
        )
    return sorted(cells, key=lambda cell: (cell.row, cell.column))


def _numbered(kept: Iterable[int]) -> dict[int, int]:
    return {place: number for number, place in enumerate(sorted(set(kept)))}


def _is_table(cells: Sequence[CellText]) -> bool:
    """Whether there are two rows and columns, and enough squares with words."""
    if not cells:
        return False
    rows = max(cell.row + cell.row_span for cell in cells)
    columns = max(cell.column + cell.column_span for cell in cells)
    if rows < 2 or columns < 2:  # noqa: PLR2004
        return False
    filled = Counter(bool(cell.text) for cell in cells)
    return filled[True] >= _FILLED_SHARE * sum(filled.values())
