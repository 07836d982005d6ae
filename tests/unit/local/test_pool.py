"""The pool: functions run, fail, time out, reload and queue as on Lambda."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from infra.local.environments import FunctionSpec
from infra.local.pool import Outcome, Pool
from shared.kernel.errors import NotFoundError

HANDLER = """
import os, subprocess, sys, time
print("loaded")
CALLS = []
def handler(event, context):
    CALLS.append(1)
    if event.get("do") == "raise":
        raise KeyError("missing")
    if event.get("do") == "exit":
        os._exit(3)
    if event.get("do") == "sleep":
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        open(event["pids"], "w").write(f"{os.getpid()} {child.pid}")
        time.sleep(60)
    if event.get("do") == "wait":
        open(event["until"] + ".awaited", "w").close()
        while not os.path.exists(event["until"]):
            time.sleep(0.01)
    return {"calls": len(CALLS), "pid": os.getpid(), "version": VERSION,
            "memory": context.memory_limit_in_mb, "own": os.environ["OWN"]}
VERSION = 1
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "functions" / "one"
    folder.mkdir(parents=True)
    (folder / "handler.py").write_text(HANDLER)
    (folder / "broken.py").write_text("import nothing_of_the_kind\n")
    return tmp_path


@pytest.fixture
def make_pool(project: Path) -> Iterator[Callable[..., Pool]]:
    pools = []

    def make(*, handler: str = "handler", timeout_s: float = 20, concurrency: int = 2) -> Pool:
        spec = FunctionSpec(
            key="one",
            name="s-dev-one",
            arn="arn:aws:lambda:eu-central-1:123456789012:function:s-dev-one",
            handler=f"functions.one.{handler}.handler",
            timeout_s=timeout_s,
            memory_mb=256,
            environment={"OWN": "x"},
            layers=(),
            root=project,
            region="eu-central-1",
            concurrency=concurrency,
            log=project / "logs" / "one.log",
        )
        pools.append(Pool([spec], watched=[project / "functions"]))
        return pools[-1]

    yield make
    for pool in pools:
        pool.close()


def answer(outcome: Outcome) -> dict[str, object]:
    assert not outcome.is_error, outcome.payload
    parsed: dict[str, object] = json.loads(outcome.payload)
    return parsed


