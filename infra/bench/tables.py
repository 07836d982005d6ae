"""Tables of questions: a question a line, its four columns parted by tabs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from shared.kernel.errors import InvalidError, NotFoundError

Columns = tuple[str, str, str, str]


def read_columns(path: Path, *, named: str) -> Iterator[tuple[int, Columns]]:
    """Yield each line's number, from 1, and columns; ``named`` says in an error what they are.

    Raises NotFoundError, or InvalidError naming the line that is wrong.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise NotFoundError(f"{path} cannot be read: {error}.") from error
    for number, line in enumerate(lines, 1):
        match line.split("\t"):
            case [str() as first, second, third, fourth] if first and second and third and fourth:
                yield number, (first, second, third, fourth)
            case _:
                raise InvalidError(
                    f"{path.name}, line {number}, has not the four columns of a question.",
                    hint=f"{named}; with tabs between them.",
                )
