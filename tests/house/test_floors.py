"""Floors: the import contracts of pyproject hold, and each is seen refusing what it forbids."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.tree import PACKAGES, ROOT, Source, folders, imported, sources, write

BREACHES = [
    ("shared/kernel/clock.py", "import infra.cli.main", "Storeys"),
    ("shared/documents/service.py", "import functions.edge.http", "Storeys"),
    ("shared/kernel/clock.py", "import shared.adapters.aws", "Floors of shared"),
    ("shared/identity/service.py", "import shared.audit.service", "Floors of shared"),
    ("shared/documents/service.py", "import shared.search.service", "Floors of shared"),
    ("shared/newroom/__init__.py", "", "Floors of shared"),
    ("functions/auth/routes.py", "import functions.health.routes", "Functions never import"),
    ("shared/documents/service.py", "def f():\n    import psycopg", "Database and AWS"),
    ("functions/auth/routes.py", "import boto3", "Database and AWS"),
    ("shared/search/service.py", "import redis", "Redis only"),
    ("shared/documents/service.py", "import pgvector", "Vector values"),
    ("shared/search/service.py", "import onnxruntime", "Models only in inference"),
    ("functions/chat/routes.py", "import litellm", "Language models only"),
    ("shared/search/service.py", "import docling.x", "Document formats"),
    ("functions/auth/routes.py", "import jwt", "Passwords and signatures"),
    ("shared/documents/service.py", "import fastapi", "Transport only"),
    ("functions/auth/routes.py", "import moto", "Emulators"),
    ("shared/documents/service.py", "import httpx", "Requests to other people"),
    ("shared/documents/model.py", "import pydantic", "Pydantic only"),
    ("shared/documents/model.py", "import numpy", "Arrays only"),
]


def lint(root: Path) -> subprocess.CompletedProcess[str]:
    """Check the contracts of ``root``'s pyproject against its packages."""
    code = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())"
    return subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, '.'); {code}"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def broken(report: str) -> set[str]:
    return set(re.findall(r"^(.+?) BROKEN", report, re.MULTILINE))


def private_stores(root: Path) -> list[str]:
    """Complain of every file that reaches into another room's rows."""
    return [
        f"{source.path}:{line}: {name} is private to its room; call its service"
        for source in sources(root)
        for line, name in imported(source)
        if (match := re.match(r"(shared\.\w+)\.store\b", name)) and not _is_inside(source, match[1])
    ]


def _is_inside(source: Source, room: str) -> bool:
    return source.module.startswith(f"{room}.")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the project's modules under its contracts."""
    for source in sources(ROOT):
        write(tmp_path, str(source.path), (ROOT / source.path).read_text("utf-8"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_every_contract_is_kept() -> None:
    report = lint(ROOT)
    assert report.returncode == 0, report.stdout + report.stderr


def test_untouched_copy_breaks_nothing(copy: Path) -> None:
    report = lint(copy)
    assert report.returncode == 0, report.stdout + report.stderr


def test_every_contract_refuses_what_it_forbids(copy: Path) -> None:
    for name, text, _ in BREACHES:
        path = copy / name
        before = path.read_text("utf-8") if path.exists() else ""
        write(copy, name, f"{before}\n{text}\n")
    report = lint(copy)
    found = broken(report.stdout)
    for _, text, contract in BREACHES:
        assert any(name.startswith(contract) for name in found), (contract, text, report.stdout)
    assert len(found) == len(re.findall(r"^(.+?) (?:BROKEN|KEPT)", report.stdout, re.MULTILINE))
    for name, text, _ in BREACHES:
        module = ".".join(Path(name).with_suffix("").parts).removesuffix(".__init__")
        if text:
            assert module in report.stdout, (module, report.stdout)
    assert "newroom" in report.stdout


def test_stores_are_private() -> None:
    assert not private_stores(ROOT)


def test_reaching_into_another_store_is_refused(tmp_path: Path) -> None:
    for folder in PACKAGES:
        (tmp_path / folder).mkdir()
    write(tmp_path, "shared/wiki/service.py", "from shared.wiki import store\n")
    assert not private_stores(tmp_path)
    write(tmp_path, "shared/wiki/pages.py", "from shared.tasks import store\n")
    write(tmp_path, "functions/wiki/routes.py", "import shared.wiki.store\n")
    write(tmp_path, "infra/cli/x.py", "def f():\n    from shared.wiki.store import find_page\n")
    places = {complaint.split(":")[0] for complaint in private_stores(tmp_path)}
    assert places == {"shared/wiki/pages.py", "functions/wiki/routes.py", "infra/cli/x.py"}


def test_every_folder_of_shared_is_on_a_floor() -> None:
    report = lint(ROOT)
    assert "Floors of shared KEPT" in report.stdout
    assert len(folders(ROOT, "shared")) >= 9
