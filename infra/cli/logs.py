"""Logs of a local server: its own into a file, warnings onto the terminal; the functions' too."""

from __future__ import annotations

import json
import logging
import sys
from logging.handlers import RotatingFileHandler
from pathlib import Path

from infra.cli.terminal import clean

RUNTIME_LOG = "runtime.log"
MAX_BYTES = 16 * 1024 * 1024
LONGEST_READ = 256 * 1024


def log_to_file(data: Path) -> None:
    """Write everything from INFO to ``<data>/logs/runtime.log``, warnings to standard error too.

    Raises UnavailableError when the folder cannot be written.
    """
    from infra.local.locks import explain_disk
    from shared.adapters.telemetry import JsonFormatter

    folder = data / "logs"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = RotatingFileHandler(
            folder / RUNTIME_LOG, maxBytes=MAX_BYTES, backupCount=1, encoding="utf-8"
        )
    except OSError as error:
        raise explain_disk(folder, error) from error
    file.setFormatter(JsonFormatter())
    terminal = logging.StreamHandler(sys.stderr)
    terminal.setLevel(logging.WARNING)
    terminal.setFormatter(LineFormatter())
    root = logging.getLogger()
    root.handlers[:] = [file, terminal]
    root.setLevel(logging.INFO)
    for chatty in ("botocore", "boto3", "urllib3", "httpx", "werkzeug"):
        logging.getLogger(chatty).setLevel(logging.ERROR)
    # The emulator logs every workflow that ends in its Fail state, which is no trouble of ours.
    logging.getLogger("moto").setLevel(logging.CRITICAL)


class LineFormatter(logging.Formatter):
    """A record as one line for people: level, message, then its fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Render without control characters; a traceback stays in the file."""
        from shared.adapters.telemetry import JsonFormatter

        known = {"at", "level", "logger", "message", "exception"}
        body = json.loads(JsonFormatter().format(record))
        return line_of(body, [name for name in body if name not in known])


def line_of(body: dict[str, object], names: list[str]) -> str:
    """Write a JSON log line for people."""
    said = " ".join(f"{name}={body[name]}" for name in names)
    return clean(f"{str(body.get('level', '')).lower()}: {body.get('message', '')} {said}".rstrip())


class LogFollower:
    """Prints what the functions write into their log files from now on."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read = {path: path.stat().st_size for path in folder.glob("*.log")}

    def print_new(self) -> None:
        """Print the lines that came since the last call, each after its function's name."""
        for path in sorted(self._folder.glob("*.log")):
            for line in self._new_lines(path):
                sys.stdout.write(f"{path.stem} | {clean(line)}\n")
        sys.stdout.flush()

    def _new_lines(self, path: Path) -> list[str]:
        size = path.stat().st_size
        start = self._read.get(path, 0)
        if size < start:  # it was cut because it had grown too long
            start = 0
        if size == start:
            return []
        with path.open("rb") as stream:
            stream.seek(start)
            chunk = stream.read(LONGEST_READ)
        whole = chunk[: chunk.rfind(b"\n") + 1] or (chunk if len(chunk) == LONGEST_READ else b"")
        self._read[path] = start + len(whole)
        return whole.decode(errors="replace").splitlines()
