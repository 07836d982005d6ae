"""Exports: a tenant's rows and files in a few archives, written part by part.

A part is a whole ZIP of bounded size. It is stored before the job's position is, so whoever goes
on after a crash writes the same part once more. Unpacked into one folder, the parts are
``tables/*.jsonl`` (a table may go on in several files), ``documents/`` as the tenant arranged
them, and ``versions/`` for what is not current; ``manifest.json`` lists everything. An export is no
snapshot: what changes meanwhile may be in it as it was or as it is.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

from shared.adapters.database import Database, Session
from shared.adapters.objects import Objects
from shared.kernel.clock import now
from shared.kernel.context import correlation_id, working_on
from shared.kernel.errors import NotFoundError
from shared.kernel.ids import TenantId
from shared.kernel.killpoints import reach
from shared.tenancy import store
from shared.tenancy.model import EXPORTED, FORMAT, LEFT_OUT, Task, export_prefix
from shared.tenancy.store import Original

ROWS_AT_ONCE = 500
FILES_AT_ONCE = 50
PART_BYTES = 64 * 1024 * 1024
_UNSAFE = re.compile(r'[\x00-\x1f<>:"|?*\\]')
# What a person's rows point to, by the column that points: conversations hold messages and so on.
_INSIDE = {
    "conversations": ("messages", "conversation_id"),
    "messages": ("citations", "message_id"),
}
_WORDS = {"messages", "agent_runs"}


@dataclass
class Position:
    """How far an export has come: which part is next, which table, which row, which file."""

    part: int = 0
    table: int = 0
    after: dict[str, object] | None = None
    file: str | None = None
    parts: list[dict[str, object]] = field(default_factory=list)

    @classmethod
    def read(cls, kept: dict[str, Any]) -> Position:
        """Read what a job kept; an empty one is the beginning."""
        return cls(**kept)

    def to_json(self) -> dict[str, object]:
        """Write it for the job."""
        return {
            "part": self.part,
            "table": self.table,
            "after": self.after,
            "file": self.file,
            "parts": self.parts,
        }


@dataclass
class Exporter:
    """Writes one export, as far as the time allows."""

    database: Database
    objects: Objects
    tenant_id: TenantId
    task: Task
    part_bytes: int = PART_BYTES

    def __post_init__(self) -> None:
        self.position = Position.read(self.task.position)
        self.counts: dict[str, Any] = dict(self.task.counts)
        self._prefix = export_prefix(self.tenant_id, self.task.id)

    def run(self, *, until: float) -> bool:
        """Write part after part; False when there was no time for all of it."""
        sources = self._sources()
        while not self._is_over(sources):
            if time.monotonic() > until:
                return False
            self._write_part(sources)
        self._write_manifest()
        return True

    def _is_over(self, sources: list[tuple[str, str | None]]) -> bool:
        return self.position.table >= len(sources) and self.position.file == "end"

    def _sources(self) -> list[tuple[str, str | None]]:
        """List the tables to go through, each with the column that must name the person."""
        if self.task.person_id is None:
            return [(name, None) for name in EXPORTED]
        with self.database.transaction(self.tenant_id) as session:
            return [
                (column.name, column.person)
                for column in store.list_person_columns(session)
                if column.name not in LEFT_OUT
            ]

    def _write_part(self, sources: list[tuple[str, str | None]]) -> None:
        """Fill one archive, store it, and write down how far that came."""
        name = f"part-{self.position.part + 1:04}.zip"
        with TemporaryDirectory() as folder:
            path = Path(folder) / name
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
                filled = _Part(archive, self.part_bytes)
                self._add_tables(filled, sources)
                if self.position.table >= len(sources):
                    self._add_files(filled, Path(folder))
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            size = path.stat().st_size
            if filled.is_empty:
                self._keep_position()
                return
            self.objects.upload(self._prefix + name, path)
        reach("export.part")
        self.position.part += 1
        self.position.parts.append({"name": name, "size_bytes": size, "sha256": digest})
        self._keep_position()

    def _keep_position(self) -> None:
        with self.database.transaction(self.tenant_id) as session:
            store.change_position(session, self.task.id, self.position.to_json(), self.counts)
        reach("export.position")

    def _add_tables(self, part: _Part, sources: list[tuple[str, str | None]]) -> None:
        while self.position.table < len(sources) and not part.is_full:
            name, column = sources[self.position.table]
            entry = f"tables/{name}-{self.position.table:03}-{self.position.part + 1:04}.jsonl"
            rows = self._rows(name, column, part)
            count = part.add_lines(entry, rows)
            self.counts[name] = int(self.counts.get(name, 0)) + count
            if self.position.after is None:
                self.position.table += 1

    def _rows(self, name: str, column: str | None, part: _Part) -> Iterator[dict[str, object]]:
        """Give a table's rows until it ends, or the part is full: then ``after`` says where."""
        while True:
            page = self._page(name, column, self.task.person_id, self.position.after)
            for row in page:
                yield row
                yield from self._inside(name, column, row)
            if len(page) < ROWS_AT_ONCE:
                self.position.after = None
                return
            self.position.after = page[-1]
            if part.is_full:
                return

    def _inside(
        self, name: str, column: str | None, row: dict[str, object]
    ) -> Iterator[dict[str, object]]:
        """Give what a person's row holds, each marked with the table that it is of."""
        if column is None or name not in _INSIDE:
            return
        inner, key = _INSIDE[name]
        after: dict[str, object] | None = None
        while True:
            page = self._page(inner, key, UUID(str(row["id"])), after)
            for each in page:
                yield {"table": inner, **each}
                yield from self._inside(inner, key, each)
            if len(page) < ROWS_AT_ONCE:
                return
            after = page[-1]

    def _page(
        self, name: str, column: str | None, value: UUID | None, after: dict[str, object] | None
    ) -> list[dict[str, object]]:
        with self._seeing() as session:
            if name == "tenants":
                return [] if after else store.export_tenant(session)
            rows = store.export_rows(
                session,
                name,
                after=after,
                column=column,
                value=value if column else None,
                limit=ROWS_AT_ONCE,
            )
            return self._withheld(session, name, rows)

    @contextmanager
    def _seeing(self) -> Iterator[Session]:
        """Look with the person's own eyes: their copy tells nothing that is kept from them."""
        person = self.task.person_id
        viewer = "" if person is None else f"user:{person}"
        with (
            working_on(correlation=correlation_id(), tenant=str(self.tenant_id), viewer=viewer),
            self.database.transaction(self.tenant_id) as session,
        ):
            yield session

    def _withheld(
        self, session: Session, name: str, rows: list[dict[str, object]]
    ) -> list[dict[str, object]]:
        """Take the words out of a person's answers that rest on what is hidden from them by now."""
        if self.task.person_id is None or name not in _WORDS or not rows:
            return rows
        hidden = store.list_withheld(session, [UUID(str(row["id"])) for row in rows])
        kept = {"tenant_id", "id", "conversation_id", "user_id", "role", "state", "created_at"}
        return [
            {key: row[key] for key in row if key in kept} | {"is_withheld": True}
            if UUID(str(row["id"])) in hidden
            else row
            for row in rows
        ]

    def _add_files(self, part: _Part, folder: Path) -> None:
        while not part.is_full and self.position.file != "end":
            after = UUID(self.position.file) if self.position.file else None
            with self._seeing() as session:
                found = store.list_originals(
                    session, after=after, created_by=self.task.person_id, limit=FILES_AT_ONCE
                )
            for original in found:
                self._add_file(part, original, folder / "file")
                self.position.file = str(original.id)
                if part.is_full:
                    return
            if len(found) < FILES_AT_ONCE:
                self.position.file = "end"

    def _add_file(self, part: _Part, original: Original, path: Path) -> None:
        try:
            self.objects.download(original.object_key, path, version=original.object_version)
        except NotFoundError:
            # Quarantined, or erased since: the rows say which.
            self.counts["files_missing"] = int(self.counts.get("files_missing", 0)) + 1
            return
        part.add_file(entry_of(original), path)
        self.counts["files"] = int(self.counts.get("files", 0)) + 1

    def _write_manifest(self) -> None:
        manifest = {
            "format": FORMAT,
            "tenant_id": str(self.tenant_id),
            "person_id": None if self.task.person_id is None else str(self.task.person_id),
            "finished_at": now().isoformat(),
            "parts": self.position.parts,
            "counts": self.counts,
            "left_out": dict(LEFT_OUT),
            "withheld": "Columns with proofs of identity: password, token, secret and key hashes.",
        }
        body = json.dumps(manifest, indent=2, ensure_ascii=False).encode()
        self.objects.put(f"{self._prefix}manifest.json", body, media_type="application/json")


