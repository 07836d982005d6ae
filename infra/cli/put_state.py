"""What earlier `put` runs achieved, one JSON line per step, so that an interrupted one resumes."""

from __future__ import annotations

import json
import threading
from dataclasses import asdict, dataclass
from pathlib import Path

from shared.kernel.errors import UnavailableError

STATE_FILE = "put-state.jsonl"
COMPACT_FROM = 2_000
RUNNING, COMPLETED, DUPLICATE, FAILED = "running", "completed", "duplicate", "failed"


@dataclass(frozen=True, slots=True)
class FileKey:
    """The same file at the same server: whoever edits it gets another key."""

    api: str
    tenant_id: str
    path: str
    size: int
    mtime_ns: int
    sha256: str


@dataclass(frozen=True, slots=True)
class PutRecord:
    """The last known outcome of a file."""

    key: FileKey
    job_id: str
    outcome: str
    document_id: str = ""
    detail: str = ""


class PutState:
    """An append-only file of records; the last one of a key counts. Safe for several threads."""

    def __init__(self, data: Path) -> None:
        self._path = data / STATE_FILE
        self._lock = threading.Lock()
        self._records: dict[FileKey, PutRecord] = {}
        lines = self._load()
        if lines > COMPACT_FROM and lines > 2 * len(self._records):
            self._compact()

    def find(self, key: FileKey) -> PutRecord | None:
        """Return what is known of a file."""
        with self._lock:
            return self._records.get(key)

    def record(self, record: PutRecord) -> None:
        """Write down how far a file came. Raises UnavailableError when the disk refuses."""
        with self._lock:
            if self._records.get(record.key) == record:
                return
            self._records[record.key] = record
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                with self._path.open("a", encoding="utf-8") as stream:
                    stream.write(_line(record))
            except OSError as error:
                raise UnavailableError(
                    f"{self._path} cannot be written: {error.strerror}.",
                    hint="Choose another folder with --data.",
                ) from error

    def _load(self) -> int:
        try:
            lines = self._path.read_text("utf-8", errors="replace").splitlines()
        except FileNotFoundError:
            return 0
        except OSError as error:
            raise UnavailableError(f"{self._path} cannot be read: {error.strerror}.") from error
        for line in lines:
            record = _parse(line)
            if record is not None:
                self._records[record.key] = record
        return len(lines)

    def _compact(self) -> None:
        fresh = self._path.with_suffix(".new")
        fresh.write_text("".join(map(_line, self._records.values())), "utf-8")
        fresh.replace(self._path)


def _line(record: PutRecord) -> str:
    return json.dumps(asdict(record), ensure_ascii=False) + "\n"


def _parse(line: str) -> PutRecord | None:
    """Read one line; ``None`` for one that a kill cut short: its file is simply put again."""
    try:
        body = json.loads(line)
        return PutRecord(**{**body, "key": FileKey(**body["key"])})
    except (ValueError, TypeError, KeyError):
        return None
