"""Memory for giant documents and for many small ones: peaks of the worker and of its reader.

A giant is read as the parse step does it, in a process of its own, so that its peak is nobody
else's: ``python -m infra.bench.giants FILE MEDIA_TYPE MODEL_DIR`` prints what it took as JSON.
"""

from __future__ import annotations

import gzip
import json
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from infra.bench.corpus import CorpusFile
from infra.bench.giant_files import write_docx, write_pdf
from infra.bench.intake import load_files
from infra.bench.measurement import Measurement, Progress
from infra.bench.processes import KIB, Process, read_tree
from shared.kernel.errors import KontorError, UnavailableError

if TYPE_CHECKING:
    from infra.cli.client import KontorClient

PAGES = 800
SMALL_FILES = 1000
MODEL = "all-MiniLM-L6-v2"
CHUNK_TOKENS = 224
MEMORY_MB, TIMEOUT_S = 2048, 600
SAMPLE_S = 0.25
MOST_WORKER_MIB, MOST_READER_MIB = 400.0, 1024.0
MODULE = "infra.bench.giants"
READER = "shared.ingestion.reader"


@dataclass(frozen=True, slots=True)
class Giant:
    """A kind of giant document and who writes it."""

    name: str
    suffix: str
    media_type: str
    write: Callable[[Path, int], None]


GIANTS = (
    Giant(
        "docx",
        ".docx",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        write_docx,
    ),
    Giant("pdf", ".pdf", "application/pdf", write_pdf),
)


@dataclass(frozen=True, slots=True)
class Reading:
    """What reading one file took: peaks of resident memory, time, and what came out."""

    worker_mib: float
    reader_mib: float
    seconds: float
    chunks: int
    characters: int


def read_giant(giant: Giant, pages: int, *, model_dir: Path) -> Reading:
    """Write a giant and read it in a fresh worker.

    Raises UnavailableError with the worker's own words when it cannot be read.
    """
    with tempfile.TemporaryDirectory(prefix="kg-") as folder:
        path = Path(folder) / f"giant{giant.suffix}"
        giant.write(path, pages)
        done = subprocess.run(  # noqa: S603 - this very module
            [sys.executable, "-m", MODULE, str(path), giant.media_type, str(model_dir)],
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        words = done.stderr.strip().splitlines() or ["it said nothing"]
        raise UnavailableError(f"The {pages}-page {giant.name} cannot be read: {words[-1]}")
    return Reading(**json.loads(done.stdout))


def measure_giants(*, model_dir: Path, progress: Progress, pages: int = PAGES) -> list[Measurement]:
    """Measure the peaks of worker and reader over each giant."""
    found = []
    for giant in GIANTS:
        progress(f"Reading {pages} pages of {giant.name}.")
        took = read_giant(giant, pages, model_dir=model_dir)
        note = f"{pages} pages, {took.chunks:,} chunks, {took.seconds:.0f} s"
        found += [
            Measurement(
                f"{giant.name} worker peak RSS", took.worker_mib, "MiB", note, MOST_WORKER_MIB
            ),
            Measurement(
                f"{giant.name} reader peak RSS", took.reader_mib, "MiB", note, MOST_READER_MIB
            ),
        ]
    return found


def measure_many(
    client: KontorClient, server_id: int, *, progress: Progress, count: int = SMALL_FILES
) -> list[Measurement]:
    """Put many small files through the whole pipeline and measure each kind of process's peak."""
    with PeakSampler(server_id) as peaks:
        load = load_files(client, small_files(count), progress=progress)
    note = f"{load.completed} small files completed in {load.seconds:.0f} s, largest process"
    return [
        Measurement(f"{kind} peak RSS, {count} files", mib, "MiB", note)
        for kind, mib in sorted(peaks.mib.items())
    ]


def small_files(count: int) -> Sequence[CorpusFile]:
    """Write so many different notes."""
    return [
        CorpusFile(
            f"note-{number:04}.md",
            f"# Note {number}\n\nParcel {number} left depot {number % 17} on day {number % 365}. "
            f"Shelf {number * 7 % 911} is to be counted again.\n".encode(),
        )
        for number in range(count)
    ]


class PeakSampler:
    """Watches a tree of processes and keeps the largest resident size of each kind."""

    def __init__(self, root_id: int) -> None:
        self.mib: dict[str, float] = {}
        self._root_id = root_id
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="peaks", daemon=True)

    def __enter__(self) -> PeakSampler:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(SAMPLE_S):
            try:
                tree = read_tree(self._root_id)
            except KontorError:
                return  # the server has ended; so has what is measured
            for process in tree:
                kind, mib = _kind(process), process.rss_bytes / KIB / KIB
                self.mib[kind] = max(mib, self.mib.get(kind, 0.0))


def _kind(process: Process) -> str:
    """Say what a process is, readers apart from everything else that is no function."""
    try:
        words = Path(f"/proc/{process.id}/cmdline").read_bytes().decode("utf-8", "replace")
    except OSError:
        return process.kind
    return "reader" if READER in words.split("\0") else process.kind


def _read(path: Path, media_type: str, model_dir: Path) -> Reading:
    """Do what the parse step does with a file, but for storage and database."""
    from shared.inference.registry import open_tokenizer
    from shared.ingestion.chunking import chunk
    from shared.ingestion.isolation import parse_isolated, stop_readers
    from shared.ingestion.parsers.port import Source
    from shared.ingestion.serialization import chunks_to_json, document_to_json

    began = time.monotonic()
    files = path.parent / "files"
    files.mkdir()
    source = Source(path=path, media_type=media_type, filename=path.name, files=files)
    document = parse_isolated(source, memory_mb=MEMORY_MB, timeout_s=TIMEOUT_S)
    stop_readers()
    count = open_tokenizer(str(model_dir), MODEL).count_tokens
    chunks = chunk(document, count_tokens=count, max_tokens=CHUNK_TOKENS)
    for text in (document_to_json(document), chunks_to_json(chunks)):
        gzip.compress(text.encode(), compresslevel=5, mtime=0)
    return Reading(
        worker_mib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KIB,
        reader_mib=resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / KIB,
        seconds=time.monotonic() - began,
        chunks=len(chunks),
        characters=len(document.text),
    )


def main(path: str, media_type: str, model_dir: str) -> None:
    """Read one file and print what that took."""
    sys.stdout.write(json.dumps(asdict(_read(Path(path), media_type, Path(model_dir)))))


if __name__ == "__main__":
    main(*sys.argv[1:])
