"""Parsing in a process of its own, so that no document can hurt the one that serves everybody.

A child is limited in memory and time, knows no credentials, and stays warm for the next document:
importing docling costs one to two seconds of processor time, more than most documents need.
"""

from __future__ import annotations

import atexit
import json
import logging
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from shared.files.limits import OVERFLOWED
from shared.ingestion.model import ParsedDocument
from shared.ingestion.parsers.port import Progress, Source, options_to_json
from shared.ingestion.serialization import document_from_json
from shared.kernel.errors import (
    InvalidError,
    KontorError,
    TooLargeError,
    UnavailableError,
    UnsupportedError,
)
from shared.kernel.settings import settings

logger = logging.getLogger(__name__)

_START_S = 60.0
_FAREWELL_S = 5.0
_LONGEST_MESSAGE = 4 * 1024 * 1024
_MOST_DOCUMENTS = 100
_MOST_RESIDENT_MB = 700
_ERRORS: dict[str, type[KontorError]] = {
    error.code: error for error in (InvalidError, UnsupportedError, TooLargeError)
}
# What a child may know of the parent's environment: how to load Python, nothing that opens doors.
_INHERITED = ("PATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "SYSTEMROOT")


def parse_isolated(source: Source, *, memory_mb: int, timeout_s: float) -> ParsedDocument:
    """Parse a file in a child process that may take so much memory and time and no more.

    Raises the parser's own InvalidError, UnsupportedError or TooLargeError; InvalidError too when
    the document breaks the parser or exceeds a limit; UnavailableError when no child can start
    or load its parser.
    """
    child = _take()
    is_healthy = False
    try:
        with tempfile.NamedTemporaryFile(prefix="kontor-read-", suffix=".json") as result:
            request = {
                "path": str(source.path.resolve()),
                "media_type": source.media_type,
                "filename": source.filename,
                "result": result.name,
                "files": str(source.files.resolve()),
                "options": options_to_json(source.options),
                "memory_mb": memory_mb,
            }
            answer = child.ask(request, timeout_s=timeout_s, progress=source.progress)
            is_healthy = "error" not in answer or answer["error"] in _ERRORS
            _raise_for(answer, filename=source.filename, memory_mb=memory_mb, timeout_s=timeout_s)
            return document_from_json(result.read())
    finally:
        _give_back(child, is_healthy=is_healthy)


def stop_readers() -> None:
    """End the idle child processes; new ones start when they are needed."""
    with _lock:
        idle = list(_idle)
        _idle.clear()
    for child in idle:
        child.end()


def _raise_for(answer: dict[str, Any], *, filename: str, memory_mb: int, timeout_s: float) -> None:
    """Turn a child's answer about a failure into an error for a person."""
    failure = answer.get("error")
    if failure is None:
        return
    if failure in _ERRORS:
        raise _ERRORS[failure](answer["detail"], hint=answer["hint"])
    logger.warning("parser failed", extra={key: str(value) for key, value in answer.items()})
    if failure == "unavailable":
        # Our own installation is broken, not the document: it must not be marked as failed.
        raise UnavailableError("The parser for this type of file could not be loaded.")
    raise ReaderError(answer, filename=filename, memory_mb=memory_mb, timeout_s=timeout_s)


class ReaderError(InvalidError):
    """A document broke its parser or ran into a limit.

    ``is_limit`` tells the two apart; ``place`` names the line of ours that failed, if any.
    """

    def __init__(
        self, answer: dict[str, Any], *, filename: str, memory_mb: int, timeout_s: float
    ) -> None:
        failure = answer["error"]
        simpler = "Split it, or save it again in a simpler form."
        sentences = {
            "timeout": (f"Reading “{filename}” took longer than {timeout_s:g} s.", simpler),
            "memory": (f"Reading “{filename}” needed more than {memory_mb} MB of memory.", simpler),
            "overflow": (f"What “{filename}” holds fills more than 1 GB.", simpler),
        }
        detail, hint = sentences.get(
            failure,
            (
                f"“{filename}” could not be read: its contents are damaged or unusual.",
                "Open it in its own program, save it again and put that in.",
            ),
        )
        super().__init__(detail, hint=hint)
        self.is_limit = failure in sentences
        self.place = f"{answer.get('exception', failure)} {answer.get('place', '')}".strip()


@dataclass(slots=True)
class _Child:
    """A running reader: its process, what it has sent so far, and how much it has done."""

    process: subprocess.Popen[bytes]
    selector: selectors.BaseSelector
    buffer: bytearray = field(default_factory=bytearray)
    documents: int = 0
    resident_mb: int = 0

    @property
    def is_worn(self) -> bool:
        """Whether another document should rather get a fresh process."""
        return (
            self.process.poll() is not None
            or self.documents >= _MOST_DOCUMENTS
            or self.resident_mb > _MOST_RESIDENT_MB
        )

    def ask(
        self, request: dict[str, object], *, timeout_s: float, progress: Progress
    ) -> dict[str, Any]:
        """Send a request and return the final answer, or the child's failure as one."""
        deadline = time.monotonic() + timeout_s
        self.documents += 1
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps(request).encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            return self._ended()
        while True:
            answer = self.next_message(deadline)
            if "progress" not in answer:
                self.resident_mb = int(answer.get("resident_mb", 0))
                return answer
            done, total = answer["progress"]
            progress(done, total)

    def next_message(self, deadline: float) -> dict[str, Any]:
        """Return the next line the child sends; its silence and its death are messages too."""
        assert self.process.stdout is not None
        while b"\n" not in self.buffer:
            left = deadline - time.monotonic()
            if left <= 0 or not self.selector.select(left):
                return {"error": "timeout"}
            if len(self.buffer) > _LONGEST_MESSAGE:
                return {"error": "crash"}
            piece = os.read(self.process.stdout.fileno(), 65536)
            if not piece:
                return self._ended()
            self.buffer += piece
        line, _, rest = self.buffer.partition(b"\n")
        self.buffer = bytearray(rest)
        message: dict[str, Any] = json.loads(line)
        return message

    def end(self) -> None:
        """Kill the process with all it has started, and let go of everything it held."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)  # it leads a session of its own
        except ProcessLookupError:
            self.process.kill()
        self.process.wait()
        self.selector.close()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                try:
                    stream.close()
                except BrokenPipeError:
                    # What was never read by the dead child is of no use to anybody.
                    continue

    def _ended(self) -> dict[str, Any]:
        """Say how the child died: killed and aborted processes were out of memory, mostly."""
        try:
            code = self.process.wait(_FAREWELL_S)
        except subprocess.TimeoutExpired:
            # It closed its output and lives on; whoever gives it back kills it.
            return {"error": "crash"}
        if code == OVERFLOWED:
            return {"error": "overflow"}
        is_memory = code in {-signal.SIGKILL, -signal.SIGABRT}
        return {"error": "memory" if is_memory else "crash", "exit_code": code}


_idle: list[_Child] = []
_lock = threading.Lock()


def _take() -> _Child:
    """Return a warm child that nobody uses, or start one."""
    while True:
        with _lock:
            child = _idle.pop() if _idle else None
        if child is None:
            return _started()
        if not child.is_worn:
            return child
        child.end()


def _give_back(child: _Child, *, is_healthy: bool) -> None:
    if not is_healthy or child.is_worn:
        child.end()
        return
    with _lock:
        _idle.append(child)


def _started() -> _Child:
    """Start a child and wait for its first word.

    Raises UnavailableError when it does not come up.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "shared.ingestion.reader"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=_environment(),
        start_new_session=True,
    )
    assert process.stdout is not None
    selector = selectors.DefaultSelector()
    selector.register(process.stdout, selectors.EVENT_READ)
    child = _Child(process, selector)
    message = child.next_message(time.monotonic() + _START_S)
    if not message.get("ready"):
        child.end()
        raise UnavailableError("The process that reads documents could not be started.")
    return child


def _environment() -> dict[str, str]:
    """Return a child's environment: the loader's variables, offline switches, single threads."""
    environ = os.environ  # noqa: TID251 - only to pass the loader's own variables on
    kept = {name: environ[name] for name in _INHERITED if name in environ}
    return {
        **kept,
        "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry),
        "PYTHONUTF8": "1",
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "TESSDATA_DIR": settings().tessdata_dir,
        "PAGE_IMAGES": str(settings().page_images),
        "DOCLING_ARTIFACTS_PATH": settings().docling_artifacts_path,
        # Every malloc arena reserves address space, which is what is limited.
        "MALLOC_ARENA_MAX": "2",
    }


atexit.register(stop_readers)
