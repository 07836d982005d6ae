"""The tools of chaos: weather only where it is meant, kills only when allowed, a truthful line."""

from __future__ import annotations

import io
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable
from pathlib import Path

import pytest

from infra.chaos.checking import LOST, Violation
from infra.chaos.disk import SmallDisk
from infra.chaos.papers import papers
from infra.chaos.plan import Report
from infra.chaos.weather import Weather, read_weather, under, write_weather
from infra.chaos.worker import KILLS, WEATHER, arm
from shared.kernel import killpoints

SIGNED = {"HTTP_AUTHORIZATION": "AWS4-HMAC-SHA256 Credential=local/20260101/eu/s3/aws4_request"}


def _ask(weather: Path, environ: dict[str, object]) -> str:
    said: list[str] = []

    def application(_environ: object, start: object) -> Iterable[bytes]:
        start("200 OK", [])  # type: ignore[operator]
        return [b""]

    served = under(weather, seed=1)(application)  # type: ignore[arg-type]
    list(
        served(
            {"wsgi.input": io.BytesIO(), **environ}, lambda status, _headers: said.append(status)
        )
    )  # type: ignore[arg-type, return-value]
    return said[0]


def test_only_storage_suffers_and_only_in_bad_weather(tmp_path: Path) -> None:
    weather = tmp_path / "weather.json"
    assert _ask(weather, SIGNED).startswith("200")
    write_weather(weather, Weather(errors=1.0))
    assert read_weather(weather) == Weather(errors=1.0)
    assert _ask(weather, SIGNED).startswith("503")
    assert _ask(weather, {}).startswith("200")
    assert _ask(weather, {**SIGNED, "HTTP_X_AMZ_TARGET": "AmazonSQS.SendMessage"}).startswith("200")


def test_a_worker_ends_itself_only_when_the_weather_allows_it(tmp_path: Path) -> None:
    script = (
        "import sys, random; from pathlib import Path; from infra.chaos.worker import arm;"
        "from shared.kernel.killpoints import reach;"
        "arm(1.0, Path(sys.argv[1]), random.Random(1)); reach('parse.read')"
    )
    for kills, ends in ((False, 0), (True, -signal.SIGKILL)):
        write_weather(tmp_path / WEATHER, Weather(kills=kills))
        done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False)
        assert done.returncode == ends
    assert (tmp_path / KILLS).read_text("utf-8") == "parse.read\n"


def test_arming_with_no_chance_kills_nobody(tmp_path: Path) -> None:
    write_weather(tmp_path / WEATHER, Weather(kills=True))
    arm(0.0, tmp_path, random.Random(1))
    try:
        killpoints.reach("parse.read")
    finally:
        killpoints.arm(None)


def test_nothing_deployed_can_arm_a_kill_point() -> None:
    root = Path(__file__).parents[3]
    deployed = [*root.glob("functions/**/*.py"), *root.glob("shared/**/*.py")]
    armed = [path for path in deployed if "killpoints.arm" in path.read_text("utf-8")]
    assert armed == []


def test_papers_are_equal_for_equal_seeds_and_differ_otherwise() -> None:
    assert list(papers(25, 3)) == list(papers(25, 3))
    assert [p.content for p in papers(25, 3)] != [p.content for p in papers(25, 4)]
    contents = [paper.content for paper in papers(100, 3)]
    assert len(set(contents)) == 100
    assert sum(paper.is_poison for paper in papers(100, 3)) == 5


def test_a_full_disk_takes_nothing_and_is_gone_afterwards(tmp_path: Path) -> None:
    disk = SmallDisk(tmp_path / "d")
    disk.mount()
    if not disk.is_small:
        pytest.skip("mounting a small disk needs root")
    try:
        filling = threading.Thread(target=disk.fill, args=(3.0,))
        filling.start()
        refused, number = False, 0
        while filling.is_alive() and not refused:
            number += 1
            try:
                (disk.folder / f"more-{number}").write_bytes(bytes(1 << 20))
            except OSError:
                refused = True
        filling.join()
        assert refused
        (disk.folder / "more").write_bytes(bytes(1 << 20))
    finally:
        disk.unmount()
    assert list(disk.folder.iterdir()) == []


@pytest.mark.parametrize(
    ("violations", "drained_s", "words"),
    [
        ([], 12.0, "lost 0, duplicated chunks 0, vectors 0, failed 2 = poison set"),
        ([Violation(LOST, 3, "3 jobs never ended")], 12.0, "lost 3"),
        ([], None, "not drained in time"),
    ],
)
def test_a_report_is_good_only_when_nothing_is_wrong(
    violations: list[Violation], drained_s: float | None, words: str
) -> None:
    report = Report(
        documents=40, poison=2, failed=2, events=300, kills=9, boundaries={"parse.read": 9},
        crashes=1, full_disks=0, storms=0, lost_messages=1, doubled_messages=2, dead_letters=0,
        drained_s=drained_s, seed=7, violations=violations,
    )  # fmt: skip
    assert report.is_good is (not violations and drained_s is not None)
    assert words in report.line()
