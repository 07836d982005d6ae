"""Getting files onto the server, several at a time: resume, send, follow, judge each by itself."""

from __future__ import annotations

import mimetypes
import os
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, cast

from infra.cli.client import Body, KontorClient, path_of
from infra.cli.put_state import COMPLETED, DUPLICATE, FAILED, RUNNING, FileKey, PutRecord, PutState
from infra.cli.selection import Source
from infra.cli.terminal import text_of
from infra.cli.watch import JobWatch, News
from shared.kernel.errors import (
    InvalidError,
    KontorError,
    NotFoundError,
    TooLargeError,
    UnavailableError,
)
from shared.kernel.hashing import sha256_of_file

PARALLEL = 8
DIRECT_BYTES = 4 * 1024 * 1024  # MAX_DIRECT_BYTES of the server; a smaller one answers 413
SERVER_AWAY_S = 120.0
BULK_FROM = 20  # files of one put from which nobody waits for each
DUPLICATE_PREFIX = "same content as"  # how intake says that the bytes are known already
WAITING, READING, UPLOADING, UPLOADED = "waiting", "reading", "uploading", "uploaded"


@dataclass(slots=True)
class Item:
    """One file on its way; written by its worker, read by the display.

    ``outcome`` is empty until the file's story has ended; ``target`` is the document whose next
    version the file becomes, empty for a document of its own.
    """

    source: Source
    target: str = ""
    stage: str = WAITING
    progress: float = 0.0
    size: int = 0
    job_id: str = ""
    document_id: str = ""
    outcome: str = ""
    detail: str = ""
    is_resumed: bool = False
    started: float = 0.0
    ended: float = 0.0
    key: FileKey | None = None

    @property
    def is_active(self) -> bool:
        """Whether its story has begun and not ended."""
        return bool(self.started) and not self.outcome

    def end(self, outcome: str, detail: str = "") -> None:
        """Close the file's story; the detail first, since the display looks at the outcome."""
        self.detail = detail
        self.ended = time.monotonic()
        self.started = self.started or self.ended
        self.outcome = outcome


@dataclass(frozen=True, slots=True)
class Wish:
    """What applies to every file of one `put`.

    ``is_bulk``: nobody waits for one of them in particular, so files that somebody waits for go
    first. ``replaces``: a document of the same name in the same folder gets the file as its next
    version.
    """

    metadata: Mapping[str, str] = field(default_factory=dict)
    is_bulk: bool = False
    replaces: bool = False


