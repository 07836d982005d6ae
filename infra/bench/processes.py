"""Reads /proc: the CPU time a process has used, and the memory of a tree of processes.

CPU time is the sum over a process's threads of the first field of ``schedstat``, nanoseconds on
the CPU (Linux, Documentation/scheduler/sched-stats): finer than the 10 ms ticks of ``stat``.
Shared pages count in full in every RSS; PSS divides them among those who share them, so only PSS
adds up (proc_pid_smaps(5)).
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from shared.kernel.errors import UnavailableError

PROC = Path("/proc")
KIB = 1024
RUNTIME, POSTGRES, FUNCTION, OTHER = "runtime", "postgres", "function", "other"
RUNTIME_MODULES = (
    "awslambdaric",
    "kontor_stream",
    "infra.chaos.worker",
)  # what a function's process is started with


@dataclass(frozen=True, slots=True)
class Process:
    """A process and what it keeps in memory; ``kind`` says what part of the system it is."""

    id: int
    parent_id: int
    kind: str
    rss_bytes: int
    pss_bytes: int


def require_proc(proc: Path = PROC) -> None:
    """Raise UnavailableError where the system has no /proc with the files read here."""
    if not (proc / "self" / "smaps_rollup").exists():
        raise UnavailableError(
            "This system has no /proc to read CPU time and memory from.",
            hint="Measure cold starts and memory on Linux.",
        )


def cpu_ms(process_id: int, proc: Path = PROC) -> float:
    """Return the CPU time of a process's threads so far; those that ended do not count.

    Raises UnavailableError when the process is gone.
    """
    nanoseconds = 0
    try:
        for task in (proc / str(process_id) / "task").iterdir():
            with contextlib.suppress(FileNotFoundError):  # a thread that ended meanwhile
                nanoseconds += int((task / "schedstat").read_text().split()[0])
    except (OSError, IndexError, ValueError) as error:
        raise UnavailableError(f"The CPU time of process {process_id} cannot be read.") from error
    return nanoseconds / 1e6


def tree_cpu_s(root_id: int, proc: Path = PROC) -> float:
    """Return the CPU seconds of a process and all below it, those that ended included.

    Ticks of 10 ms (proc_pid_stat(5)): for what takes seconds. Not a number without /proc.
    """
    if not (proc / str(root_id)).is_dir():
        return float("nan")
    ticks = 0
    for process_id in _below(root_id, dict(_parents(proc))):
        with contextlib.suppress(OSError):  # it has ended; its parent has its ticks
            fields = (proc / str(process_id) / "stat").read_text().rpartition(")")[2].split()
            ticks += sum(map(int, fields[11:15]))  # user, system, and of children that ended
    return ticks / os.sysconf("SC_CLK_TCK")


def read_tree(root_id: int, proc: Path = PROC) -> list[Process]:
    """Read a process and all below it; those that end while we look are left out.

    Raises UnavailableError when the root itself is gone.
    """
    parents = dict(_parents(proc))
    if root_id not in parents:
        raise UnavailableError(f"There is no process {root_id}.", hint="Is the server running?")
    found = []
    for process_id in sorted(_below(root_id, parents)):
        try:
            process = _read(process_id, parents[process_id], proc, is_root=process_id == root_id)
        except OSError:
            continue  # it has ended
        found.append(process)
    return found


def parent_of(stat: str) -> int:
    """Return the parent in a line of ``/proc/PID/stat``, whose name field may hold anything."""
    return int(stat.rpartition(")")[2].split()[1])


def rollup_bytes(rollup: str, name: str) -> int:
    """Return one line of ``smaps_rollup``; 0 when it is not there, as for a kernel thread."""
    for line in rollup.splitlines():
        label, _, rest = line.partition(":")
        if label == name:
            return int(rest.split()[0]) * KIB
    return 0


def kind_of(words: list[str], *, is_root: bool) -> str:
    """Say what part of the system a command line belongs to."""
    if is_root:
        return RUNTIME
    if any(word in RUNTIME_MODULES for word in words):
        return FUNCTION
    return POSTGRES if words and "postgres" in Path(words[0]).name else OTHER


def _parents(proc: Path) -> Iterable[tuple[int, int]]:
    for folder in proc.glob("[0-9]*"):
        try:
            yield int(folder.name), parent_of((folder / "stat").read_text())
        except (OSError, ValueError, IndexError):
            continue  # it ended between listing and reading


def _below(root_id: int, parents: Mapping[int, int]) -> set[int]:
    found = {root_id}
    while True:
        more = {child for child, parent in parents.items() if parent in found} - found
        if not more:
            return found
        found |= more


def _read(process_id: int, parent_id: int, proc: Path, *, is_root: bool) -> Process:
    folder = proc / str(process_id)
    words = (folder / "cmdline").read_bytes().decode("utf-8", "replace").split("\0")
    rollup = (folder / "smaps_rollup").read_text()
    return Process(
        id=process_id,
        parent_id=parent_id,
        kind=kind_of(words, is_root=is_root),
        rss_bytes=rollup_bytes(rollup, "Rss"),
        pss_bytes=rollup_bytes(rollup, "Pss"),
    )
