"""`kontor put`: every file has a story with an end, and an interrupted one goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from infra.cli.put_state import STATE_FILE

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Cli
    from tests.unit.cli.server import FakeKontor

pytestmark = pytest.mark.usefixtures("signed_in")


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "Akten"
    (folder / "Verträge" / "2026").mkdir(parents=True)
    (folder / "Übersicht für Größe.txt").write_text("Übersicht")
    (folder / "Verträge" / "2026" / "Mietvertrag.md").write_text("# Miete")
    (folder / ".versteckt").write_text("geheim")
    return folder


def lines(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


def test_a_folder_keeps_its_structure_below_the_wanted_folder(
    cli: Cli, kontor: FakeKontor, files: Path
) -> None:
    done = cli("put", str(files), "--folder", "Archiv/", "--json")
    assert done.code == 0, done.err
    folders = {d["title"]: d["folder"] for d in kontor.documents.values()}
    assert folders == {
        "Übersicht für Größe.txt": "Archiv/Akten",
        "Mietvertrag.md": "Archiv/Akten/Verträge/2026",
    }
    assert kontor.connections == 1
    *each, last = lines(done.out)
    assert [one["outcome"] for one in each] == ["completed", "completed"]
    assert last["summary"] == {**last["summary"], "completed": 2, "failed": 0, "files": 2}  # type: ignore[dict-item]


def test_failures_and_duplicates_are_told_in_full_and_the_rest_goes_on(
    cli: Cli, kontor: FakeKontor, tmp_path: Path
) -> None:
    for name, text in {
        "gut.txt": "gut",
        "kopie.txt": "gut",
        "kaputt.pdf": "x",
        "leer.txt": "",
    }.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "verweis.txt").symlink_to(tmp_path / "nirgends")
    first = cli("put", str(tmp_path / "gut.txt"))
    assert first.code == 0
    names = ("gut.txt", "kopie.txt", "kaputt.pdf", "leer.txt", "verweis.txt")
    done = cli("put", *(str(tmp_path / name) for name in names))
    assert done.code == 1
    assert "\x1b" not in done.out
    said = {line.split()[1]: line for line in done.out.splitlines()[:5]}
    assert said[str(tmp_path / "gut.txt") + ":"].startswith("completed")
    assert "already there" in said[str(tmp_path / "gut.txt") + ":"]
    assert "duplicate" in said[str(tmp_path / "kopie.txt")]
    assert "Same content as “gut.txt”." in said[str(tmp_path / "kopie.txt")]
    assert "The file is damaged: its end is missing." in said[str(tmp_path / "kaputt.pdf")]
    assert "The file is empty." in said[str(tmp_path / "leer.txt")]
    assert "No such file" in said[str(tmp_path / "verweis.txt")]
    assert done.out.splitlines()[-1].startswith("1 completed, 1 duplicate, 3 failed in ")


def test_only_duplicates_are_good(cli: Cli, tmp_path: Path) -> None:
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text("same")
        assert cli("put", str(tmp_path / name)).code == 0


def test_a_large_file_goes_to_storage_and_the_token_does_not(
    cli: Cli, kontor: FakeKontor, tmp_path: Path
) -> None:
    big = tmp_path / "groß.txt"
    big.write_bytes(b"x" * (4 * 1024 * 1024 + 1))
    assert cli("put", str(big), "-m", "year=2026").code == 0
    assert kontor.calls("POST", "/bucket") == 1
    assert kontor.bodies[0]["metadata"] == {"year": "2026"}
    (document,) = kontor.documents.values()
    assert document["size_bytes"] == 4 * 1024 * 1024 + 1


def test_a_server_that_takes_only_tiny_bodies_gets_the_file_through_storage(
    cli: Cli, kontor: FakeKontor, tmp_path: Path
) -> None:
    kontor.direct_limit = 10
    (tmp_path / "a.txt").write_text("more than ten bytes")
    assert cli("put", str(tmp_path / "a.txt")).code == 0
    assert kontor.calls("POST", "/bucket") == 1


def test_without_frames_the_job_record_tells_the_end(
    cli: Cli, kontor: FakeKontor, tmp_path: Path
) -> None:
    kontor.has_sockets = False
    (tmp_path / "a.txt").write_text("a")
    assert cli("put", str(tmp_path / "a.txt")).code == 0
    assert kontor.connections == 0
    assert kontor.calls("GET", "/api/v1/jobs") >= 1


def test_a_dropped_socket_is_opened_again(cli: Cli, kontor: FakeKontor, tmp_path: Path) -> None:
    kontor.drops_sockets = 2
    kontor.frozen = True
    (tmp_path / "a.txt").write_text("a")
    thaw_when(kontor, lambda: bool(kontor.subscribers))
    assert cli("put", str(tmp_path / "a.txt")).code == 0
    assert kontor.connections == 3


def test_an_expired_login_is_renewed_in_the_middle(
    cli: Cli, kontor: FakeKontor, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text("a")
    assert cli("put", str(tmp_path / "a.txt")).code == 0
    kontor.tokens.clear()
    (tmp_path / "b.txt").write_text("b")
    assert cli("put", str(tmp_path / "b.txt")).code == 0
    assert kontor.calls("POST", "/auth/login") == 1
    assert kontor.calls("POST", "/auth/refresh") == 1


def test_a_busy_server_is_tried_again(cli: Cli, kontor: FakeKontor, tmp_path: Path) -> None:
    kontor.busy_answers = 3
    (tmp_path / "a.txt").write_text("a")
    assert cli("put", str(tmp_path / "a.txt")).code == 0


def test_the_same_put_again_sends_nothing(
    cli: Cli, kontor: FakeKontor, files: Path, data: Path
) -> None:
    assert cli("put", str(files)).code == 0
    sent = kontor.calls("POST", "/api/v1/assets")
    assert cli("put", str(files)).code == 0
    assert kontor.calls("POST", "/api/v1/assets") == sent == 2
    os.utime(files / "Übersicht für Größe.txt", ns=(1, 1))
    assert cli("put", str(files)).code == 0
    assert kontor.calls("POST", "/api/v1/assets") == 3
    assert len((data / STATE_FILE).read_text().splitlines()) == 6


def test_a_removed_document_is_put_again(cli: Cli, kontor: FakeKontor, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")
    assert cli("put", str(tmp_path / "a.txt")).code == 0
    assert cli("rm", "a.txt", "--yes").code == 0
    kontor.digests.clear()
    assert cli("put", str(tmp_path / "a.txt")).code == 0
    assert kontor.calls("POST", "/api/v1/assets") == 2


def test_a_running_job_is_picked_up_and_a_torn_state_line_does_no_harm(
    cli: Cli, kontor: FakeKontor, tmp_path: Path, data: Path
) -> None:
    (tmp_path / "a.txt").write_text("a")
    assert cli("put", str(tmp_path / "a.txt")).code == 0
    # As a kill leaves it: the last line half written, the one before says "running".
    running = (data / STATE_FILE).read_text().splitlines()[0]
    assert '"running"' in running
    (data / STATE_FILE).write_text(running + "\n" + running[:40])
    done = cli("put", str(tmp_path / "a.txt"), "--json")
    assert done.code == 0
    assert lines(done.out)[0]["resumed"] is True
    assert kontor.calls("POST", "/api/v1/assets") == 1


def test_a_failed_file_is_tried_again(cli: Cli, kontor: FakeKontor, tmp_path: Path) -> None:
    (tmp_path / "kaputt.txt").write_text("a")
    assert cli("put", str(tmp_path / "kaputt.txt")).code == 1
    assert cli("put", str(tmp_path / "kaputt.txt")).code == 1
    assert kontor.calls("POST", "/api/v1/assets") == 2


def test_a_pattern_that_the_shell_left_alone_is_expanded(
    cli: Cli, kontor: FakeKontor, files: Path
) -> None:
    assert cli("put", str(files / "**" / "*.md")).code == 0
    assert [d["title"] for d in kontor.documents.values()] == ["Mietvertrag.md"]


@pytest.mark.parametrize("argument", ["gibt-es-nicht.pdf", "nichts/*.pdf"])
def test_an_argument_that_means_nothing_stops_everything(
    cli: Cli, kontor: FakeKontor, argument: str
) -> None:
    done = cli("put", argument)
    assert done.code == 66
    assert done.err.startswith("error: ")
    assert argument in done.err
    assert kontor.calls("POST", "/api/v1/assets") == 0


def thaw_when(kontor: FakeKontor, is_time: object) -> None:
    def wait() -> None:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and not is_time():  # type: ignore[operator]
            time.sleep(0.01)
        kontor.frozen = False

    threading.Thread(target=wait, daemon=True).start()


def test_an_interrupted_put_says_what_goes_on_and_is_picked_up(
    cli: Cli, kontor: FakeKontor, tmp_path: Path
) -> None:
    kontor.frozen = True
    (tmp_path / "a.txt").write_text("a")
    # A shell that starts the tests in the background has them ignore Ctrl-C; the program does not.
    listening = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    program = [sys.executable, "-c", f"{listening}; from infra.cli.main import main; main()"]
    running = subprocess.Popen(
        [*program, "put", str(tmp_path / "a.txt")], stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 30
    while not any(job["stage"] == "uploaded" for job in kontor.jobs.values()):
        assert time.monotonic() < deadline, "the file never arrived"
        time.sleep(0.01)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=30)
    assert running.returncode == 130
    assert "Interrupted: 1 upload under way in the server" in said
    assert "Traceback" not in said
    kontor.frozen = False
    done = cli("put", str(tmp_path / "a.txt"), "--json")
    assert lines(done.out)[0]["resumed"] is True
    assert kontor.calls("POST", "/api/v1/assets") == 1
