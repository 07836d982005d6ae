"""The ground chaos happens on: a server of its own on a small disk, gone afterwards."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import psycopg

from infra.bench.processes import FUNCTION, POSTGRES, Process, read_tree
from infra.chaos.disk import SmallDisk
from infra.chaos.server import MODULE, READY
from infra.chaos.weather import Weather, write_weather
from infra.chaos.worker import KILLS, WEATHER
from infra.cli.client import KontorClient
from infra.cli.local_server import STAGE
from infra.cli.owner import read_running
from infra.cli.target import ROOT, resolve
from infra.local.children import Child, end, spawn
from infra.local.ports import HOST, take_port
from shared.kernel.errors import KontorError, UnavailableError

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

START_S = 120.0
STOP_S = 30.0
REGION = "eu-central-1"


class Ground:
    """Makes a folder, a disk in it and a server on that; ``with`` takes all away again."""

    def __init__(
        self, surroundings: Mapping[str, str], *, model_dir: Path, kill_chance: float, seed: int
    ) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="kc-"))  # short: Postgres' socket lies below it
        self.disk = SmallDisk(self.folder / "d")
        self._surroundings = {
            **surroundings,
            "MODEL_DIR": str(model_dir.absolute()),
            "STUCK_AFTER_S": "10",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        self._arguments = [str(kill_chance), str(seed), str(self.folder)]
        self._process: subprocess.Popen[bytes] | None = None
        self._aws_port = 0

    def __enter__(self) -> Self:
        try:
            self.disk.mount()
            self.kills_log.touch()
            self.change_weather(Weather())
            self._start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the server; nothing of it stays."""
        if self._process is not None:
            end(self._process, grace_s=STOP_S)
            self._process = None
        self.disk.unmount()
        shutil.rmtree(self.folder, ignore_errors=True)

    # -- looking at it -------------------------------------------------------------------------

    @property
    def kills_log(self) -> Path:
        """Where every kill is noted, a line each."""
        return self.folder / KILLS

    @cached_property
    def client(self) -> KontorClient:
        """The demo administrator's client."""
        return KontorClient(resolve(api="", token="", data=self.disk.folder))

    @cached_property
    def sqs(self) -> Any:
        """A client of the server's own queues."""
        return self._aws("sqs")

    def sweep(self) -> None:
        """Call the function that mends, without waiting for its schedule."""
        self._aws("lambda").invoke(
            FunctionName=f"kontor-{STAGE}-sweep", InvocationType="Event", Payload=b"{}"
        )

    def _aws(self, service: Literal["sqs", "lambda"]) -> Any:
        import boto3

        return boto3.client(
            service,
            endpoint_url=f"http://{HOST}:{self._aws_port}",
            region_name=REGION,
            aws_access_key_id="local",
            aws_secret_access_key="local",  # noqa: S106 - the emulator takes any
        )

    def queues(self, *, are_dead_letters: bool) -> list[str]:
        """List the URLs of the queues that carry work, or of those where it ends up."""
        found = self.sqs.list_queues().get("QueueUrls", [])
        return [url for url in found if url.endswith("dlq") is are_dead_letters]

    def connect(self) -> psycopg.Connection[tuple[object, ...]]:
        """Connect as the database's owner. Raises psycopg.OperationalError while it is down."""
        running = read_running(self.disk.folder)
        if running is None:
            raise UnavailableError("The server that was to be broken is gone.")
        return psycopg.connect(running.database_url, connect_timeout=5)

    def workers(self) -> list[Process]:
        """List the functions' processes."""
        return [process for process in self._tree() if process.kind == FUNCTION]

    def postmaster(self) -> int | None:
        """Return Postgres' first process, if it runs."""
        found = {process.id: process for process in self._tree() if process.kind == POSTGRES}
        return next((one.id for one in found.values() if one.parent_id not in found), None)

    def change_weather(self, weather: Weather) -> None:
        """Change what storage goes through, and whether workers may die at boundaries."""
        write_weather(self.folder / WEATHER, weather)

    def said(self) -> str:
        """Return the server's last words."""
        lines = (self.folder / "server.log").read_text("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"

    def _tree(self) -> list[Process]:
        assert self._process is not None
        try:
            return read_tree(self._process.pid)
        except KontorError as error:
            raise UnavailableError(f"The server has ended: {self.said()}") from error

    def _start(self) -> None:
        ports = []
        for _ in range(2):
            with take_port(0, purpose="The server to be broken") as taken:
                ports.append(int(taken.getsockname()[1]))
        self._aws_port = ports[1]
        words = [MODULE, str(self.disk.folder), *map(str, ports), *self._arguments]
        log = self.folder / "server.log"
        with log.open("wb") as output:
            self._process = spawn(
                Child([sys.executable, "-m", *words], self._surroundings, ROOT, output=output)
            )
        until = time.monotonic() + START_S
        while READY.encode() not in log.read_bytes():
            if self._process.poll() is not None or time.monotonic() > until:
                raise UnavailableError(f"The server to be broken does not start: {self.said()}")
            time.sleep(0.05)
