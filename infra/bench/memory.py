"""What the whole runtime keeps in memory, by kind of process."""

from __future__ import annotations

from collections.abc import Sequence

from infra.bench.measurement import Measurement
from infra.bench.processes import (
    FUNCTION,
    KIB,
    OTHER,
    POSTGRES,
    RUNTIME,
    Process,
    read_tree,
    require_proc,
)
from infra.cli.terminal import plural

MIB = KIB * KIB
KINDS = (RUNTIME, FUNCTION, POSTGRES, OTHER)


def measure_memory(server_id: int) -> list[Measurement]:
    """Measure RSS and PSS of a server's process and everything below it, as it stands now.

    Raises UnavailableError without /proc or when the server is gone.
    """
    require_proc()
    return summarise(read_tree(server_id))


def summarise(processes: Sequence[Process]) -> list[Measurement]:
    """Add up processes by kind; kinds that do not occur are left out."""
    found = _rows("all processes", processes)
    for kind in KINDS:
        found += _rows(kind, [process for process in processes if process.kind == kind])
    return found


def _rows(name: str, processes: Sequence[Process]) -> list[Measurement]:
    if not processes:
        return []
    largest = max(process.pss_bytes for process in processes) / MIB
    note = f"{plural(len(processes), 'process', 'processes')}, the largest {largest:.0f} MiB"
    rss = sum(process.rss_bytes for process in processes) / MIB
    pss = sum(process.pss_bytes for process in processes) / MIB
    return [
        Measurement(f"memory {name} PSS", pss, "MiB", note),
        Measurement(f"memory {name} RSS", rss, "MiB", "shared pages counted in each"),
    ]
