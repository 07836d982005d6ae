"""Bringing a folder's changes to the server: uploads, versions, moves and removals."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path, PurePosixPath

import typer

from infra.cli.client import KontorClient, path_of
from infra.cli.put_state import COMPLETED, DUPLICATE, FAILED, PutState
from infra.cli.selection import Source, clean_folder
from infra.cli.sync_plan import Known, Plan, Seen, compare, look, settled
from infra.cli.sync_state import SyncState
from infra.cli.terminal import clean, plural, print_json
from infra.cli.upload import BULK_FROM, Item, Uploader, Wish
from infra.cli.watch import JobWatch
from shared.kernel.errors import KontorError, NotFoundError, UnavailableError
from shared.kernel.hashing import sha256_of_file

REFRESH_S = 0.1
MANY = 10
"""So many files, all of them missing from a folder that is still there, look like an accident."""


class Printer:
    """Says what happens, a line each: for people with the time, for programs as JSON."""

    def __init__(self, *, is_json: bool) -> None:
        self._is_json = is_json

    def begins(self, top: Path, place: str, *, known: int) -> None:
        """Say what is watched."""
        if not self._is_json:
            typer.echo(f"Watching {top} → {place}/ ({plural(known, 'file')} known). Ctrl-C ends.")

    def say(self, event: str, path: str, detail: str = "", *, document_id: str = "") -> None:
        """Say one event of one file."""
        if self._is_json:
            print_json(
                {"event": event, "path": path, "detail": detail, "document_id": document_id or None}
            )
            return
        at = datetime.now().astimezone().strftime("%H:%M:%S")
        typer.echo(f"{at}  {event:<9}  {clean(path)}{f': {clean(detail)}' if detail else ''}")

    def warn(self, sentence: str) -> None:
        """Say what holds everything up."""
        typer.echo(sentence, err=True)


class FolderSync:
    """Keeps one folder in step with one place in Kontor.

    A step that fails is tried again at the next look; the state is saved after every look, so an
    interruption costs at most repeating what is idempotent.
    """

    def __init__(
        self,
        client: KontorClient,
        *,
        jobs: JobWatch,
        state: SyncState,
        top: Path,
        place: str,
        data: Path,
        keeps: bool,
        printer: Printer,
    ) -> None:
        self._client = client
        self._jobs = jobs
        self._state = state
        self._puts = PutState(data)
        self._top = top
        self._place = place
        self._keeps = keeps
        self._printer = printer
        self._before: dict[str, Seen] = {}
        self._missing: frozenset[str] = frozenset()
        self._warned = ""
        self._uploader: Uploader | None = None

    @property
    def has_failures(self) -> bool:
        """Whether any known file could not be taken in."""
        return any(known.failure for known in self._state.files.values())

    def stop(self) -> None:
        """Send nothing more and keep what is known."""
        if self._uploader is not None:
            self._uploader.stop()
        self._state.save()

    def look(self, *, is_last: bool) -> None:
        """Compare once and get in step; ``is_last`` takes everything as it lies now.

        A server or folder that is away is said once and waited for at the next look.
        """
        try:
            self._step(is_last=is_last)
            self._warned = ""
        except FileNotFoundError:
            self._hold(f"{self._top} is gone; nothing is removed. Waiting for it.", is_last)
        except UnavailableError as error:
            if is_last:
                raise
            self._hold(" ".join(filter(None, (error.detail, error.hint))), is_last)

    def _hold(self, sentence: str, is_last: bool) -> None:
        if is_last:
            raise NotFoundError(sentence)
        if self._warned != sentence:
            self._printer.warn(sentence)
        self._warned = sentence

    def _step(self, *, is_last: bool) -> None:
        now = look(self._top)
        known = self._state.files
        missing = frozenset(known) - frozenset(now)
        # Editors replace files by renaming: only what is missing twice is gone.
        gone = missing if is_last else missing & self._missing
        ready = now if is_last else settled(now, self._before, known, at_ns=time.time_ns())
        self._before, self._missing = now, missing
        if len(gone) >= MANY and not now:
            raise UnavailableError(
                f"All {len(gone)} files are missing from {self._top}; nothing is removed.",
                hint="If that is meant, remove the documents with `kontor rm`.",
            )
        plan = compare(ready, known, gone=gone, hash_of=self._hash)
        if plan.is_empty and not plan.touched:
            return
        self._follow(plan, ready)

    def _hash(self, path: str) -> str:
        return sha256_of_file(self._top / path).hex()

    def _follow(self, plan: Plan, now: Mapping[str, Seen]) -> None:
        try:
            for path in plan.touched:
                self._note(path, now[path], self._state.files[path])
            for old, new in plan.moved:
                self._move(old, new, now[new])
            self._upload([*plan.added, *plan.changed], now)
            for path in plan.removed:
                self._remove(path)
        finally:
            self._state.save()

    def _note(self, path: str, seen: Seen, record: Known) -> None:
        """Remember a file whose time has changed and whose bytes have not."""
        self._state.files[path] = Known(
            seen.size, seen.mtime_ns, record.sha256, record.document_id, record.is_copy,
            record.failure,
        )  # fmt: skip

    def _move(self, old: str, new: str, seen: Seen) -> None:
        record = self._state.files[old]
        if record.document_id and not record.failure:
            change = {"folder": self._folder(new), "title": PurePosixPath(new).stem}
            try:
                self._client.call(
                    "PATCH", path_of("documents", record.document_id), json=dict(change),
                    is_repeatable=True,
                )  # fmt: skip
            except NotFoundError:
                # Somebody removed the document: the file is new to Kontor.
                del self._state.files[old]
                self._upload([new], {new: seen})
                return
        del self._state.files[old]
        self._note(new, seen, record)
        self._printer.say("moved", f"{old} → {new}", document_id=record.document_id)

    def _remove(self, path: str) -> None:
        record = self._state.files[path]
        if record.document_id and not record.is_copy and not self._keeps:
            try:
                self._client.delete(path_of("documents", record.document_id))
            except NotFoundError:
                self._printer.say("removed", path, "it was removed in Kontor already")
        del self._state.files[path]
        detail = "kept in Kontor" if self._keeps else ""
        self._printer.say("deleted", path, detail, document_id=record.document_id)

    def _upload(self, paths: Sequence[str], now: Mapping[str, Seen]) -> None:
        """Send files, several at a time, and note each as its story ends."""
        items = {path: Item(self._source(path), target=self._target(path)) for path in paths}
        if not items:
            return
        self._uploader = Uploader(
            self._client,
            watch=self._jobs,
            state=self._puts,
            wish=Wish(is_bulk=len(items) >= BULK_FROM),
        )
        self._uploader.start(list(items.values()))
        try:
            waiting = dict(items)
            while waiting:
                self._uploader.refresh(list(waiting.values()))
                for path, item in list(waiting.items()):
                    if item.outcome:
                        del waiting[path]
                        self._ended(path, item, now[path])
                self._jobs.wait(REFRESH_S)
        finally:
            self._uploader.stop()
            self._uploader = None

    def _source(self, path: str) -> Source:
        return Source(self._top / path, path, self._folder(path))

    def _target(self, path: str) -> str:
        """Return the document a changed file is a version of; copies become documents."""
        record = self._state.files.get(path)
        return record.document_id if record and not record.is_copy else ""

    def _ended(self, path: str, item: Item, seen: Seen) -> None:
        former = self._state.files.get(path)
        if item.outcome == FAILED and item.key is None:
            # It could not even be read: the next look tries again.
            self._printer.say("failed", path, item.detail)
            return
        digest = item.key.sha256 if item.key else ""
        is_copy = item.outcome == DUPLICATE
        document_id = item.document_id or (former.document_id if former else "")
        self._state.files[path] = Known(
            seen.size, seen.mtime_ns, digest, document_id, is_copy,
            item.detail if item.outcome == FAILED else "",
        )  # fmt: skip
        if is_copy and former and not former.is_copy and former.document_id != document_id:
            self._give_up(former.document_id)
        event = {COMPLETED: "changed" if former else "added", DUPLICATE: "known"}
        self._printer.say(
            event.get(item.outcome, "failed"), path, item.detail, document_id=document_id
        )

    def _give_up(self, document_id: str) -> None:
        """Remove a document whose file now holds what another document has."""
        try:
            self._client.delete(path_of("documents", document_id))
        except KontorError as error:
            self._printer.warn(f"The former document stays: {error.detail}")

    def _folder(self, path: str) -> str:
        return clean_folder(str(PurePosixPath(self._place) / PurePosixPath(path).parent))
