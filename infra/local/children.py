"""Children: start subprocesses that die with this process, whatever kills it.

The kernel sends the death signal when the *thread* that started a child ends, so every child is
started by one thread that lives as long as the process.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import IO

from shared.kernel.errors import UnavailableError

LAUNCH = Path(__file__).with_name("launch.py")


@dataclass(frozen=True, slots=True)
class Child:
    """What to start. ``output`` takes both stdout and stderr; ``None`` discards them.

    ``uid`` and ``capability`` are as in ``launch``; the child leads its own process group.
    """

    argv: Sequence[str | Path]
    environment: Mapping[str, str]
    folder: Path
    output: IO[bytes] | int | None = None
    death_signal: int = signal.SIGKILL
    uid: int | None = None
    capability: int | None = None
    started: Future[subprocess.Popen[bytes]] = field(default_factory=Future)


_waiting: SimpleQueue[Child] = SimpleQueue()
_thread_lock = threading.Lock()
_thread: threading.Thread | None = None


def _start(child: Child) -> subprocess.Popen[bytes]:
    argv = [
        sys.executable,
        "-I",
        "-S",
        str(LAUNCH),
        str(os.getpid()),
        str(int(child.death_signal)),
        "-" if child.uid is None else str(child.uid),
        "-" if child.capability is None else str(child.capability),
        "--",
        *map(str, child.argv),
    ]
    output = subprocess.DEVNULL if child.output is None else child.output
    return subprocess.Popen(
        argv,
        env=dict(child.environment),
        cwd=child.folder,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
    )


def _serve() -> None:
    while True:
        child = _waiting.get()
        try:
            child.started.set_result(_start(child))
        except OSError as error:
            child.started.set_exception(error)


def spawn(child: Child) -> subprocess.Popen[bytes]:
    """Start ``child`` and return its process; the program's path must be absolute.

    Raises UnavailableError when the machine refuses (memory, process limit).
    """
    global _thread  # noqa: PLW0603 - one starting thread per process, by design
    with _thread_lock:
        if _thread is None or not _thread.is_alive():
            _thread = threading.Thread(target=_serve, name="children", daemon=True)
            _thread.start()
    _waiting.put(child)
    try:
        return child.started.result()
    except OSError as error:
        raise UnavailableError(
            f"{child.argv[0]} does not start: {error.strerror or error}.",
            hint="Free memory or raise the process limit (ulimit -u).",
        ) from error


def end(process: subprocess.Popen[bytes], *, grace_s: float = 0.0) -> None:
    """End a child and its whole process group: politely for ``grace_s``, then by force."""
    if grace_s and process.poll() is None:
        _signal_group(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(grace_s)
    _signal_group(process.pid, signal.SIGKILL)
    process.wait(10)


def _signal_group(pid: int, number: int) -> None:
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):
        # The group is gone; macOS answers "not permitted" for a group of zombies.
        return
