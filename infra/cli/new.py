"""`kontor new`: the obvious place for a function, a room or a migration, filled and wired."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from infra.cli.target import ROOT
from shared.kernel.errors import ConflictError, InvalidError, NotFoundError

new = typer.Typer(no_args_is_help=True, help="Make a function, a room or a migration.")

Root = Annotated[
    Path, typer.Option("--root", help="The checkout to write into.", show_default="this one")
]
NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
MAX_NAME = 40
# HOUSE: which rooms stand on which floor of shared/; new ones carry their floor as a comment.
FLOORS = {
    "kernel": 0,
    "adapters": 1,
    "inference": 2,
    "identity": 3,
    "audit": 3,
    "realtime": 3,
    "generation": 3,
    "limits": 3,
    "webhooks": 3,
    "access": 3,
    "tickets": 3,
    "understanding": 3,
    "lexicon": 3,
    "federation": 4,
    "joining": 3,
    "documents": 4,
    "wiki": 5,
    "dictionary": 5,
    "tasks": 5,
    "memory": 5,
    "spaces": 5,
    "plugins": 5,
    "files": 4,
    "ingestion": 6,
    "search": 6,
    "answering": 7,
    "recovery": 7,
    "reprocessing": 7,
    "tenancy": 7,
    "chat": 8,
    "agents": 8,
    "evaluation": 8,
    "monitoring": 9,
    "indexing": 9,
    "wiring": 10,
}
LOWEST, HIGHEST = 3, 9
PHASES = {
    "pre": "before the new code runs",
    "post": "after no old code runs any more",
}


@new.command()
def function(
    name: Annotated[str, typer.Argument(help="Its folder: small letters and underscores.")],
    sentence: Annotated[str, typer.Option("--does", help="What it is for, in one sentence.")] = "",
    root: Root = ROOT,
) -> None:
    """Make an HTTP function: handler, route, function.yml, test, line in serverless.yml."""
    from infra.cli.blueprints import HTTP_FUNCTION

    check_name(name)
    serverless = root / "serverless.yml"
    changed = with_function_line(_read(serverless), name)
    words = {
        "name": name,
        "Title": _title(name),
        "sentence": _sentence(sentence) or f"Answers requests about {name}.",
    }
    written = write_all(root, HTTP_FUNCTION, words)
    serverless.write_text(changed, "utf-8")
    _tell(root, [*written, serverless])
    typer.echo("Then: make docs (the OpenAPI file) and make check.")


@new.command()
def room(
    name: Annotated[str, typer.Argument(help="The noun people say: wiki, tasks, memory.")],
    *,
    floor: Annotated[
        int, typer.Option("--floor", min=LOWEST, max=HIGHEST, help="Where it stands in shared/.")
    ],
    item: Annotated[str, typer.Option("--item", help="What it keeps, singular: page, task.")] = "",
    items: Annotated[str, typer.Option("--items", help="Its plural, the table's name.")] = "",
    sentence: Annotated[
        str, typer.Option("--keeps", help="What the room keeps, in one sentence.")
    ] = "",
    root: Root = ROOT,
) -> None:
    """Make a room: its six drawers, its table, its test, its place on a floor in pyproject."""
    from infra.cli.blueprints import ROOM, ROOM_TABLE

    check_name(name)
    item = item or (name.removesuffix("s") if name.endswith("s") else f"{name}_entry")
    items = items or (f"{item[:-1]}ies" if item.endswith("y") else f"{item}s")
    check_name(item)
    check_name(items)
    project = root / "pyproject.toml"
    changed = with_room(_read(project), name, floor)
    words = {
        "name": name,
        "Title": _title(name),
        "item": item,
        "items": items,
        "Item": "".join(part.title() for part in item.split("_")),
        "Items": _title(items),
        "sentence": _sentence(sentence) or f"the {items.replace('_', ' ')} of a tenant.",
    }
    table = f"infra/migrations/{next_number(root)}_pre_create_{items}.sql"
    written = write_all(root, {**ROOM, table: ROOM_TABLE}, words)
    project.write_text(changed, "utf-8")
    _tell(root, [*written, project])
    typer.echo("Then: kontor migrate and make check.")


@new.command()
def migration(
    phase: Annotated[str, typer.Argument(help="pre: before the new code runs; post: after it.")],
    verb: Annotated[str, typer.Argument(help="create, add, drop, backfill …")],
    noun: Annotated[str, typer.Argument(help="What it is done to.")],
    root: Root = ROOT,
) -> None:
    """Make the next migration file, NNNN_pre_verb_noun.sql."""
    from infra.cli.blueprints import MIGRATION

    if phase not in PHASES:
        raise InvalidError(f"{phase!r} is no phase.", hint="Use pre or post.")
    check_name(verb)
    check_name(noun)
    text = MIGRATION.replace("{phase}", phase).replace("{meaning}", PHASES[phase])
    path = f"infra/migrations/{next_number(root)}_{phase}_{verb}_{noun}.sql"
    words = {"Verb": verb.title(), "noun": noun.replace("_", " ")}
    _tell(root, write_all(root, {path: text}, words))


def check_name(name: str) -> None:
    """Refuse a name that Python, SQL or a reader would stumble over. Raises InvalidError."""
    import keyword

    vague = {"utils", "helpers", "common", "misc", "base", "manager"}
    if not NAME.fullmatch(name) or len(name) > MAX_NAME or keyword.iskeyword(name):
        raise InvalidError(
            f"{name!r} is not a name.",
            hint="Use small letters, digits and underscores: wiki_pages.",
        )
    if vague & set(name.split("_")):
        raise InvalidError(f"{name!r} names nothing.", hint="Name the noun it is about.")


def with_function_line(text: str, name: str) -> str:
    """Add a function's line at the end of serverless.yml's list of functions.

    Raises ConflictError when it is there, InvalidError when there is no list.
    """
    line = f"  {name}: ${{file(functions/{name}/function.yml)}}"
    found = re.search(r"^functions:\n((?:  \S.*\n)+)", text, re.MULTILINE)
    if found is None:
        raise InvalidError("serverless.yml has no list of functions.", hint="Restore it.")
    if re.search(rf"^  {re.escape(name)}:", found[1], re.MULTILINE):
        raise ConflictError(f"There is a function {name} already.", hint="Choose another name.")
    return f"{text[: found.end()]}{line}\n{text[found.end() :]}"


def with_room(text: str, name: str, floor: int) -> str:
    """Put a room on its floor among import-linter's layers, highest first.

    Raises ConflictError when it has a place, InvalidError when the floors cannot be found.
    """
    found = re.search(
        r'(name = "Floors of shared".*?^layers = \[\n)(.*?)(^\])', text, re.MULTILINE | re.DOTALL
    )
    if found is None:
        raise InvalidError("pyproject.toml has no floors of shared.", hint="Restore them.")
    lines = found[2].splitlines(keepends=True)
    rooms = [re.findall(r"\w+", line.partition("#")[0]) for line in lines]
    if any(name in inside for inside in rooms):
        raise ConflictError(f"The room {name} has its place already.", hint="Choose another name.")
    floors = [_floor_of(line, inside) for line, inside in zip(lines, rooms, strict=True)]
    if floor in floors:
        at = floors.index(floor)
        lines[at] = re.sub(r'"([^"]+)"', rf'"\1 | {name}"', lines[at], count=1)
    else:
        at = next(i for i, other in enumerate(floors) if other < floor)
        lines.insert(at, f'    "{name}",  # floor {floor}\n')
    return text[: found.start(2)] + "".join(lines) + text[found.end(2) :]


def _floor_of(line: str, rooms: list[str]) -> int:
    said = re.search(r"# floor (\d+)", line)
    if said:
        return int(said[1])
    known = [FLOORS[room] for room in rooms if room in FLOORS]
    if not known:
        raise InvalidError(
            f"Nobody knows the floor of {line.strip()}", hint="Write `# floor N` behind it."
        )
    return known[0]


def next_number(root: Path) -> str:
    """Return the number of the next migration, four digits."""
    names = [path.name for path in (root / "infra" / "migrations").glob("[0-9]*.sql")]
    return f"{max((int(name[:4]) for name in names), default=0) + 1:04}"


def write_all(root: Path, files: Mapping[str, str], words: dict[str, str]) -> list[Path]:
    """Write files from blueprints, all or none. Raises ConflictError when one is there."""
    from infra.cli.blueprints import fill

    ready = {root / fill(path, words): fill(text, words) for path, text in files.items()}
    there = [path for path in ready if path.exists()]
    if there:
        raise ConflictError(
            f"{there[0].relative_to(root)} is there already.", hint="Choose another name."
        )
    for path, text in ready.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    _tidy(root, [path for path in ready if path.suffix == ".py"])
    return list(ready)


def _tidy(root: Path, paths: list[Path]) -> None:
    """Sort imports and break lines as the name's length asks for; without ruff, say how."""
    if not paths:
        return
    if importlib.util.find_spec("ruff") is None:
        typer.echo("ruff is not installed here: run `make format`.")
        return
    for command in (["check", "--quiet", "--select", "I", "--fix"], ["format", "--quiet"]):
        subprocess.run(  # noqa: S603 - our own tool and files
            [sys.executable, "-m", "ruff", *command, *map(str, paths)], cwd=root, check=True
        )


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except FileNotFoundError as error:
        raise NotFoundError(
            f"{path} is not there.", hint="Run this in a checkout of Kontor, or name one by --root."
        ) from error


def _title(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _sentence(text: str) -> str:
    stripped = text.strip()
    return stripped if not stripped or stripped.endswith(".") else f"{stripped}."


def _tell(root: Path, paths: list[Path]) -> None:
    for path in paths:
        typer.echo(f"wrote {path.relative_to(root)}")
