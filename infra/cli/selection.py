"""Which files a `put` means: files, folders and patterns, each once, with their place in Kontor."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from shared.kernel.errors import NotFoundError

_PATTERN = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class Source:
    """A file to upload, the name people gave it, and the folder it goes to ("" is the top)."""

    path: Path
    shown: str
    folder: str


def select(arguments: Sequence[str], *, folder: str) -> list[Source]:
    """List the files that the arguments mean, in order, none twice.

    A folder brings everything below it except hidden entries and keeps its structure under
    ``folder``; a pattern is expanded here when the shell did not. Raises NotFoundError for an
    argument that means nothing.
    """
    top = clean_folder(folder)
    found: dict[str, Source] = {}
    for argument in arguments:
        for source in _expand(argument, top):
            found.setdefault(str(source.path.absolute()), source)
    return list(found.values())


def clean_folder(folder: str) -> str:
    """Bring a folder's path into one form: no slashes at the ends, no empty parts."""
    return "/".join(part for part in folder.split("/") if part not in {"", "."})


def _expand(argument: str, folder: str) -> Iterator[Source]:
    path = Path(argument).expanduser()
    if path.is_dir():
        yield from _walk(path, folder)
    elif os.path.lexists(path):
        # A broken link is there too: it is reported with the other unreadable files.
        yield Source(path, argument, folder)
    elif _PATTERN & set(argument):
        matches = sorted(glob.glob(str(path), recursive=True))  # noqa: PTH207 - absolute patterns
        files = [Path(match) for match in matches if not Path(match).is_dir()]
        if not files:
            raise NotFoundError(f"No file matches {argument}.", hint="Check the pattern.")
        yield from (Source(file, str(file), folder) for file in files)
    else:
        raise NotFoundError(f"There is no file {argument}.", hint="Check the path.")


def _walk(top: Path, folder: str) -> Iterator[Source]:
    # "docs" becomes the folder "docs"; "." and ".." bring only what lies below them.
    name = "" if top.name in {"", "..", "."} else top.name
    start = PurePosixPath(folder) / name
    for parent, folders, files in os.walk(top):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        place = start / Path(parent).relative_to(top).as_posix()
        for file in sorted(files):
            if not file.startswith("."):
                path = Path(parent) / file
                yield Source(path, str(path), clean_folder(str(place)))
