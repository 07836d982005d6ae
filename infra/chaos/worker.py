"""Lambda's runtime with kill points armed: ``python -m infra.chaos.worker P FOLDER HANDLER``.

At every boundary between effects the process may end itself with SIGKILL, with probability ``P``
while the weather in ``FOLDER`` allows it. Which boundary it was goes into ``FOLDER/kills.log``
first. Deployed packages hold no ``infra``, so nothing there can be armed.
"""

from __future__ import annotations

import os
import random
import runpy
import signal
import sys
from pathlib import Path

from infra.chaos.weather import read_weather
from shared.kernel import killpoints

KILLS, WEATHER = "kills.log", "weather.json"


def arm(probability: float, folder: Path, chance: random.Random) -> None:
    """Let this process die at boundaries."""

    def pass_by(point: str) -> None:
        if chance.random() >= probability or not read_weather(folder / WEATHER).kills:
            return
        note(folder, point)
        os.kill(os.getpid(), signal.SIGKILL)

    killpoints.arm(pass_by)


def note(folder: Path, point: str) -> None:
    """Write down where a process was killed."""
    with (folder / KILLS).open("a", encoding="utf-8") as stream:
        stream.write(f"{point}\n")


def main() -> None:
    """Arm, then become the runtime."""
    probability, folder, handler = sys.argv[1:]
    arm(float(probability), Path(folder), random.Random())  # noqa: S311 - not a secret
    sys.argv = ["awslambdaric", handler]
    runpy.run_module("awslambdaric", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
