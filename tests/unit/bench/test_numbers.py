"""Percentiles, verdicts and what is read from /proc."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

from infra.bench.measurement import Measurement, percentile
from infra.bench.memory import summarise
from infra.bench.processes import (
    FUNCTION,
    OTHER,
    POSTGRES,
    RUNTIME,
    Process,
    cpu_ms,
    kind_of,
    parent_of,
    read_tree,
    require_proc,
    rollup_bytes,
    tree_cpu_s,
)
from shared.kernel.errors import InvalidError, UnavailableError

MIB = 1024 * 1024


@pytest.mark.parametrize(
    ("share", "expected"), [(0.0, 1.0), (0.5, 3.0), (0.61, 4.0), (0.95, 5.0), (1.0, 5.0)]
)
def test_a_percentile_is_a_value_that_occurred(share: float, expected: float) -> None:
    assert percentile([5.0, 1.0, 4.0, 2.0, 3.0], share) == expected


def test_of_twenty_values_one_may_exceed_the_95th_percentile() -> None:
    assert percentile([float(n) for n in range(1, 21)], 0.95) == 19.0


def test_there_is_no_percentile_of_nothing() -> None:
    with pytest.raises(InvalidError, match="nothing to take"):
        percentile([], 0.5)


def test_a_goal_is_met_up_to_its_very_value() -> None:
    assert Measurement("search", 40.0, "ms", at_most=40.0).verdict == "met"
    assert Measurement("search", 40.1, "ms", at_most=40.0).verdict == "missed"
    assert Measurement("search", 40.1, "ms").verdict == ""


def test_a_process_name_may_hold_spaces_and_parentheses() -> None:
    assert parent_of("4711 (a) b) c) S 42 4711 4711 0 -1 4194560") == 42


def test_a_rollup_is_read_in_bytes_and_by_its_whole_name() -> None:
    rollup = "00400000-7ff [rollup]\nRss:    2048 kB\nPss:    1024 kB\nPss_Anon:  512 kB\n"
    assert rollup_bytes(rollup, "Rss") == 2 * MIB
    assert rollup_bytes(rollup, "Pss") == MIB
    assert rollup_bytes("", "Rss") == 0


@pytest.mark.parametrize(
    ("words", "is_root", "kind"),
    [
        (["python", "kontor", "up"], True, RUNTIME),
        (["python", "-m", "awslambdaric", "functions.query.handler.handler"], False, FUNCTION),
        (
            ["python", "-m", "kontor_stream", "functions.chat_stream.handler.handler"],
            False,
            FUNCTION,
        ),
        (["/opt/x/bin/postgres", "-D", "data"], False, POSTGRES),
        (["postgres: kontor_app kontor [local] idle"], False, POSTGRES),
        (["/bin/sh"], False, OTHER),
        ([""], False, OTHER),
    ],
)
def test_a_command_line_tells_the_part_of_the_system(
    words: list[str], is_root: bool, kind: str
) -> None:
    assert kind_of(words, is_root=is_root) == kind


def test_the_cpu_time_of_this_process_grows_with_its_work() -> None:
    before = cpu_ms(os.getpid())
    sum(range(3_000_000))
    grown = cpu_ms(os.getpid()) - before
    assert grown > 0
    assert grown <= 1000 * sum(os.times()[:2])


def test_the_cpu_time_of_all_threads_is_added(tmp_path: Path) -> None:
    for thread, nanoseconds in (("7", 1_500_000), ("8", 2_000_000)):
        folder = tmp_path / "7" / "task" / thread
        folder.mkdir(parents=True)
        (folder / "schedstat").write_text(f"{nanoseconds} 99 3\n")
    assert cpu_ms(7, tmp_path) == 3.5


def test_the_cpu_time_of_a_tree_holds_children_that_ended() -> None:
    before = tree_cpu_s(os.getpid())
    subprocess.run([sys.executable, "-c", "sum(range(9_000_000))"], check=True)
    assert tree_cpu_s(os.getpid()) - before >= 0.05


def test_the_cpu_time_of_a_tree_is_unknown_without_proc(tmp_path: Path) -> None:
    assert math.isnan(tree_cpu_s(os.getpid(), tmp_path))


def test_a_process_that_is_gone_has_no_cpu_time(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="process 7 "):
        cpu_ms(7, tmp_path)


def test_a_tree_holds_children_and_no_strangers() -> None:
    wait = "import sys; sys.stdin.read()"
    child = subprocess.Popen([sys.executable, "-c", wait], stdin=subprocess.PIPE)
    try:
        tree = {process.id: process for process in read_tree(os.getpid())}
        assert tree[os.getpid()].kind == RUNTIME
        assert tree[child.pid].parent_id == os.getpid()
        assert 0 < tree[child.pid].pss_bytes <= tree[child.pid].rss_bytes
        assert os.getppid() not in tree
        assert {process.id for process in read_tree(child.pid)} == {child.pid}
    finally:
        child.communicate()
    with pytest.raises(UnavailableError, match="no process"):
        read_tree(child.pid)


def test_a_system_without_proc_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="no /proc"):
        require_proc(tmp_path)


def test_memory_is_added_up_by_kind() -> None:
    processes = [
        Process(1, 0, RUNTIME, 30 * MIB, 20 * MIB),
        Process(2, 1, FUNCTION, 50 * MIB, 40 * MIB),
        Process(3, 1, FUNCTION, 10 * MIB, 5 * MIB),
    ]
    rows = {row.name: row for row in summarise(processes)}
    assert rows["memory all processes PSS"].value == 65
    assert rows["memory function PSS"].value == 45
    assert rows["memory function RSS"].value == 60
    assert "2 processes, the largest 40 MiB" in rows["memory function PSS"].note
    assert "memory postgres PSS" not in rows
