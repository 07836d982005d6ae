"""Following jobs to their end: frames as they come, the record when frames may be missing."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from infra.cli.client import KontorClient, path_of
from infra.cli.live import LiveFeed
from infra.cli.terminal import number_of, text_of
from shared.kernel.errors import KontorError, NotFoundError, UnavailableError

logger = logging.getLogger(__name__)

FINAL_STAGES = frozenset({"completed", "failed"})
POLL_LISTENING_S = 5.0  # frames come: the record is only a safety net
POLL_DEAF_S = 1.0  # no socket: the record is the news
SERVER_AWAY_S = 600.0  # a restart with a crash recovery fits in easily
MAX_STRANGERS = 10_000


@dataclass(frozen=True, slots=True)
class News:
    """The latest known of a job. ``sequence`` is 0 when it was read from the record."""

    job_id: str
    stage: str
    progress: float
    detail: str
    document_id: str
    sequence: int

    @property
    def is_final(self) -> bool:
        """Whether nothing more will come."""
        return self.stage in FINAL_STAGES


class JobWatch:
    """Keeps the latest news of every job asked for with ``follow``.

    Frames of jobs nobody asked for are kept too: a small file may be done before its upload call
    has even returned the job's id.
    """

    def __init__(self, client: KontorClient) -> None:
        self._client = client
        self._news: dict[str, News] = {}
        self._followed: set[str] = set()
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._away_since: float | None = None
        self._failure: KontorError | None = None
        self._thread = threading.Thread(target=self._poll_on, name="kontor-watch", daemon=True)
        self._feed = self._open_feed()

    def __enter__(self) -> Self:
        if self._feed is not None:
            self._feed.__enter__()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        if self._feed is not None:
            self._feed.__exit__(kind, error, trace)
        self._thread.join(5.0)

    @property
    def is_server_away(self) -> bool:
        """Whether the last look at the record found nobody."""
        return self._away_since is not None

    @property
    def is_listening(self) -> bool:
        """Whether frames come over the WebSocket."""
        return self._feed is not None and self._feed.is_listening

    def follow(self, job_id: str) -> None:
        """Ask for news of a job from now on."""
        with self._changed:
            self._followed.add(job_id)

    def latest(self, job_id: str) -> News | None:
        """Return the latest news of a job. Raises what ended the watching, if anything did."""
        if self._failure is not None:
            raise self._failure
        with self._changed:
            return self._news.get(job_id)

    def wait(self, timeout_s: float) -> None:
        """Wait until something changes, but not longer than ``timeout_s``."""
        with self._changed:
            self._changed.wait(timeout_s)

    def take(self, frame: Mapping[str, object]) -> None:
        """Take in a frame from the WebSocket or a job's record."""
        # A frame names the job; the record is the job.
        job_id = text_of(frame, "job_id") or text_of(frame, "id")
        news = News(
            job_id=job_id,
            stage=text_of(frame, "stage"),
            progress=number_of(frame, "progress"),
            detail=text_of(frame, "detail"),
            document_id=text_of(frame, "document_id"),
            sequence=int(number_of(frame, "sequence")),
        )
        with self._changed:
            known = self._news.get(job_id)
            is_late = known is not None and 0 < news.sequence < known.sequence
            if (known is not None and known.is_final) or is_late:
                return
            if known is None and job_id not in self._followed and len(self._news) > MAX_STRANGERS:
                return
            self._news[job_id] = news
            self._changed.notify_all()

    def _open_feed(self) -> LiveFeed | None:
        url = text_of(self._client.endpoints(), "websocket_url")
        if not url:
            return None
        return LiveFeed(url, token=self._client.token, topics=("uploads",), on_frame=self.take)

    def _poll_on(self) -> None:
        while not self._stop.wait(POLL_LISTENING_S if self.is_listening else POLL_DEAF_S):
            try:
                self._poll()
                self._away_since = None
            except UnavailableError as error:
                self._note_absence(error)
            except KontorError as error:
                self._end(error)
                return
            except RuntimeError as error:  # the client was closed under us: the command ends
                logger.info("watching ended", extra={"reason": str(error)})
                return

    def _poll(self) -> None:
        """Read all open jobs in one call, and each of ours that is no longer among them."""
        with self._changed:
            known = {job_id: self._news.get(job_id) for job_id in self._followed}
            asked = {job_id for job_id, news in known.items() if news is None or not news.is_final}
        if not asked:
            return
        open_jobs: set[str] = set()
        for record in self._client.list_all("/api/v1/jobs", limit=2000, state="open"):
            open_jobs.add(text_of(record, "id"))
            self.take(record)
        for job_id in sorted(asked - open_jobs):
            if self._stop.is_set():
                return
            try:
                self.take(self._client.get(path_of("jobs", job_id)))
            except NotFoundError:
                gone = {"id": job_id, "stage": "failed", "detail": "The server forgot this upload."}
                self.take(gone)

    def _note_absence(self, error: UnavailableError) -> None:
        now = time.monotonic()
        if self._away_since is None:
            self._away_since = now
        if now - self._away_since > SERVER_AWAY_S:
            self._end(error)

    def _end(self, error: KontorError) -> None:
        with self._changed:
            self._failure = error
            self._changed.notify_all()
