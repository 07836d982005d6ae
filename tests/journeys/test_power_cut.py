"""Kill -9 in the middle of an ingest: after the next start nothing is lost and nothing doubled."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import psycopg

from tests.journeys.conftest import Server

COUNT = 6


def _children(pid: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text("utf-8").rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            found.append(int(stat.parent.name))
    return found


def _is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_killed_in_the_middle_everything_is_there_once_after_the_next_start(
    make_server: Callable[[], Server], tmp_path: Path
) -> None:
    server = make_server()
    server.start()
    with server.client() as client:
        for number in range(COUNT):
            paragraphs = "\n\n".join(
                f"Paragraph {n} of file {number} tells the story of item {number}-{n} in the "
                f"inventory of the northern depot, counted by shift {n % 3}."
                for n in range(40)
            )
            sent = client.post(
                "/api/v1/assets",
                params={"filename": f"file-{number}.txt"},
                content=paragraphs.encode(),
            )
            assert sent.status_code == 202
        server.wait(
            lambda: any(
                job["stage"] == "embedding"
                for job in client.get("/api/v1/jobs", params={"state": "open"}).json()["items"]
            ),
            60,
        )
    assert server.process is not None
    children = _children(server.process.pid)
    server.kill()
    deadline = time.monotonic() + 15
    while any(_is_alive(child) for child in children):
        assert time.monotonic() < deadline, "a child outlived its killed parent"
        time.sleep(0.1)
    server.start()
    with server.client() as client:
        server.wait(
            lambda: not client.get("/api/v1/jobs", params={"state": "open"}).json()["items"], 150
        )
        documents = client.get("/api/v1/documents", params={"limit": 200}).json()["items"]
    assert sorted(d["title"] for d in documents) == sorted(f"file-{n}" for n in range(COUNT))
    assert [(d["title"], d["failure"]) for d in documents if d["stage"] != "completed"] == []
    socket = server.data / "postgres" / "s"
    with psycopg.connect(f"host={_socket(server, socket)} dbname=kontor user=postgres") as owner:
        rows = owner.execute(
            "SELECT v.id, v.chunk_count, count(c.id), count(DISTINCT c.ordinal),"
            " (SELECT count(*) FROM kontor.chunk_vectors AS e WHERE e.version_id = v.id)"
            " FROM kontor.versions AS v LEFT JOIN kontor.chunks AS c ON c.version_id = v.id"
            " GROUP BY v.id, v.chunk_count"
        ).fetchall()
    assert len(rows) == COUNT
    for _, expected, chunks, ordinals, vectors in rows:
        assert expected == chunks == ordinals == vectors


def _socket(server: Server, usual: Path) -> Path:
    """Where Postgres listens: below the data folder, or in a short place of its own."""
    if usual.exists():
        return usual
    pid_file = (server.data / "postgres" / "data" / "postmaster.pid").read_text("utf-8")
    return Path(pid_file.splitlines()[4])


def test_a_second_start_on_the_same_folder_or_port_says_so_in_one_line(
    server: Server, make_server: Callable[[], Server]
) -> None:
    same_folder = server.kontor("up", "--port", "0", "--aws-port", "0", ok=False)
    assert same_folder.returncode != 0
    assert "runs already" in same_folder.stderr
    other = make_server()
    result = other.kontor("up", "--port", str(server.http_port), "--aws-port", "0", ok=False)
    assert result.returncode != 0
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("error:")]
    assert str(server.http_port) in line
