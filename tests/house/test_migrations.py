"""Migrations: numbered without gaps, named by what they do, and never changed afterwards."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from infra.migrations.runner import FOLDER, migrate
from shared.kernel.errors import ConflictError
from tests.house.tree import write

NAME = re.compile(r"(\d{4})_(pre|post)_[a-z]+(_[a-z0-9]+)+\.sql")


def misnamed(names: list[str]) -> list[str]:
    """Complain of names that break the pattern, and of numbers missing or taken twice."""
    complaints = [f"{name}: NNNN_pre_verb_noun.sql" for name in names if not NAME.fullmatch(name)]
    numbers = [int(name[:4]) for name in names if name[:4].isdigit()]
    expected = list(range(1, len(numbers) + 1))
    if sorted(numbers) != expected:
        complaints.append(f"numbers are {sorted(numbers)}, not {expected}")
    return complaints


def released(root: Path) -> dict[str, str]:
    """Return every migration of the last release tag, or nothing before the first release."""
    tags = _git(root, "tag", "--list", "v*", "--sort=-v:refname").split()
    if not tags:
        return {}
    listed = _git(root, "ls-tree", "--name-only", f"{tags[0]}:infra/migrations").split()
    return {
        name: _git(root, "show", f"{tags[0]}:infra/migrations/{name}")
        for name in listed
        if name.endswith(".sql")
    }


def rewritten(before: dict[str, str], folder: Path) -> list[str]:
    """Complain of released migrations that are gone or different."""
    return [
        f"{name}: it was released; write a new migration instead"
        for name, text in before.items()
        if not (folder / name).is_file() or (folder / name).read_text("utf-8") != text
    ]


def _git(root: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", *words], cwd=root, capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout


def test_migrations_are_numbered_and_named() -> None:
    assert not misnamed([path.name for path in FOLDER.glob("*.sql")])


@pytest.mark.parametrize(
    "name", ["0002_create_x.sql", "0002_pre_Create_X.sql", "2_pre_a_b.sql", "0003_pre_add_x.sql"]
)
def test_bad_name_is_refused(name: str) -> None:
    assert not misnamed(["0001_pre_create_x.sql"])
    assert misnamed(["0001_pre_create_x.sql", name])


def test_number_taken_twice_is_refused() -> None:
    assert misnamed(["0001_pre_create_x.sql", "0001_pre_create_y.sql"])


def test_released_migrations_stay_as_they_are() -> None:
    assert not rewritten(released(FOLDER.parents[1]), FOLDER)


def test_rewritten_migration_is_refused(tmp_path: Path) -> None:
    before = {"0001_pre_create_x.sql": "SELECT 1", "0002_pre_add_y.sql": "SELECT 2"}
    for name, text in before.items():
        write(tmp_path, name, text)
    assert not rewritten(before, tmp_path)
    write(tmp_path, "0001_pre_create_x.sql", "SELECT 3")
    (tmp_path / "0002_pre_add_y.sql").unlink()
    assert len(rewritten(before, tmp_path)) == 2


def test_runner_itself_refuses_a_changed_file(owner_url: str, tmp_path: Path) -> None:
    for path in FOLDER.glob("*.sql"):
        write(tmp_path, path.name, path.read_text("utf-8"))
    assert migrate(owner_url, folder=tmp_path) == []
    first = min(tmp_path.glob("*.sql"))
    write(tmp_path, first.name, first.read_text("utf-8") + "\n-- changed\n")
    with pytest.raises(ConflictError, match="changed after"):
        migrate(owner_url, folder=tmp_path)
