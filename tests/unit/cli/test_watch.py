"""`kontor watch`: a folder and Kontor stay in step, and nothing is removed by accident."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from infra.cli.sync_plan import Known, Seen, compare, look, settled

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Cli
    from tests.unit.cli.server import FakeKontor

SECOND = 1_000_000_000


def plan(now: dict[str, str], before: dict[str, str], **more: bool):
    """Compare two looks in which every file is its content."""
    return compare(
        {path: Seen(len(text), hash(text)) for path, text in now.items()},
        {path: Known(len(text), hash(text), text, f"d-{path}") for path, text in before.items()},
        gone=frozenset(before) - frozenset(now),
        hash_of=lambda path: now[path],
    )


def test_new_changed_moved_and_removed_files_are_told_apart() -> None:
    found = plan(
        {"same": "s", "new": "n", "edited": "after", "sub/moved": "m"},
        {"same": "s", "edited": "before", "moved": "m", "removed": "r"},
    )
    assert found.added == ["new"]
    assert found.changed == ["edited"]
    assert found.moved == [("moved", "sub/moved")]
    assert found.removed == ["removed"]
    assert found.touched == []


def test_a_copy_of_a_moved_file_is_a_new_file() -> None:
    found = plan({"a": "x", "b": "x"}, {"old": "x"})
    assert found.moved == [("old", "a")]
    assert found.added == ["b"]


def test_a_file_with_another_time_and_the_same_bytes_is_only_noted() -> None:
    found = compare(
        {"a": Seen(1, 2)}, {"a": Known(1, 1, "x", "d")}, gone=frozenset(), hash_of=lambda _: "x"
    )
    assert found.touched == ["a"]
    assert found.is_empty


def test_a_file_still_being_written_waits_for_the_next_look() -> None:
    now = {"growing": Seen(10, 100 * SECOND), "old": Seen(3, 5 * SECOND)}
    at = 101 * SECOND
    assert set(settled(now, {}, {}, at_ns=at)) == {"old"}
    assert set(settled(now, {"growing": Seen(9, 99 * SECOND)}, {}, at_ns=at)) == {"old"}
    assert set(settled(now, now, {}, at_ns=at)) == {"growing", "old"}


def test_hidden_unfinished_empty_and_special_files_are_passed_over(tmp_path: Path) -> None:
    for name in (".git/config", "a/b.txt", "~$brief.docx", "film.mp4.part", "c.txt~", ".x"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    (tmp_path / "empty.txt").touch()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "broken").symlink_to("nowhere")
    assert list(look(tmp_path)) == ["a/b.txt"]
    with pytest.raises(FileNotFoundError):
        look(tmp_path / "gone")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    top = tmp_path / "Akten"
    (top / "2026").mkdir(parents=True)
    (top / "eins.txt").write_text("eins")
    (top / "2026" / "zwei.txt").write_text("zwei")
    return top


def step(cli: Cli, folder: Path, *more: str, code: int = 0) -> list[tuple[str, str]]:
    done = cli("watch", str(folder), "--once", "--json", *more)
    assert done.code == code, done.err
    rows = [json.loads(line) for line in done.out.splitlines()]
    return [(row["event"], row["path"]) for row in rows]


def titles(kontor: FakeKontor) -> dict[str, tuple[str, int]]:
    return {
        str(d["title"]): (str(d["folder"]), int(str(d["version"])))
        for d in kontor.documents.values()
    }


@pytest.mark.usefixtures("signed_in")
class TestInStep:
    def test_a_folder_is_put_followed_and_emptied(
        self, cli: Cli, kontor: FakeKontor, folder: Path
    ) -> None:
        added = step(cli, folder)
        assert sorted(added) == [("added", "2026/zwei.txt"), ("added", "eins.txt")]
        assert titles(kontor) == {"eins.txt": ("Akten", 1), "zwei.txt": ("Akten/2026", 1)}
        assert step(cli, folder) == []

        (folder / "eins.txt").write_text("eins, geändert")
        (folder / "2026" / "zwei.txt").rename(folder / "zwo.txt")
        assert sorted(step(cli, folder)) == [
            ("changed", "eins.txt"), ("moved", "2026/zwei.txt → zwo.txt"),
        ]  # fmt: skip
        assert titles(kontor) == {"eins.txt": ("Akten", 2), "zwo": ("Akten", 1)}
        assert kontor.calls("POST", "/api/v1/assets") == 3

        (folder / "eins.txt").unlink()
        assert step(cli, folder) == [("deleted", "eins.txt")]
        assert set(titles(kontor)) == {"zwo"}

    def test_a_deleted_copy_leaves_the_original_alone(
        self, cli: Cli, kontor: FakeKontor, folder: Path
    ) -> None:
        step(cli, folder)
        (folder / "kopie.txt").write_text("eins")
        assert step(cli, folder) == [("known", "kopie.txt")]
        (folder / "kopie.txt").unlink()
        assert step(cli, folder) == [("deleted", "kopie.txt")]
        assert set(titles(kontor)) == {"eins.txt", "zwei.txt"}

    def test_deleted_files_stay_in_kontor_when_asked(
        self, cli: Cli, kontor: FakeKontor, folder: Path
    ) -> None:
        step(cli, folder)
        (folder / "eins.txt").unlink()
        assert step(cli, folder, "--keep") == [("deleted", "eins.txt")]
        assert "eins.txt" in titles(kontor)

    def test_an_unmounted_folder_removes_nothing(
        self, cli: Cli, kontor: FakeKontor, folder: Path
    ) -> None:
        for number in range(12):
            (folder / f"{number}.txt").write_text(str(number))
        step(cli, folder)
        kept = set(titles(kontor))
        for path in sorted(folder.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        done = cli("watch", str(folder), "--once")
        assert done.code != 0
        assert "nothing is removed" in done.err
        assert set(titles(kontor)) == kept

    def test_a_file_that_fails_is_told_and_not_tried_again_until_it_changes(
        self, cli: Cli, kontor: FakeKontor, folder: Path
    ) -> None:
        step(cli, folder)
        (folder / "kaputt.pdf").write_text("x")
        assert step(cli, folder, code=1) == [("failed", "kaputt.pdf")]
        sent = kontor.calls("POST", "/api/v1/assets")
        assert step(cli, folder, code=1) == []
        assert kontor.calls("POST", "/api/v1/assets") == sent

    def test_a_missing_folder_is_an_error(self, cli: Cli, tmp_path: Path) -> None:
        done = cli("watch", str(tmp_path / "nirgends"), "--once")
        assert done.code != 0
        assert "There is no folder" in done.err


def test_watching_goes_on_until_interrupted(
    signed_in: Path, kontor: FakeKontor, folder: Path
) -> None:
    command = [
        str(Path(sys.executable).parent / "kontor"), "watch", str(folder), "--every", "0.2",
        "--data", str(signed_in),
    ]  # fmt: skip
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # Tests that run in the background inherit that interruptions are ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
    )
    try:
        _until(lambda: len(kontor.documents) == 2)
        (folder / "drei.txt").write_text("drei")
        _until(lambda: len(kontor.documents) == 3)
        (folder / "eins.txt").unlink()
        _until(lambda: len(kontor.documents) == 2)
    finally:
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=20)
    assert process.returncode == 0, out
    assert "added" in out
    assert "deleted" in out


def _until(what, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)
