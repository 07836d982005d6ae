"""What the guards walk over: the project's own Python files, parsed once."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("functions", "shared", "infra")


@dataclass(frozen=True, slots=True)
class Source:
    """One file: its path below the root, its lines and its syntax tree."""

    path: Path
    lines: int
    tree: ast.Module

    @property
    def module(self) -> str:
        """Return the dotted name."""
        return ".".join(self.path.with_suffix("").parts).removesuffix(".__init__")


def sources(root: Path, *folders: str) -> Iterator[Source]:
    """Iterate over the Python files of some folders, in order of their paths."""
    for folder in folders or PACKAGES:
        for path in sorted((root / folder).rglob("*.py")):
            yield _read(root, path.relative_to(root), path.stat().st_mtime_ns)


@cache
def _read(root: Path, path: Path, _changed_at: int) -> Source:
    text = (root / path).read_text("utf-8")
    return Source(path, text.count("\n"), ast.parse(text, str(path)))


def folders(root: Path, below: str) -> list[Path]:
    """List the visible folders of a folder, without caches."""
    return sorted(
        path
        for path in (root / below).iterdir()
        if path.is_dir() and not path.name.startswith((".", "_"))
    )


def imported(source: Source) -> Iterator[tuple[int, str]]:
    """Yield every module a file imports, wherever in it, with the line."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.lineno, node.module
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def write(root: Path, name: str, text: str = "") -> None:
    """Put a file of a broken sample in its place."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
