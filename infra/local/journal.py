"""The journal: objects, queued messages and secrets, written through to the data folder.

Bytes lie in ``objects/``, everything else in a SQLite file in WAL mode. A change is on record
before its caller gets an answer, so killing the process loses nothing that was acknowledged.
(The operating system is trusted to write its buffers: this is not a guard against power cuts.)
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from uuid import uuid4

from infra.local.locks import explain_disk
from shared.kernel.errors import UnavailableError

SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
    bucket TEXT NOT NULL, name TEXT NOT NULL, position INTEGER NOT NULL, version_id TEXT NOT NULL,
    is_marker INTEGER NOT NULL, file TEXT NOT NULL, size_bytes INTEGER NOT NULL, etag TEXT NOT NULL,
    modified_at REAL NOT NULL, metadata TEXT NOT NULL, tags TEXT NOT NULL,
    PRIMARY KEY (bucket, name, position)
);
CREATE TABLE IF NOT EXISTS messages (
    id TEXT PRIMARY KEY, queue TEXT NOT NULL, body TEXT NOT NULL, attributes TEXT NOT NULL,
    sent_at_ms INTEGER NOT NULL, delayed_until_ms REAL NOT NULL, visible_at_ms REAL NOT NULL,
    receive_count INTEGER NOT NULL, first_received_at_ms INTEGER, group_id TEXT,
    deduplication_id TEXT
);
CREATE TABLE IF NOT EXISTS secrets (name TEXT PRIMARY KEY, document TEXT NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """One version of an object, or a delete marker; ``file`` is empty when it has no bytes."""

    version_id: str
    is_marker: int
    file: str
    size_bytes: int
    etag: str
    modified_at: float
    metadata: str
    tags: str


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """One message of a queue, as its consumer has not yet finished it."""

    id: str
    queue: str
    body: str
    attributes: str
    sent_at_ms: int
    delayed_until_ms: float
    visible_at_ms: float
    receive_count: int
    first_received_at_ms: int | None
    group_id: str | None
    deduplication_id: str | None


class StoredBytes:
    """A file-like home for one object's bytes; holds no memory and no open file between reads.

    It stands in for the spooled file moto keeps per object. ``keep`` is called when the journal
    has recorded the object; bytes that were never recorded go when the object does.
    """

    def __init__(self, path: Path, *, is_kept: bool = False) -> None:
        self.path = path
        self._is_kept = is_kept
        self._position = 0

    def keep(self) -> None:
        """Leave the bytes on disk when the object is dropped from memory."""
        self._is_kept = True

    def seek(self, position: int) -> None:
        """Move to ``position`` bytes from the start."""
        self._position = position

    def truncate(self) -> None:
        """Cut off at the position; only ever asked for at the start of a new object."""
        if self.path.exists():
            with self.path.open("r+b") as file:
                file.truncate(self._position)

    def write(self, data: bytes) -> None:
        """Write at the position. Raises OSError when the disk is full."""
        if not data:
            return
        self.path.parent.mkdir(exist_ok=True)
        with self.path.open("r+b" if self.path.exists() else "w+b") as file:
            file.seek(self._position)
            file.write(data)
        self._position += len(data)

    def read(self, size: int = -1) -> bytes:
        """Read up to ``size`` bytes from the position, everything by default."""
        if not self.path.exists():
            return b""
        with self.path.open("rb") as file:
            file.seek(self._position)
            data = file.read(size)
        self._position += len(data)
        return data

    def close(self) -> None:
        """Forget bytes nobody recorded."""
        if not self._is_kept:
            self.path.unlink(missing_ok=True)


def _open(path: Path) -> sqlite3.Connection:
    """Open the record, made where missing; one that cannot be used is closed again."""
    database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
    try:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        database.executescript(SCHEMA)
    except sqlite3.Error:
        database.close()
        raise
    return database


class Journal:
    """The write-through record of one data folder. Safe to use from any thread."""

    def __init__(self, folder: Path) -> None:
        self._objects = folder / "objects"
        self._lock = threading.Lock()
        try:
            self._objects.mkdir(parents=True, exist_ok=True)
            self._database = _open(folder / "journal.sqlite")
            self._sweep()
        except OSError as error:
            raise explain_disk(folder, error) from error
        except sqlite3.Error as error:
            raise UnavailableError(
                f"The journal in {folder} cannot be opened: {error}.",
                hint="Free disk space, or move journal.sqlite away to start without its queues.",
            ) from error

    def close(self) -> None:
        """Close the record; what is on it stays."""
        with self._lock:
            self._database.close()

    # -- objects -------------------------------------------------------------------------------

    def new_bytes(self) -> StoredBytes:
        """Return an empty home for the bytes of a new object."""
        name = uuid4().hex
        return StoredBytes(self._objects / name[:2] / name)

    def stored_bytes(self, file: str) -> StoredBytes:
        """Return the home of bytes on record."""
        if not file:
            return self.new_bytes()
        return StoredBytes(self._objects / file[:2] / file, is_kept=True)

    def record_object(self, bucket: str, name: str, versions: Iterable[StoredVersion]) -> None:
        """Replace everything known of one object name; bytes no version uses are deleted."""
        kept = list(versions)
        with self._lock:
            rows = self._database.execute(
                "SELECT file FROM objects WHERE bucket = ? AND name = ?", (bucket, name)
            )
            gone = {str(row[0]) for row in rows} - {version.file for version in kept} - {""}
            self._database.execute("BEGIN IMMEDIATE")
            try:
                self._database.execute(
                    "DELETE FROM objects WHERE bucket = ? AND name = ?", (bucket, name)
                )
                for position, version in enumerate(kept):
                    self._database.execute(
                        "INSERT INTO objects (bucket, name, position, version_id, is_marker, file,"
                        " size_bytes, etag, modified_at, metadata, tags) VALUES (:bucket, :name,"
                        " :position, :version_id, :is_marker, :file, :size_bytes, :etag,"
                        " :modified_at, :metadata, :tags)",
                        {"bucket": bucket, "name": name, "position": position, **asdict(version)},
                    )
            except sqlite3.Error:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")
        for file in gone:
            (self._objects / file[:2] / file).unlink(missing_ok=True)

    def objects(self) -> list[tuple[str, str, StoredVersion]]:
        """Return bucket, name and version of everything on record, oldest version first."""
        with self._lock:
            rows = self._database.execute(
                "SELECT bucket, name, version_id, is_marker, file, size_bytes, etag, modified_at,"
                " metadata, tags FROM objects ORDER BY bucket, name, position"
            ).fetchall()
        return [(row[0], row[1], StoredVersion(*row[2:])) for row in rows]

    def _sweep(self) -> None:
        """Delete bytes whose object was never recorded: uploads cut off by a kill."""
        known = {str(row[0]) for row in self._database.execute("SELECT file FROM objects")}
        for folder in self._objects.iterdir():
            for path in folder.iterdir():
                if path.name not in known:
                    path.unlink()

    # -- messages ------------------------------------------------------------------------------

    def record_message(self, message: StoredMessage) -> None:
        """Write a message or its new state (queue, receive count, visibility)."""
        self._run(
            "INSERT OR REPLACE INTO messages (id, queue, body, attributes, sent_at_ms,"
            " delayed_until_ms, visible_at_ms, receive_count, first_received_at_ms, group_id,"
            " deduplication_id) VALUES (:id, :queue, :body, :attributes, :sent_at_ms,"
            " :delayed_until_ms, :visible_at_ms, :receive_count, :first_received_at_ms, :group_id,"
            " :deduplication_id)",
            asdict(message),
        )

    def remove_message(self, message_id: str) -> None:
        """Forget a message that is done."""
        self._run("DELETE FROM messages WHERE id = :id", {"id": message_id})

    def purge(self, queue: str) -> None:
        """Forget every message of a queue."""
        self._run("DELETE FROM messages WHERE queue = :queue", {"queue": queue})

    def messages(self) -> list[StoredMessage]:
        """Return every message on record, in the order they were sent."""
        with self._lock:
            rows = self._database.execute(
                "SELECT id, queue, body, attributes, sent_at_ms, delayed_until_ms, visible_at_ms,"
                " receive_count, first_received_at_ms, group_id, deduplication_id FROM messages"
                " ORDER BY sent_at_ms, rowid"
            ).fetchall()
        return [StoredMessage(*row) for row in rows]

    # -- secrets -------------------------------------------------------------------------------

    def record_secrets(self, secrets: dict[str, dict[str, str | None]]) -> None:
        """Replace all secrets by ``secrets`` (name to value, description and ARN)."""
        with self._lock:
            self._database.execute("BEGIN IMMEDIATE")
            self._database.execute("DELETE FROM secrets")
            self._database.executemany(
                "INSERT INTO secrets (name, document) VALUES (?, ?)",
                [(name, json.dumps(document)) for name, document in secrets.items()],
            )
            self._database.execute("COMMIT")

    def secrets(self) -> dict[str, dict[str, str | None]]:
        """Return every secret on record."""
        with self._lock:
            rows = self._database.execute("SELECT name, document FROM secrets").fetchall()
        return {row[0]: json.loads(row[1]) for row in rows}

    def _run(self, statement: str, parameters: dict[str, object]) -> None:
        with self._lock:
            self._database.execute(statement, parameters)
