"""What commands print and how: clean text, quantities people read, JSON for programs.

Titles and file names come from strangers, so control characters never reach the terminal.
"""

from __future__ import annotations

import json
import sys
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from shared.kernel.errors import KontorError

if TYPE_CHECKING:
    from rich.console import Console

PLAIN_WIDTH = 10_000  # lines that go into a file or a pipe are never broken
_KIB = 1024


def open_console(*, is_error: bool = False) -> Console:
    """Open standard output (or error) as rich sees it; without a terminal, plain and unwrapped."""
    from rich.console import Console

    console = Console(stderr=is_error, highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console = Console(
            stderr=is_error,
            highlight=False,
            markup=False,
            emoji=False,
            width=PLAIN_WIDTH,
            color_system=None,
        )
    return console


def print_json(body: object) -> None:
    """Print one JSON document on one line."""
    sys.stdout.write(json.dumps(body, ensure_ascii=False, separators=(", ", ": ")) + "\n")
    sys.stdout.flush()


def print_error(error: KontorError) -> None:
    """Print an error as one line on standard error: what is wrong — what to do."""
    hint = f" — {error.hint}" if error.hint else ""
    sys.stderr.write(f"error: {clean(error.detail)}{clean(hint)}\n")


def print_warning(text: str) -> None:
    """Print what a person should know although the command goes on, on standard error."""
    sys.stderr.write(f"warning: {clean(text)}\n")


def clean(text: str) -> str:
    """Put foreign text onto one line without control, escape and direction characters."""
    return "".join(
        " " if character in "\n\r\t" else character
        for character in text
        if character in "\n\r\t" or unicodedata.category(character) not in {"Cc", "Cf", "Cs"}
    )


def clean_lines(text: str) -> str:
    """Like ``clean``, but keep line ends and tabs."""
    return "\n".join(
        "\t".join(clean(part) for part in line.split("\t")) for line in text.split("\n")
    )


def shorten(text: str, width: int) -> str:
    """Cut the middle out of a long name, so that its beginning and its extension stay."""
    if len(text) <= width:
        return text
    tail = max(1, (width - 1) * 2 // 5)
    return f"{text[: width - 1 - tail]}…{text[-tail:]}"


def size(count: int | float) -> str:
    """Write a number of bytes the way people do: ``1.4 MB``, powers of 1024."""
    value = float(count)
    for unit in ("B", "KB", "MB"):
        if value < _KIB:
            return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.1f} {unit}"  # noqa: PLR2004
        value /= _KIB
    return f"{value:.1f} GB"


def duration(seconds: float) -> str:
    """Write a span of time with the precision it deserves: ``84 ms``, ``3.2 s``, ``2 min 05 s``."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:  # noqa: PLR2004
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:  # noqa: PLR2004
        return f"{minutes} min {rest:02} s"
    return f"{minutes // 60} h {minutes % 60:02} min"


def plural(count: int, noun: str, many: str = "") -> str:
    """Write a count with its noun: ``1 file``, ``2 files``, ``no files``."""
    word = noun if count == 1 else many or f"{noun}s"
    return f"{count or 'no'} {word}"


def moment(text: object) -> datetime | None:
    """Read an ISO 8601 moment from JSON; ``None`` when there is none."""
    if not isinstance(text, str) or not text:
        return None
    read = datetime.fromisoformat(text)
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def local_time(text: object, form: str = "%Y-%m-%d %H:%M") -> str:
    """Write an ISO 8601 moment in this machine's time zone."""
    read = moment(text)
    return read.astimezone().strftime(form) if read else ""


def text_of(body: Mapping[str, object], name: str) -> str:
    """Read a text from JSON, cleaned for the terminal; empty when absent."""
    value = body.get(name)
    return "" if value is None else clean(str(value))


def number_of(body: Mapping[str, object], name: str) -> float:
    """Read a number from JSON; 0 when absent or of another kind."""
    value = body.get(name)
    return float(value) if isinstance(value, int | float) else 0.0


def list_of(body: Mapping[str, object], name: str) -> list[dict[str, object]]:
    """Read a list of objects from JSON; whatever else stands there is left out."""
    value = body.get(name)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def names_of(body: Mapping[str, object], name: str) -> list[str]:
    """Read a list of texts from JSON, cleaned for the terminal."""
    value = body.get(name)
    return (
        [clean(item) for item in value if isinstance(item, str)] if isinstance(value, list) else []
    )