@dataclass
class _Part:
    """An archive that is being filled, and knows when it is full."""

    archive: zipfile.ZipFile
    most: int
    size: int = 0

    @property
    def is_full(self) -> bool:
        return self.size >= self.most

    @property
    def is_empty(self) -> bool:
        return not self.archive.namelist()

    def add_lines(self, name: str, rows: Iterator[dict[str, object]]) -> int:
        """Write rows as JSON lines; no entry where there are none."""
        first = next(rows, None)
        if first is None:
            return 0
        count = 0
        with self.archive.open(name, "w") as file:
            for row in _chained(first, rows):
                line = json.dumps(row, ensure_ascii=False).encode() + b"\n"
                file.write(line)
                self.size += len(line)
                count += 1
        return count

    def add_file(self, name: str, path: Path) -> None:
        """Add a file."""
        self.archive.write(path, name)
        self.size += path.stat().st_size


def _chained(
    first: dict[str, object], rows: Iterator[dict[str, object]]
) -> Iterator[dict[str, object]]:
    yield first
    yield from rows


def entry_of(original: Original) -> str:
    """Return where a file stands in the archive; no name leads out of its folder."""
    if not original.is_current:
        name = f"{original.number}-{_safe(original.filename)}"
        return f"versions/{original.document_id}/{name}"
    title = _safe(original.title)
    ending = PurePosixPath(_safe(original.filename)).suffix
    if not title.lower().endswith(ending.lower()):
        title += ending
    if original.is_second:
        stem, dot, ending = title.rpartition(".")
        title = f"{stem or title} ({original.document_id}){dot}{ending if stem else ''}"
    parts = [_safe(part) for part in original.folder.split("/") if part]
    return "/".join(["documents", *parts, title])


def _safe(name: str) -> str:
    plain = _UNSAFE.sub("_", name).replace("/", "_").strip()
    return plain if plain.strip(".") else "_"
