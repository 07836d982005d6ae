"""The board of a running `put`: how much, how fast, how long still."""

from __future__ import annotations

import io
from pathlib import Path

from rich.console import Console

from infra.cli import board
from infra.cli.put_state import COMPLETED, FAILED
from infra.cli.selection import Source
from infra.cli.upload import Item


def items(count: int, *, ended: int, size: int = 1024) -> list[Item]:
    made = [Item(Source(Path(f"d/{n}.txt"), f"d/{n}.txt", "d"), size=size) for n in range(count)]
    for item in made[:ended]:
        item.end(COMPLETED)
    return made


def test_a_pace_is_told_once_enough_files_have_ended() -> None:
    assert board.pace(items(1000, ended=4), seconds=2) == ""
    assert board.pace(items(1000, ended=100), seconds=10) == (
        "10.0 files/s · 10.0 KB/s · about 1 min 30 s left"
    )


def test_files_of_an_earlier_run_make_nothing_look_faster() -> None:
    some = items(1000, ended=600)
    for item in some[:500]:
        item.is_resumed = True
    assert board.pace(some, seconds=10) == "10.0 files/s · 10.0 KB/s · about 40.0 s left"


def test_files_in_work_count_by_their_share() -> None:
    some = items(10, ended=5)
    some[5].started, some[5].job_id, some[5].progress = 1.0, "job", 0.5
    assert board.done_share(some) == 5.5


def test_a_thousand_files_fit_on_a_narrow_terminal() -> None:
    some = items(1000, ended=500)
    some[0].end(FAILED, "broken")
    for item in some[500:520]:
        item.started, item.job_id, item.stage = 1.0, "job", "embedding"
    out = io.StringIO()
    console = Console(file=out, width=80, force_terminal=True, color_system=None)
    console.print(board.progress(some, width=80, began=0, note="The server is away."))
    lines = out.getvalue().splitlines()
    assert all(len(line.rstrip()) <= 80 for line in lines)
    text = "\n".join(lines)
    assert "500 of 1000 files, 1 failed" in text
    assert "and 10 more in work" in text
    assert "left" in text