class Uploader:
    """Puts items on the server with a few threads and brings news of their jobs into them."""

    def __init__(
        self, client: KontorClient, *, watch: JobWatch, state: PutState, wish: Wish
    ) -> None:
        self._client = client
        self._watch = watch
        self._state = state
        self._wish = wish
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(PARALLEL, thread_name_prefix="kontor-put")

    def start(self, items: Sequence[Item]) -> None:
        """Begin with all items in order; returns at once."""
        for item in items:
            self._pool.submit(self._put, item)

    def stop(self) -> None:
        """Send nothing more; what is on the wire may end."""
        self._stop.set()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def refresh(self, items: Sequence[Item]) -> None:
        """Bring the latest news into the items that wait for their job."""
        for item in items:
            if item.job_id and not item.outcome:
                news = self._watch.latest(item.job_id)
                if news is not None:
                    self._apply(item, news)

    # -- one file ------------------------------------------------------------------------------

    def _put(self, item: Item) -> None:
        if self._stop.is_set():
            return
        item.started = time.monotonic()
        try:
            item.stage = READING
            item.key = self._key(item)
            if not self._resume(item, item.key):
                self._follow(item, self._upload(item))
        except KontorError as error:
            hint = f" {error.hint}" if error.hint else ""
            item.end(FAILED, f"{error.detail}{hint}")
        except OSError as error:
            item.end(FAILED, f"The file cannot be read: {error.strerror or error}.")
        except Exception as error:  # noqa: BLE001 - a thread's edge: the file must not vanish
            item.end(FAILED, f"Unexpected: {type(error).__name__}: {error}")

    def _key(self, item: Item) -> FileKey:
        path = item.source.path
        status = path.stat()
        if not path.is_file():
            raise InvalidError("It is not a regular file.")
        if status.st_size == 0:
            raise InvalidError("The file is empty.")
        item.size = status.st_size
        return FileKey(
            api=self._client.profile.api,
            tenant_id=self._client.profile.tenant_id,
            path=str(path.absolute()),
            size=status.st_size,
            mtime_ns=status.st_mtime_ns,
            sha256=sha256_of_file(path).hex(),
        )

    def _resume(self, item: Item, key: FileKey) -> bool:
        """Take up what an earlier run left; ``False`` when the file must be sent (again)."""
        known = self._state.find(key)
        if known is None or known.outcome == FAILED or item.target:
            return False
        if known.outcome != RUNNING and (self._wish.replaces or not known.document_id):
            return False  # what is there now may be another version
        try:
            if known.outcome != RUNNING:
                self._client.get(path_of("documents", known.document_id))
                item.job_id, item.document_id = known.job_id, known.document_id
                item.is_resumed = True
                item.end(known.outcome, known.detail)
                return True
            record = self._client.get(path_of("jobs", known.job_id))
        except NotFoundError:
            return False
        if text_of(record, "stage") in {"waiting", "failed"}:
            return False
        item.is_resumed = True
        self._watch.take(record)
        self._follow(item, known.job_id)
        return True

    def _follow(self, item: Item, job_id: str) -> None:
        """Hand the job over to the watch; its id comes last, since ``refresh`` looks for it."""
        self._remember(item, RUNNING, job_id=job_id)
        self._watch.follow(job_id)
        item.job_id = job_id

    def _upload(self, item: Item) -> str:
        """Send the file, waiting a while for a server that is away; returns the job's id."""
        deadline = time.monotonic() + SERVER_AWAY_S
        pause_s = 0.5
        while True:
            item.stage, item.progress = UPLOADING, 0.0
            try:
                job_id = self._send(item)
            except UnavailableError:
                if time.monotonic() > deadline or self._stop.wait(pause_s):
                    raise
                pause_s = min(pause_s * 2, 10.0)
            else:
                item.stage, item.progress = UPLOADED, 0.0
                return job_id

    def _send(self, item: Item) -> str:
        if item.size <= DIRECT_BYTES and not self._wish.metadata:
            try:
                return self._send_directly(item)
            except TooLargeError:
                # The server's limit for bodies is lower than the default: storage takes it.
                return self._send_to_storage(item)
        return self._send_to_storage(item)

    def _send_directly(self, item: Item) -> str:
        source = item.source
        params = {"filename": source.path.name}
        if source.folder:
            params["folder"] = source.folder
        if item.target:
            params["document_id"] = item.target
        elif self._wish.replaces:
            params["on_conflict"] = "version"
        if self._wish.is_bulk:
            params["priority"] = "bulk"
        answer = self._client.call(
            "POST",
            "/api/v1/assets",
            params=params,
            content=source.path.read_bytes(),
            headers={"content-type": media_type(source.path)},
            is_repeatable=True,
        )
        return str(answer["job_id"])

    def _send_to_storage(self, item: Item) -> str:
        source = item.source
        wanted: Body = {
            "filename": source.path.name,
            "size_bytes": item.size,
            "media_type": media_type(source.path),
        }
        if source.folder:
            wanted["folder"] = source.folder
        if item.target:
            wanted["document_id"] = item.target
        elif self._wish.replaces:
            wanted["on_conflict"] = "version"
        if self._wish.is_bulk:
            wanted["priority"] = "bulk"
        if self._wish.metadata:
            wanted["metadata"] = dict(self._wish.metadata)
        ticket = self._client.post("/api/v1/assets", wanted, is_repeatable=True)
        upload = ticket.get("upload")
        if not isinstance(upload, dict) or not isinstance(upload.get("fields"), dict):
            raise KontorError("The server gave no address for the upload.")
        with source.path.open("rb") as stream:
            reader = cast("IO[bytes]", _Counted(stream, item))
            self._client.post_form(
                str(upload["url"]),
                {str(k): str(v) for k, v in upload["fields"].items()},
                source.path.name,
                reader,
            )
        return str(ticket["job_id"])

    # -- its end -------------------------------------------------------------------------------

    def _apply(self, item: Item, news: News) -> None:
        item.stage, item.progress = news.stage, news.progress
        item.document_id = news.document_id or item.document_id
        if not news.is_final:
            return
        is_duplicate = news.detail.lower().startswith(DUPLICATE_PREFIX)
        outcome = FAILED if news.stage == FAILED else DUPLICATE if is_duplicate else COMPLETED
        fallback = "The server gave no reason." if outcome == FAILED else ""
        self._remember(item, outcome, job_id=item.job_id, detail=news.detail)
        item.end(outcome, news.detail or fallback)

    def _remember(self, item: Item, outcome: str, *, job_id: str, detail: str = "") -> None:
        assert item.key is not None  # a file without a key never got as far as a job
        self._state.record(
            PutRecord(
                key=item.key,
                job_id=job_id,
                outcome=outcome,
                document_id=item.document_id,
                detail=detail,
            )
        )


class _Counted:
    """A file that tells its item how much of it was read for sending."""

    def __init__(self, stream: IO[bytes], item: Item) -> None:
        self._stream = stream
        self._item = item

    def read(self, count: int = -1) -> bytes:
        """Read and count."""
        chunk = self._stream.read(count)
        self._item.progress = self._stream.tell() / max(1, self._item.size)
        return chunk

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move, as httpx does to learn the length."""
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        """Return the position."""
        return self._stream.tell()

    def fileno(self) -> int:
        """Return the descriptor, from which httpx reads the size."""
        return self._stream.fileno()


def media_type(path: Path) -> str:
    """Guess the media type from the name; the server looks at the bytes anyway."""
    if path.suffix.lower() in {".md", ".markdown"}:
        return "text/markdown"
    return mimetypes.guess_type(path.name)[0] or "application/octet-stream"
