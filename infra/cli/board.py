"""How a running `put` looks: a bar over everything and a row per file in work, or plain lines."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from infra.cli.put_state import COMPLETED, DUPLICATE, FAILED
from infra.cli.terminal import clean, duration, plural, shorten, size
from infra.cli.upload import UPLOADING, Item

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table

ROWS = 10  # files shown in work at a time
TELLING = 5  # so many ended files make a rate worth saying
LISTED = 30  # up to so many files, the summary names the good ones too
MARKS = {COMPLETED: ("✓", "green"), DUPLICATE: ("=", "cyan"), FAILED: ("✗", "red")}


def progress(items: Sequence[Item], *, width: int, began: float, note: str) -> RenderableType:
    """Draw the present state: ``began`` is on the monotonic clock, ``note`` a warning or empty."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    ended = [item for item in items if item.outcome]
    active = [item for item in items if item.is_active]
    rows = Table.grid(padding=(0, 2))
    rows.add_column(no_wrap=True)
    rows.add_column(no_wrap=True, style="cyan")
    rows.add_column(no_wrap=True, justify="right", style="dim")
    name_width = max(12, width - 34)
    top = common_folder(items)
    for item in active[:ROWS]:
        elapsed = duration(time.monotonic() - item.started)
        name = clean(item.source.shown.removeprefix(top))
        rows.add_row(shorten(name, name_width), _stage(item), elapsed)
    parts: list[RenderableType] = [rows, _overall(items, ended, width=width, began=began)]
    hidden = len(active) - ROWS
    if hidden > 0:
        parts.insert(1, Text(f"… and {hidden} more in work", style="dim"))
    speed = pace(items, seconds=time.monotonic() - began)
    if speed:
        parts.append(Text(speed, style="dim"))
    if note:
        parts.append(Text(note, style="yellow"))
    return Group(*parts)


def common_folder(items: Sequence[Item]) -> str:
    """Return the folder that all shown names begin with, slash included; empty when none."""
    folders = [item.source.shown.rpartition("/")[0] for item in items]
    if not all(folders):
        return ""
    try:
        common = os.path.commonpath(folders)
    except ValueError:  # absolute and relative names together
        return ""
    return f"{common}/" if common not in {"", "/"} else common


def _stage(item: Item) -> str:
    if item.stage in {UPLOADING, "embedding"} and 0 < item.progress < 1:
        return f"{item.stage} {item.progress:.0%}"
    return item.stage


def _overall(
    items: Sequence[Item], ended: Sequence[Item], *, width: int, began: float
) -> RenderableType:
    from rich.progress_bar import ProgressBar
    from rich.table import Table

    done = done_share(items)
    failed = sum(item.outcome == FAILED for item in ended)
    line = Table.grid(padding=(0, 2))
    line.add_column(no_wrap=True)
    line.add_column(no_wrap=True)
    words = f"{len(ended)} of {plural(len(items), 'file')}"
    words += f", {failed} failed" if failed else ""
    words += f" · {duration(time.monotonic() - began)}"
    bar_width = max(10, min(40, width - len(words) - 4))
    line.add_row(ProgressBar(total=len(items), completed=done, width=bar_width), words)
    return line


def done_share(items: Sequence[Item]) -> float:
    """Count the files done, those in work by their share."""
    ended = sum(bool(item.outcome) for item in items)
    return ended + sum(item.progress for item in items if item.is_active and item.job_id)


def pace(items: Sequence[Item], *, seconds: float) -> str:
    """Say how fast it goes and how long it will take, once enough has ended to tell.

    Files that an earlier run had finished count for neither: they took no time.
    """
    skipped = sum(item.is_resumed and bool(item.outcome) for item in items)
    done = done_share(items)
    worked = done - skipped
    ended = [item for item in items if item.outcome and not item.is_resumed]
    if len(ended) < TELLING or seconds <= 0 or worked <= 0:
        return ""
    rate = worked / seconds
    left = (len(items) - done) / rate
    bytes_each_s = sum(item.size for item in ended) / seconds
    return f"{rate:.1f} files/s · {size(bytes_each_s)}/s · about {duration(left)} left"


def plain_line(item: Item) -> str:
    """Write a file's end as one line without control codes, for logs and pipes."""
    took = f" ({duration(item.ended - item.started)})" if not item.is_resumed else ""
    said = _said(item)
    return f"{item.outcome:<9} {clean(item.source.shown)}{took}{f': {said}' if said else ''}"


def print_summary(console: Console, items: Sequence[Item], *, seconds: float) -> None:
    """Print what became of the files: failures and duplicates always, the good ones if few."""
    shown = items if len(items) <= LISTED else [i for i in items if i.outcome != COMPLETED]
    if console.is_terminal and shown:
        console.print(_table(shown))
    console.print(count_line(items, seconds=seconds))


def count_line(items: Sequence[Item], *, seconds: float) -> str:
    """Count the outcomes in words: ``3 completed, 1 duplicate, no failures in 4.2 s``."""
    counts = {outcome: sum(i.outcome == outcome for i in items) for outcome in MARKS}
    words = [f"{counts[COMPLETED]} completed"]
    if counts[DUPLICATE]:
        words.append(plural(counts[DUPLICATE], "duplicate"))
    words.append(f"{counts[FAILED]} failed" if counts[FAILED] else "none failed")
    return f"{', '.join(words)} in {duration(seconds)}"


def _table(items: Sequence[Item]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold", ratio=1)
    table.add_column(no_wrap=True, justify="right", style="dim")
    top = common_folder(items)
    for item in items:
        mark, style = MARKS[item.outcome]
        name = Text(clean(item.source.shown.removeprefix(top)))
        said = _said(item)
        if said:
            name.append(f"\n{said}", style="red" if item.outcome == FAILED else "dim")
        took = "" if item.is_resumed else duration(item.ended - item.started)
        table.add_row(Text(mark, style=style), name, f"{size(item.size):>8}  {took:>6}")
    return table


def _said(item: Item) -> str:
    detail = clean(item.detail)
    if item.is_resumed and item.outcome == COMPLETED:
        return "already there"
    return detail


def as_json(item: Item) -> dict[str, object]:
    """Describe a file's end for programs."""
    return {
        "path": str(item.source.path),
        "folder": item.source.folder,
        "outcome": item.outcome,
        "detail": item.detail,
        "size_bytes": item.size,
        "document_id": item.document_id or None,
        "job_id": item.job_id or None,
        "resumed": item.is_resumed,
        "duration_ms": round((item.ended - item.started) * 1000),
    }
