"""What has changed in a watched folder since its last look: pure comparison, no server."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

UNFINISHED = (".part", ".partial", ".crdownload", ".download", ".tmp", ".swp", "~")
"""Endings of files that another program is still writing."""
QUIET_NS = 2_000_000_000


@dataclass(frozen=True, slots=True)
class Seen:
    """A file as it lies in the folder now."""

    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Known:
    """A file as it was put last time.

    ``is_copy``: its bytes were in Kontor already, so ``document_id`` belongs to another file
    and must outlive this one. ``failure`` keeps a file that cannot be read from being tried again
    before it changes.
    """

    size: int
    mtime_ns: int
    sha256: str
    document_id: str = ""
    is_copy: bool = False
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do, each list in the order of paths; paths are relative, with slashes."""

    added: list[str]
    changed: list[str]
    moved: list[tuple[str, str]]
    removed: list[str]
    touched: list[str]

    @property
    def is_empty(self) -> bool:
        """Whether nothing has to be sent."""
        return not (self.added or self.changed or self.moved or self.removed)


def look(top: Path) -> dict[str, Seen]:
    """List the regular files below a folder by relative path; hidden and unfinished ones are out.

    Raises FileNotFoundError when the folder itself is gone: an unmounted disk is no deletion.
    """
    if not top.is_dir():
        raise FileNotFoundError(top)
    found: dict[str, Seen] = {}
    for parent, folders, files in os.walk(top):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if _is_passed_over(name):
                continue
            path = Path(parent) / name
            try:
                status = path.stat()
            except OSError:
                continue  # gone between listing and looking, or a broken link
            if stat.S_ISREG(status.st_mode) and status.st_size:
                relative = path.relative_to(top).as_posix()
                found[relative] = Seen(status.st_size, status.st_mtime_ns)
    return found


def _is_passed_over(name: str) -> bool:
    return name.startswith((".", "~$")) or name.lower().endswith(UNFINISHED)


def settled(
    now: Mapping[str, Seen], before: Mapping[str, Seen], known: Mapping[str, Known], *, at_ns: int
) -> dict[str, Seen]:
    """Drop files that are still being written: new or changed, and younger than a look.

    A file counts as finished when two looks in a row saw the same, or its last change is longer
    ago than ``QUIET_NS`` at ``at_ns`` (the wall clock).
    """
    return {
        path: seen
        for path, seen in now.items()
        if _is_same(seen, known.get(path))
        or before.get(path) == seen
        or at_ns - seen.mtime_ns > QUIET_NS
    }


def compare(
    now: Mapping[str, Seen],
    known: Mapping[str, Known],
    *,
    gone: frozenset[str],
    hash_of: Callable[[str], str],
) -> Plan:
    """Tell new, changed, moved and removed files apart; only new and changed ones are hashed.

    ``gone`` are known paths that are missing for certain. A new path with the bytes of one of
    them is that file, moved.
    """
    added: list[str] = []
    changed: list[str] = []
    touched: list[str] = []
    moved: list[tuple[str, str]] = []
    lost = {known[path].sha256: path for path in sorted(gone) if not known[path].is_copy}
    for path, seen in sorted(now.items()):
        record = known.get(path)
        if _is_same(seen, record):
            continue
        digest = hash_of(path)
        if record is not None:
            (touched if digest == record.sha256 else changed).append(path)
        elif digest in lost:
            moved.append((lost.pop(digest), path))
        else:
            added.append(path)
    left = {old for old, _ in moved}
    return Plan(added, changed, moved, sorted(gone - left), touched)


def _is_same(seen: Seen, record: Known | None) -> bool:
    return record is not None and (seen.size, seen.mtime_ns) == (record.size, record.mtime_ns)
