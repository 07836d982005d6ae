"""A server of the bench's own: `kontor up` in a folder and on ports of its own, gone afterwards."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from infra.bench.measurement import Measurement, Progress
from infra.local.children import Child, end, spawn
from infra.local.ports import take_port
from shared.kernel.errors import UnavailableError

READY = b"Kontor is ready"
START_S = 180.0  # the first start builds the model and the database on a machine that may be busy
STOP_S = 30.0
LOOK_S = 0.01
RUNS = 3
READY_S = 6.0
COMMAND = "from infra.cli.main import main; main()"


class BenchServer:
    """Starts and stops `kontor up` over one data folder.

    ``surroundings`` is the variables its process gets: settings have no place among them, so that
    what is measured is the default.
    """

    def __init__(self, root: Path, data: Path, surroundings: Mapping[str, str]) -> None:
        self.data = data
        self._root = root
        self._surroundings = surroundings
        self._log = data.parent / "up.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def is_running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    @property
    def process_id(self) -> int:
        """The process at the root of its tree, while it runs."""
        assert self._process is not None, "start the server first"
        return self._process.pid

    def start(self) -> float:
        """Start it; returns the seconds from there until it said that it is ready.

        Raises UnavailableError with its own last words when it does not get ready.
        """
        ports = [str(_free_port()) for _ in range(2)]
        words = ["up", "--data", str(self.data), "--port", ports[0], "--aws-port", ports[1]]
        argv = [sys.executable, "-c", COMMAND, *words, "--no-reload"]
        self.data.mkdir(parents=True, exist_ok=True)
        with self._log.open("wb") as log:
            began = time.perf_counter()
            self._process = spawn(Child(argv, self._surroundings, self._root, output=log))
        while READY not in self._log.read_bytes():
            if not self.is_running or time.perf_counter() - began > START_S:
                self.stop()
                said = self._log.read_text("utf-8", "replace").strip().splitlines()
                raise UnavailableError(
                    f"The bench's server does not start: {said[-1] if said else 'it said nothing'}"
                )
            time.sleep(LOOK_S)
        return time.perf_counter() - began

    def stop(self) -> None:
        """Stop it as Ctrl-C does, by force when that takes too long; the folder stays."""
        if self._process is not None:
            end(self._process, grace_s=STOP_S)
            self._process = None


def measure_start(
    server: BenchServer, *, progress: Progress, runs: int = RUNS
) -> list[Measurement]:
    """Measure `kontor up` over an existing data folder, until it is ready; it is left running.

    The first start, which builds the model and the database, is not counted.
    """
    if not server.data.exists():
        progress("Preparing a data folder: model, database.")
        server.start()
    times = []
    for run in range(1, runs + 1):
        server.stop()
        progress(f"Start {run} of {runs}.")
        times.append(server.start())
    note = f"median of {runs}, data folder and model there already"
    return [Measurement("start until ready", statistics.median(times), "s", note, READY_S)]


def _free_port() -> int:
    with take_port(0, purpose="The bench's server") as taken:
        return int(taken.getsockname()[1])
