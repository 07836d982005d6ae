"""The child process in which documents are parsed, one after another, until its parent goes away.

Started by ``shared.ingestion.isolation`` as ``python -m shared.ingestion.reader``. It takes one
JSON request per line on its input, answers with JSON lines, and puts each result in a file.
Parsers are loaded when their format first appears; whatever they print goes to the error output.
"""

from __future__ import annotations

import errno
import json
import os
import resource
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TextIO, TypedDict

from shared.files.hazards import hazards
from shared.files.limits import (
    LARGEST_FILE,
    LARGEST_FOLDER,
    LARGEST_RESULT,
    MOST_FILES,
    OVERFLOWED,
    measure,
)
from shared.ingestion.model import ParsedDocument
from shared.ingestion.parsers.port import Source, options_from_json
from shared.ingestion.parsers.registry import parser_for
from shared.ingestion.serialization import document_to_json
from shared.kernel.errors import InvalidError, KontorError, TooLargeError

_PARENT_CHECK_S = 1.0
_FOLDER_CHECK_S = 0.5
_OWN_CODE = str(Path(__file__).parents[1])


class Request(TypedDict):
    """One document to read, as the parent asks for it."""

    path: str
    media_type: str
    filename: str
    result: str
    files: str
    options: dict[str, object]
    memory_mb: int


def main() -> None:
    """Serve requests until the input ends."""
    answers = _private_output()
    _restrain()
    threading.Thread(target=_leave_with_parent, args=(os.getppid(),), daemon=True).start()
    _say(answers, {"ready": True})
    for line in sys.stdin:
        _say(answers, _answer(json.loads(line), answers))


def _answer(request: Request, answers: TextIO) -> dict[str, object]:
    """Read one document; every failure becomes an answer, none ends the process."""
    try:
        with _limited(request["memory_mb"]):
            with _counted(Path(request["files"])):
                document = parser_for(request["media_type"]).parse(_source(request, answers))
            document = _warned(document, request)
            _leave(document, request)
    except Exception as error:  # noqa: BLE001 - the edge of this process: report, never die
        return _failure(error, request["filename"])
    return {"done": True, "resident_mb": _resident_mb()}


def _failure(error: Exception, filename: str) -> dict[str, object]:
    """Describe a failure; a parser's own words travel whole, others by their place only."""
    known = _known_failure(error, filename)
    if known is not None:
        return {"error": known.code, "detail": known.detail, "hint": known.hint}
    if isinstance(error, MemoryError):
        return {"error": "memory"}
    kind = "unavailable" if isinstance(error, ImportError) else "unexpected"
    return {"error": kind, "exception": type(error).__name__, "place": _place(error)}


def _known_failure(error: Exception, filename: str) -> KontorError | None:
    """Return the failures that say something about the document; None for all others."""
    if isinstance(error, KontorError):
        return error
    if isinstance(error, RecursionError):
        return InvalidError(f"“{filename}” is nested too deeply to be read.", hint="Simplify it.")
    if isinstance(error, OSError) and error.errno == errno.EFBIG:
        return TooLargeError(
            f"What “{filename}” unpacks to is larger than 512 MB.", hint="Split it into several."
        )
    return None


def _warned(document: ParsedDocument, request: Request) -> ParsedDocument:
    """Add to a document's warnings what its file would have done in other programs."""
    found = hazards(Path(request["path"]), request["media_type"])
    return replace(document, warnings=tuple(dict.fromkeys((*document.warnings, *found))))


def _leave(document: ParsedDocument, request: Request) -> None:
    """Write the result, bounded: the parent takes it into memory."""
    text = document_to_json(document)
    if len(text) > LARGEST_RESULT:
        raise TooLargeError(
            f"“{request['filename']}” holds more text than one document may.",
            hint="Split it into several.",
        )
    Path(request["result"]).write_text(text, encoding="utf-8")


@contextmanager
def _counted(folder: Path) -> Iterator[None]:
    """End this process when what is taken out of the document fills the disk meanwhile."""
    done = threading.Event()

    def watch() -> None:
        while not done.wait(_FOLDER_CHECK_S):
            if measure(folder)[1] > LARGEST_FOLDER:
                os._exit(OVERFLOWED)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()
    count, size = measure(folder)
    if count > MOST_FILES or size > LARGEST_FOLDER:
        raise TooLargeError(
            "The file holds more pictures and attachments than one document may.",
            hint="Split it into several.",
        )


def _source(request: Request, answers: TextIO) -> Source:
    return Source(
        path=Path(request["path"]),
        media_type=request["media_type"],
        filename=request["filename"],
        files=Path(request["files"]),
        options=options_from_json(request["options"]),
        progress=lambda done, total: _say(answers, {"progress": [done, total]}),
    )


def _restrain() -> None:
    """Give up what no parser needs: core dumps, and files larger than the largest result."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE, LARGEST_FILE))
    # Past the limit writing fails with EFBIG instead of ending the process.
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    sys.addaudithook(_stay_offline)


def _stay_offline(event: str, values: tuple[object, ...]) -> None:
    """Refuse every connection but those to a file on this machine: documents fetch nothing.

    Libraries see a network that is not there. Native code is not held by this; its XML parsers
    are told not to fetch by themselves.
    """
    if event in {"socket.getaddrinfo", "socket.gethostbyname"}:
        raise PermissionError(errno.EACCES, "a reader has no network")
    if event in {"socket.connect", "socket.sendto"} and not isinstance(values[-1], str | bytes):
        raise PermissionError(errno.EACCES, "a reader has no network")


@contextmanager
def _limited(memory_mb: int) -> Iterator[None]:
    """Let the address space grow by so much and no more while the block runs."""
    unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    ceiling = _mapped_bytes() + memory_mb * 1024 * 1024
    resource.setrlimit(resource.RLIMIT_AS, (ceiling, resource.RLIM_INFINITY))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, unlimited)


def _mapped_bytes() -> int:
    """Return the size of this process's address space (proc(5), statm)."""
    return int(_statm()[0]) * resource.getpagesize()


def _resident_mb() -> int:
    return int(_statm()[1]) * resource.getpagesize() // (1024 * 1024)


def _statm() -> list[str]:
    statm = Path("/proc/self/statm")
    # Without procfs (macOS) the address space is not limited either; the timeout still holds.
    return statm.read_text(encoding="ascii").split() if statm.exists() else ["0", "0"]


def _place(error: BaseException) -> str:
    """Return file and line of our own innermost frame: no values, no text of the document."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename.startswith(_OWN_CODE)] or frames
    return f"{Path(own[-1].filename).name}:{own[-1].lineno}" if own else ""


def _private_output() -> TextIO:
    """Keep the real output for answers and send everyone's prints to the error output."""
    kept = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return kept


def _say(answers: TextIO, message: dict[str, object]) -> None:
    answers.write(json.dumps(message) + "\n")
    answers.flush()


def _leave_with_parent(parent: int) -> None:
    """End this process when the one that started it is gone, busy or not."""
    waiting = threading.Event()
    while os.getppid() == parent:
        waiting.wait(_PARENT_CHECK_S)
    os._exit(0)


if __name__ == "__main__":
    main()
