"""`kontor new`: what it writes passes ruff, mypy and its own tests, and is wired in its place."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from infra.cli.new import with_function_line, with_room
from infra.cli.target import ROOT
from shared.kernel.errors import ConflictError, InvalidError

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Cli

FLOORS = """
[[tool.importlinter.contracts]]
name = "Floors of shared"
type = "layers"
layers = [
    "wiring",
    "answering",
    "ingestion | search",
    "documents",
    "kernel",
]
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of this checkout's packages and configuration, to write into."""
    root = tmp_path / "checkout"
    for name in ("shared", "functions", "infra", "layers"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "serverless.yml"):
        shutil.copy(ROOT / name, root / name)
    return root


def run(root: Path, *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *arguments], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def check_style(root: Path, *paths: str) -> None:
    run(root, "ruff", "check", *paths)
    run(root, "ruff", "format", "--check", *paths)


def test_a_new_function_has_its_folder_its_line_and_its_test(cli: Cli, checkout: Path) -> None:
    done = cli("new", "function", "wiki_pages", "--does", "Serves pages", "--root", str(checkout))
    assert done.code == 0, done.err
    folder = checkout / "functions" / "wiki_pages"
    assert {path.name for path in folder.iterdir()} == {
        "__init__.py",
        "handler.py",
        "routes.py",
        "function.yml",
    }
    line = "  wiki_pages: ${file(functions/wiki_pages/function.yml)}\n"
    assert line in (checkout / "serverless.yml").read_text()
    check_style(checkout, "functions/wiki_pages", "tests/functions/wiki_pages")
    from infra.local.model import load_service

    assert "wiki_pages" in {f.key for f in load_service(checkout, "local").functions}
    again = cli("new", "function", "wiki_pages", "--root", str(checkout))
    assert again.code == 65
    assert "already" in again.err


def test_a_new_room_has_six_drawers_a_table_and_its_floor(cli: Cli, checkout: Path) -> None:
    done = cli(
        "new", "room", "dictionary", "--floor", "5", "--item", "entry", "--root", str(checkout)
    )
    assert done.code == 0, done.err
    drawers = {path.name for path in (checkout / "shared" / "dictionary").iterdir()}
    assert drawers == {
        "__init__.py",
        "model.py",
        "service.py",
        "store.py",
        "queries.sql",
        "events.py",
    }
    (table,) = (checkout / "infra" / "migrations").glob("*_pre_create_entries.sql")
    assert "ENABLE ROW LEVEL SECURITY" in table.read_text()
    assert (
        '    "dictionary",  # floor 5\n    "documents | files | federation",\n'
        in (checkout / "pyproject.toml").read_text()
    )
    check_style(checkout, "shared/dictionary", "tests/unit/dictionary")
    run(checkout, "mypy", "-p", "shared.dictionary", "--cache-dir", str(ROOT / ".mypy_cache"))


def test_the_rooms_own_test_passes_on_its_own_table(cli: Cli, checkout: Path) -> None:
    assert cli("new", "room", "tasks", "--floor", "5", "--root", str(checkout)).code == 0
    shutil.copytree(
        ROOT / "tests",
        checkout / "tests",
        ignore=shutil.ignore_patterns("__pycache__", "unit", "fixtures"),
        dirs_exist_ok=True,
    )
    run(checkout, "pytest", "-q", "-x", "-p", "no:cacheprovider", "tests/unit/tasks")


def test_a_new_migration_gets_the_next_number(cli: Cli, checkout: Path) -> None:
    known = sorted((checkout / "infra" / "migrations").glob("*.sql"))
    assert cli("new", "migration", "post", "drop", "old_names", "--root", str(checkout)).code == 0
    *before, latest = sorted((checkout / "infra" / "migrations").glob("*.sql"))
    assert before == known
    assert latest.name == f"{int(known[-1].name[:4]) + 1:04}_post_drop_old_names.sql"


@pytest.mark.parametrize("name", ["Wiki", "wiki-pages", "utils", "task_helpers", "class", "", "ä"])
def test_a_name_that_names_nothing_is_refused(cli: Cli, tmp_path: Path, name: str) -> None:
    done = cli("new", "function", name, "--root", str(tmp_path))
    assert done.code == 65
    assert repr(name) in done.err


def test_outside_a_checkout_it_says_so(cli: Cli, tmp_path: Path) -> None:
    done = cli("new", "function", "wiki", "--root", str(tmp_path))
    assert done.code == 66
    assert "--root" in done.err


def test_rooms_find_their_floor() -> None:
    beside = with_room(FLOORS, "graphs", 6)
    assert '"ingestion | search | graphs"' in beside
    between = with_room(with_room(FLOORS, "wiki", 5), "tasks", 5)
    assert '    "wiki | tasks",  # floor 5\n    "documents"' in between
    assert '"wiring",\n    "monitoring",  # floor 9\n' in with_room(FLOORS, "monitoring", 9)
    with pytest.raises(ConflictError):
        with_room(FLOORS, "search", 6)
    with pytest.raises(InvalidError):
        with_room("", "wiki", 5)
    with pytest.raises(InvalidError):
        with_room(FLOORS.replace("documents", "unheard"), "wiki", 5)


def test_functions_are_listed_once() -> None:
    text = "functions:\n  a: ${file(functions/a/function.yml)}\n\nresources: []\n"
    assert with_function_line(text, "b").count("\n  ") == 2
    with pytest.raises(ConflictError):
        with_function_line(text, "a")
    with pytest.raises(InvalidError):
        with_function_line("service: x\n", "a")