def until(condition: Callable[[], object], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_warm_environment_serves_the_next_event(
    make_pool: Callable[..., Pool], caplog: pytest.LogCaptureFixture
) -> None:
    pool = make_pool()
    with caplog.at_level(logging.INFO, logger="infra.local.pool"):
        first = answer(pool.invoke("one", b"{}"))
        second = answer(pool.invoke("s-dev-one", b"{}"))
    assert (first["calls"], second["calls"], second["pid"]) == (1, 2, first["pid"])
    assert (first["memory"], first["own"]) == ("256", "x")
    reports = [record.__dict__ for record in caplog.records if record.msg == "REPORT"]
    cold, warm = (report for report in reports if report["function"] == "one")
    assert cold["init_ms"] > 0
    assert warm["init_ms"] == 0
    assert warm["duration_ms"] < 1000
    assert warm["max_memory_mb"] > 5


def test_an_exception_keeps_its_class_and_the_process_lives(
    make_pool: Callable[..., Pool],
) -> None:
    pool = make_pool()
    failed = pool.invoke("one", b'{"do": "raise"}')
    assert failed.error_type == "KeyError"
    assert json.loads(failed.payload)["errorMessage"] == "'missing'"
    assert answer(pool.invoke("one", b"{}"))["calls"] == 2


def test_an_exit_is_reported_and_replaced(make_pool: Callable[..., Pool]) -> None:
    pool = make_pool()
    failed = pool.invoke("one", b'{"do": "exit"}')
    assert failed.error_type == "Runtime.ExitError"
    assert b"exit status 3" in failed.payload
    assert answer(pool.invoke("one", b"{}"))["calls"] == 1


def test_a_timeout_ends_the_function_and_its_children(
    make_pool: Callable[..., Pool], tmp_path: Path
) -> None:
    pool = make_pool(timeout_s=1)
    pids = tmp_path / "pids"
    failed = pool.invoke("one", json.dumps({"do": "sleep", "pids": str(pids)}).encode())
    assert failed.error_type == "Sandbox.Timedout"
    assert b"timed out after 1.00 seconds" in failed.payload
    for pid in map(int, pids.read_text().split()):
        until(lambda pid=pid: not is_alive(pid))  # type: ignore[misc]


def test_a_module_that_does_not_import_is_an_error_each_time(
    make_pool: Callable[..., Pool],
) -> None:
    pool = make_pool(handler="broken")
    for _ in range(2):
        assert pool.invoke("one", b"{}").error_type == "Runtime.ImportModuleError"


def test_no_more_run_at_once_than_allowed(make_pool: Callable[..., Pool], tmp_path: Path) -> None:
    pool = make_pool(concurrency=1)
    gate = tmp_path / "gate"
    event = json.dumps({"do": "wait", "until": str(gate)}).encode()
    outcomes: list[dict[str, object]] = []
    threads = [
        threading.Thread(target=lambda: outcomes.append(answer(pool.invoke("one", event))))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    gate.touch()
    for thread in threads:
        thread.join(30)
    assert sorted(str(o["calls"]) for o in outcomes) == ["1", "2", "3"]
    assert len({o["pid"] for o in outcomes}) == 1


def test_who_comes_while_a_function_starts_is_served_by_it(make_pool: Callable[..., Pool]) -> None:
    pool = make_pool()
    outcomes: list[dict[str, object]] = []
    threads = [
        threading.Thread(target=lambda: outcomes.append(answer(pool.invoke("one", b"{}"))))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(str(o["calls"]) for o in outcomes) == ["1", "2"]
    assert len({o["pid"] for o in outcomes}) == 1


def test_a_long_event_keeps_no_other_waiting(
    make_pool: Callable[..., Pool], tmp_path: Path
) -> None:
    pool = make_pool()
    gate = tmp_path / "gate"
    event = json.dumps({"do": "wait", "until": str(gate)}).encode()
    outcomes: list[dict[str, object]] = []
    thread = threading.Thread(target=lambda: outcomes.append(answer(pool.invoke("one", event))))
    thread.start()
    until((tmp_path / "gate.awaited").exists)
    beside = answer(pool.invoke("one", event.replace(b"wait", b"pass")))
    assert not outcomes
    gate.touch()
    thread.join(30)
    assert outcomes[0]["pid"] != beside["pid"]


def test_changed_code_serves_the_next_event(make_pool: Callable[..., Pool], project: Path) -> None:
    pool = make_pool()
    old = answer(pool.invoke("one", b"{}"))
    path = project / "functions" / "one" / "handler.py"
    path.write_text(HANDLER.replace("VERSION = 1", "VERSION = 22"))
    until(lambda: answer(pool.invoke("one", b"{}"))["version"] == 22)
    until(lambda: not is_alive(int(str(old["pid"]))))


def test_output_goes_to_the_functions_log(make_pool: Callable[..., Pool], project: Path) -> None:
    make_pool().invoke("one", b"{}")
    assert "loaded" in (project / "logs" / "one.log").read_text()


def test_closing_ends_even_busy_functions(make_pool: Callable[..., Pool], tmp_path: Path) -> None:
    pool = make_pool()
    pids = tmp_path / "pids"
    event = json.dumps({"do": "sleep", "pids": str(pids)}).encode()
    outcomes: list[Outcome] = []
    thread = threading.Thread(target=lambda: outcomes.append(pool.invoke("one", event)))
    thread.start()
    until(lambda: pids.exists() and len(pids.read_text().split()) == 2)
    pool.close()
    thread.join(10)
    assert outcomes[0].error_type == "Runtime.ExitError"
    for pid in map(int, pids.read_text().split()):
        until(lambda pid=pid: not is_alive(pid))  # type: ignore[misc]


def test_an_unknown_function_is_not_found(make_pool: Callable[..., Pool]) -> None:
    with pytest.raises(NotFoundError, match="two"):
        make_pool().invoke("two", b"{}")
