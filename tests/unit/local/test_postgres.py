"""The embedded Postgres: starts anywhere, survives kills, cleans up."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from infra.local.postgres import LEAST_BUFFERS_MIB, EmbeddedPostgres, buffers_mib
from shared.kernel.errors import ConflictError, NotFoundError, UnavailableError

SMALL = {"shared_buffers": "16MB"}


def until(condition: object, *, seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    folder = tmp_path_factory.mktemp("pg")
    with EmbeddedPostgres(folder, durable=False, parameters=SMALL) as running:
        yield running


def test_it_has_pgvector_and_german_stemming(server: EmbeddedPostgres) -> None:
    with psycopg.connect(server.dsn()) as connection:
        connection.execute("CREATE EXTENSION vector")
        row = connection.execute(
            "SELECT '[1,2]'::halfvec(2) <#> '[3,4]', to_tsvector('german', 'Verträge') <> ''"
        ).fetchone()
    assert row == (-11.0, True)


def test_a_database_is_copied_from_a_template_and_dropped(server: EmbeddedPostgres) -> None:
    server.create_database("model")
    with psycopg.connect(server.dsn("model")) as connection:
        connection.execute("CREATE TABLE kept (x int)")
    server.create_database("copy", template="model")
    with psycopg.connect(server.dsn("copy")) as connection:
        connection.execute("SELECT x FROM kept")
    server.drop_database("copy")
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(server.dsn("copy"))


def test_a_taken_database_name_is_a_conflict(server: EmbeddedPostgres) -> None:
    server.create_database("taken")
    with pytest.raises(ConflictError, match="taken"):
        server.create_database("taken")


def test_a_database_that_is_not_there_is_not_found(server: EmbeddedPostgres) -> None:
    with pytest.raises(NotFoundError, match="nowhere"):
        server.drop_database("nowhere")


def test_a_second_owner_is_told_who_holds_the_folder(server: EmbeddedPostgres) -> None:
    with pytest.raises(ConflictError, match=f"process {os.getpid()}"):
        EmbeddedPostgres(server.folder).start()


def test_rows_survive_a_restart_in_a_deep_private_folder(tmp_path: Path) -> None:
    folder = tmp_path / "private" / ("long" * 30)
    folder.mkdir(parents=True)
    folder.parent.chmod(0o700)
    before = {p: p.stat().st_mode for p in (tmp_path, folder.parent)}
    with EmbeddedPostgres(folder, durable=False, parameters=SMALL) as first:
        with psycopg.connect(first.dsn()) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 7 AS x")
        pid = first.process_id
    assert not is_alive(pid)
    with (
        EmbeddedPostgres(folder, durable=False, parameters=SMALL) as second,
        psycopg.connect(second.dsn()) as connection,
    ):
        assert connection.execute("SELECT x FROM kept").fetchone() == (7,)
    assert {p: p.stat().st_mode for p in before} == before


def test_a_killed_owner_leaves_no_server_and_its_rows_stay(tmp_path: Path) -> None:
    script = (
        "import sys, time, pathlib, psycopg\n"
        "from infra.local.postgres import EmbeddedPostgres\n"
        "pg = EmbeddedPostgres(pathlib.Path(sys.argv[1]), parameters={'shared_buffers': '16MB'})\n"
        "pg.start()\n"
        "psycopg.connect(pg.dsn(), autocommit=True).execute('CREATE TABLE kept (x int)')\n"
        "print(pg.process_id, flush=True)\n"
        "time.sleep(60)\n"
    )
    owner = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert owner.stdout is not None
    pid = int(owner.stdout.readline())
    owner.kill()
    owner.wait()
    owner.stdout.close()
    with (
        EmbeddedPostgres(tmp_path, parameters=SMALL) as second,
        psycopg.connect(second.dsn()) as connection,
    ):
        connection.execute("SELECT x FROM kept")
    until(lambda: not is_alive(pid))


def test_a_killed_server_recovers_beside_a_reused_process_id(tmp_path: Path) -> None:
    first = EmbeddedPostgres(tmp_path, parameters=SMALL)
    first.start()
    first._stopping.set()  # nobody is to bring it up again
    pid = first.process_id
    os.kill(pid, signal.SIGKILL)
    until(lambda: not is_alive(pid))
    first.stop()
    pid_file = tmp_path / "data" / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    with EmbeddedPostgres(tmp_path, parameters=SMALL) as second:
        psycopg.connect(second.dsn()).close()


@pytest.mark.parametrize("number", [signal.SIGQUIT, signal.SIGKILL])
def test_a_crashed_server_is_brought_up_again_with_its_rows(
    tmp_path: Path, number: signal.Signals
) -> None:
    with EmbeddedPostgres(tmp_path, parameters=SMALL) as server:
        with psycopg.connect(server.dsn()) as connection:
            connection.execute("CREATE TABLE kept (x integer)")
        crashed = server.process_id
        os.kill(crashed, number)
        until(lambda: _answers(server.dsn()) and server.process_id != crashed)
        with psycopg.connect(server.dsn()) as connection:
            assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)


def _answers(dsn: str) -> bool:
    try:
        psycopg.connect(dsn, connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True


def test_a_server_that_refuses_to_start_says_why(tmp_path: Path) -> None:
    broken = EmbeddedPostgres(tmp_path, parameters={"shared_buffers": "nonsense"})
    with pytest.raises(UnavailableError, match="shared_buffers"):
        broken.start()


def test_buffers_are_a_quarter_of_what_a_container_may_take(tmp_path: Path) -> None:
    limit = tmp_path / "memory.max"
    whole = buffers_mib(limit)
    limit.write_text("max\n")
    assert buffers_mib(limit) == whole
    limit.write_text(f"{1024**3}\n")
    assert buffers_mib(limit) == min(whole, 256)
    limit.write_text(f"{64 * 1024**2}\n")
    assert buffers_mib(limit) == LEAST_BUFFERS_MIB
