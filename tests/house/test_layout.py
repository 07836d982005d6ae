"""Layout: what lies where, what it may be called, and how big it may grow."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

from tests.house.tree import PACKAGES, ROOT, Source, folders, sources, write

TOP = {
    ".ci",
    ".github",
    ".gitignore",
    ".pre-commit-config.yaml",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "Makefile",
    "README.md",
    "functions",
    "infra",
    "layers",
    "package-lock.json",
    "package.json",
    "pyproject.toml",
    "serverless.yml",
    "shared",
    "tests",
}
VAGUE = {"utils", "util", "helpers", "helper", "common", "misc", "base", "manager", "managers"}
LAYERED = {"kernel", "adapters", "inference", "files"}  # they keep nothing: no use cases, no rows
MAX_FILE, MAX_HANDLER, MAX_FUNCTION, MAX_ROOM = 500, 80, 40, 4000
ENVIRONMENT_READER = "shared/kernel/settings.py"
# They build environments for child processes, or set a vendor's switch before its import.
ENVIRONMENT_BUILDERS = (
    "infra/local/",
    "infra/cli/",
    "infra/deploy/",
    "shared/ingestion/isolation.py",
    "shared/generation/providers.py",
)
OUTSIDE = re.compile(r"\.\./shared|['\"](/home/|/Users/|/root/)")


def tracked(root: Path) -> list[str]:
    """List the files git knows."""
    output = subprocess.run(
        ["git", "ls-files"], cwd=root, capture_output=True, text=True, check=True, timeout=60
    )
    return output.stdout.splitlines()


def strangers(names: list[str]) -> list[str]:
    """Complain of files at the root, or in folders there, that no rule has a place for."""
    tops = {name.split("/")[0] for name in names}
    return [
        f"{name} has no place at the top; see the table in README" for name in sorted(tops - TOP)
    ]


def vague_names(root: Path) -> list[str]:
    """Complain of modules and folders whose names say nothing."""
    return [
        f"{source.path}: name the noun it is about, or move it into kernel"
        for source in sources(root, *PACKAGES, "tests")
        if VAGUE & {Path(part).stem for part in source.path.parts}
    ]


def too_big(root: Path) -> list[str]:
    """Complain of files, handlers, functions and rooms past their limits."""
    complaints = []
    rooms: dict[str, int] = {}
    for source in sources(root):
        most = MAX_HANDLER if source.path.name == "handler.py" else MAX_FILE
        if source.lines > most:
            complaints.append(f"{source.path}: {source.lines} lines, at most {most}; split by noun")
        complaints += _long_functions(source)
        if source.path.parts[0] == "shared":
            room = _room(root, source.path)
            rooms[room] = rooms.get(room, 0) + source.lines
    complaints += [
        f"{room}: {lines} lines, at most {MAX_ROOM}; it wants to be two rooms"
        for room, lines in rooms.items()
        if lines > MAX_ROOM
    ]
    return complaints


def _room(root: Path, path: Path) -> str:
    """Name the room a file counts to; back ends behind a registry are a room of their own.

    They grow with every format or model; the room that uses them does not. A back end that is
    a package of its own is one too.
    """
    for folder in path.parents:
        if len(folder.parts) > 2 and (
            (root / folder / "registry.py").is_file()
            or (root / folder.parent / "registry.py").is_file()
        ):
            return str(folder)
    return "/".join(path.parts[:2])


def _long_functions(source: Source) -> list[str]:
    """Measure bodies, docstring included; a signature has one line per parameter anyway."""
    return [
        f"{source.path}:{node.lineno}: {node.name} has {length} lines, at most {MAX_FUNCTION}"
        for node in ast.walk(source.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := (node.end_lineno or 0) - node.body[0].lineno + 1) > MAX_FUNCTION
    ]


def unfinished_rooms(root: Path) -> list[str]:
    """Complain of rooms without door sign, drawers or tests."""
    complaints = []
    for room in folders(root, "shared"):
        name = f"shared/{room.name}"
        complaints += _door_sign(room, name)
        if room.name not in LAYERED:
            complaints += [
                f"{name}: {drawer} is missing"
                for drawer in ("model.py", "service.py")
                if not (room / drawer).is_file()
            ]
            if (room / "store.py").is_file() != (room / "queries.sql").is_file():
                complaints.append(f"{name}: store.py and queries.sql come together")
        if not any((root / "tests" / "unit" / room.name).glob("test_*.py")):
            complaints.append(f"{name}: write tests/unit/{room.name}/test_….py")
    return complaints


def _door_sign(room: Path, name: str) -> list[str]:
    path = room / "__init__.py"
    body = ast.parse(path.read_text("utf-8")).body if path.is_file() else []
    first = body[0] if body else None
    is_sign = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    if not is_sign:
        return [f"{name}/__init__.py: say in one paragraph what this room keeps and promises"]
    return [f"{name}/__init__.py: a door sign holds no code"] if len(body) > 1 else []


def environment_readers(root: Path) -> list[str]:
    """Complain of code that reads the process's environment past the settings.

    Whoever starts other processes builds their environment: there a line may, with a reason.
    """
    complaints = []
    for source in sources(root):
        if str(source.path) == ENVIRONMENT_READER:
            continue
        lines = (root / source.path).read_text("utf-8").splitlines()
        for line in _environment_lines(source.tree):
            is_reasoned = re.search(r"# noqa: TID251 - \S", lines[line - 1])
            if not (is_reasoned and str(source.path).startswith(ENVIRONMENT_BUILDERS)):
                complaints.append(f"{source.path}:{line}: read shared.kernel.settings instead")
    return complaints


def _environment_lines(tree: ast.Module) -> set[int]:
    names = {"environ", "environb", "getenv", "putenv"}
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in names:
            if isinstance(node.value, ast.Name) and node.value.id == "os":
                found.add(node.lineno)
        elif isinstance(node, ast.ImportFrom) and node.module == "os":
            found |= {node.lineno for alias in node.names if alias.name in names}
    return found


def outside_readers(root: Path, names: list[str]) -> list[str]:
    """Complain of files that name places outside the project."""
    complaints = []
    for name in names:
        path = root / name
        if name.startswith("tests/house/") or not path.is_file():
            continue
        try:
            text = path.read_text("utf-8")
        except UnicodeDecodeError:
            continue  # pictures and documents name no paths
        complaints += [
            f"{name}:{number}: nothing here may know a place outside the project"
            for number, line in enumerate(text.splitlines(), 1)
            if OUTSIDE.search(line)
        ]
    return complaints


def test_top_level_is_the_map() -> None:
    assert not strangers(tracked(ROOT))


def test_stranger_at_the_top_is_refused() -> None:
    names = ["README.md", "functions/x.py", "notes.txt", "scripts/run.sh"]
    assert [complaint.split()[0] for complaint in strangers(names)] == ["notes.txt", "scripts"]


def test_modules_are_named_by_nouns() -> None:
    assert not vague_names(ROOT)


@pytest.mark.parametrize("name", ["shared/wiki/utils.py", "infra/common/x.py", "tests/helpers.py"])
def test_vague_name_is_refused(tmp_path: Path, name: str) -> None:
    write(tmp_path, "shared/wiki/pages.py")
    assert not vague_names(tmp_path)
    write(tmp_path, name)
    assert vague_names(tmp_path)


def test_nothing_is_too_big() -> None:
    assert not too_big(ROOT)


@pytest.mark.parametrize(
    ("files", "is_refused"),
    [
        ({"shared/wiki/x.py": "x = 1\n" * 500}, False),
        ({"shared/wiki/x.py": "x = 1\n" * 501}, True),
        ({"functions/wiki/handler.py": "x = 1\n" * 80}, False),
        ({"functions/wiki/handler.py": "x = 1\n" * 81}, True),
        ({"infra/cli/x.py": "def f():\n" + "    x = 1\n" * 40}, False),
        ({"infra/cli/x.py": "def f():\n" + "    x = 1\n" * 41}, True),
        ({"infra/cli/x.py": "class A:\n    async def f():\n" + "        x = 1\n" * 41}, True),
        ({f"shared/wiki/x{n}.py": "x = 1\n" * 500 for n in range(8)}, False),
        ({f"shared/wiki/x{n}.py": "x = 1\n" * 500 for n in range(9)}, True),
        ({f"shared/wiki/{n % 2 * 'a/registry'}{n}.py": "x = 1\n" * 500 for n in range(9)}, True),
        (
            {f"shared/wiki/{n % 2 * 'a/'}x{n}.py": "x = 1\n" * 500 for n in range(9)}
            | {"shared/wiki/a/registry.py": ""},
            False,
        ),
    ],
)
def test_size_past_its_limit_is_refused(
    tmp_path: Path, files: dict[str, str], is_refused: bool
) -> None:
    for name, text in files.items():
        write(tmp_path, name, text)
    assert bool(too_big(tmp_path)) is is_refused


def test_every_room_has_its_door_sign_drawers_and_tests() -> None:
    assert not unfinished_rooms(ROOT)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"shared/wiki/__init__.py": ""}, "one paragraph"),
        ({"shared/wiki/__init__.py": "import os\n"}, "one paragraph"),
        ({"shared/wiki/__init__.py": '"""Wiki."""\nx = 1\n'}, "no code"),
        ({"shared/wiki/service.py": None}, "service.py is missing"),
        ({"shared/wiki/model.py": None}, "model.py is missing"),
        ({"shared/wiki/store.py": None}, "come together"),
        ({"shared/wiki/queries.sql": None}, "come together"),
        ({"tests/unit/wiki/test_pages.py": None}, "tests/unit/wiki"),
    ],
)
def test_unfinished_room_is_refused(
    tmp_path: Path, change: dict[str, str | None], complaint: str
) -> None:
    whole: dict[str, str | None] = {
        "shared/wiki/__init__.py": '"""Wiki: pages."""\n',
        "shared/wiki/model.py": "",
        "shared/wiki/service.py": "",
        "shared/wiki/store.py": "",
        "shared/wiki/queries.sql": "",
        "tests/unit/wiki/test_pages.py": "",
    }
    for name, text in whole.items():
        write(tmp_path, name, text or "")
    assert not unfinished_rooms(tmp_path)
    for name, text in change.items():
        if text is None:
            (tmp_path / name).unlink()
        else:
            write(tmp_path, name, text)
    assert any(complaint in found for found in unfinished_rooms(tmp_path))


def test_only_the_settings_read_the_environment() -> None:
    assert not environment_readers(ROOT)


@pytest.mark.parametrize(
    "text",
    [
        "import os\nx = os.environ['A']\n",
        "import os\nx = os.getenv('A')\n",
        "from os import environ\n",
        "import os\nx = os.environ['A']  # noqa: TID251 - because\n",
    ],
)
def test_reading_the_environment_elsewhere_is_refused(tmp_path: Path, text: str) -> None:
    write(tmp_path, "infra/local/x.py", "import os\ny = os.environ  # noqa: TID251 - a child's\n")
    write(tmp_path, "shared/kernel/settings.py", "import os\ny = os.environ\n")
    assert not environment_readers(tmp_path)
    write(tmp_path, "shared/wiki/x.py", text)
    assert environment_readers(tmp_path)


def test_nothing_names_a_place_outside() -> None:
    assert not outside_readers(ROOT, tracked(ROOT))


@pytest.mark.parametrize("text", ["see ../shared/notes.md", "open('/home/me/x')"])
def test_naming_a_place_outside_is_refused(tmp_path: Path, text: str) -> None:
    write(tmp_path, "README.md", f"one\n{text}\n")
    assert outside_readers(tmp_path, ["README.md"])
