"""A server to be broken: ``python -m infra.chaos.server DATA HTTP_PORT AWS_PORT P SEED FOLDER``.

It is `kontor up` with two differences: workers may end themselves at boundaries between effects,
and its cloud has weather. ``FOLDER`` holds what both read and write; it is not the data folder, so
a full disk does not stop the breaking.
"""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path

from infra.chaos.weather import under
from infra.chaos.worker import WEATHER
from infra.cli.local_server import Breaking, LocalServer, Plan
from infra.cli.logs import log_to_file
from shared.kernel.settings import settings

READY = "Kontor is ready"
MODULE = "infra.chaos.server"


def main() -> None:
    """Run until SIGTERM."""
    data, http_port, aws_port, probability, seed, folder = sys.argv[1:]
    breaking = Breaking(
        program=("infra.chaos.worker", probability, folder),
        around_cloud=under(Path(folder) / WEATHER, int(seed)),
    )
    log_to_file(Path(folder))
    plan = Plan(Path(data), int(http_port), int(aws_port), reloads=False, breaking=breaking)
    server = LocalServer(plan, settings())
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    server.start(lambda _: None)
    try:
        print(READY, flush=True)  # noqa: T201 - who started this waits for it
        while not ended.wait(0.5):
            pass
    finally:
        server.stop()


if __name__ == "__main__":
    main()
