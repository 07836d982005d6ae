"""How long documents take from upload to completed: one at a time, and many at once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from infra.bench.corpus import CorpusFile
from infra.bench.measurement import Measurement, Progress, percentile
from infra.cli.client import path_of
from infra.cli.terminal import number_of
from infra.cli.upload import media_type
from infra.cli.watch import JobWatch, News
from shared.kernel.errors import UnavailableError
from shared.kernel.ids import new_id

if TYPE_CHECKING:
    from infra.cli.client import KontorClient

FOLDER = "bench"
UPLOADS_AT_ONCE = 8
PATIENCE_S = 180.0  # without any news
LOOK_S = 0.5


@dataclass(frozen=True, slots=True)
class Load:
    """What a bulk upload came to."""

    seconds: float
    completed: int
    failed: int
    chunks: int
    size_bytes: int


def measure_intake(
    client: KontorClient, *, documents: int, progress: Progress
) -> list[Measurement]:
    """Measure from the upload's first byte to the last stage, documents one after the other.

    The documents are written here, differ in every run and are removed again.
    """
    times: list[float] = []
    with JobWatch(client) as watch:
        for number in range(documents + 1):
            progress(f"Document {number} of {documents}.")
            content = _agreement(str(new_id()), number).encode()
            began = time.perf_counter()
            job_id = _upload(client, CorpusFile(f"bench-{number}.md", content))
            news = _await(watch, job_id)
            times.append(time.perf_counter() - began)
            client.delete(path_of("documents", news.document_id))
    times = times[1:]  # the first one found every function cold
    note = f"{documents} Markdown files of 40 paragraphs, one at a time, functions warm"
    return [
        Measurement("upload to completed p50", percentile(times, 0.50), "s", note),
        Measurement("upload to completed p95", percentile(times, 0.95), "s", note),
    ]


def measure_bulk(
    client: KontorClient, files: Sequence[CorpusFile], *, origin: str, progress: Progress
) -> list[Measurement]:
    """Upload a corpus and measure how fast all of it becomes searchable."""
    load = load_files(client, files, progress=progress)
    failed = f", {load.failed} failed" if load.failed else ""
    kib = load.size_bytes / len(files) / 1024
    note = f"{len(files)} files of {kib:.0f} KiB, {load.chunks:,} chunks, {origin}{failed}"
    return [
        Measurement("bulk documents", load.completed / load.seconds, "1/s", note),
        Measurement("bulk chunks", load.chunks / load.seconds, "1/s", note),
    ]


def load_files(client: KontorClient, files: Sequence[CorpusFile], *, progress: Progress) -> Load:
    """Upload files, several at once, and wait for the end of all of them.

    Raises UnavailableError when news stay away, or when no file is completed.
    """
    before = count_chunks(client)
    began = time.perf_counter()
    with JobWatch(client) as watch, ThreadPoolExecutor(UPLOADS_AT_ONCE) as pool:
        jobs = list(pool.map(lambda file: _follow(client, watch, file), files))
        ended = _await_all(watch, jobs, progress)
    seconds = time.perf_counter() - began
    completed = sum(news.stage == "completed" for news in ended)
    if not completed:
        raise UnavailableError(f"No file was completed; the first says: {ended[0].detail}")
    return Load(
        seconds=seconds,
        completed=completed,
        failed=len(ended) - completed,
        chunks=count_chunks(client) - before,
        size_bytes=sum(len(file.content) for file in files),
    )


def count_chunks(client: KontorClient) -> int:
    """Count the chunks of all documents of the tenant."""
    documents = client.list_all("/api/v1/documents", limit=100_000)
    return sum(int(number_of(document, "chunk_count")) for document in documents)


def _upload(client: KontorClient, file: CorpusFile) -> str:
    answer = client.call(
        "POST",
        "/api/v1/assets",
        params={"filename": file.name, "folder": FOLDER},
        content=file.content,
        headers={"content-type": media_type(Path(file.name))},
        is_repeatable=True,
    )
    return str(answer["job_id"])


def _follow(client: KontorClient, watch: JobWatch, file: CorpusFile) -> str:
    job_id = _upload(client, file)
    watch.follow(job_id)
    return job_id


def _await(watch: JobWatch, job_id: str) -> News:
    watch.follow(job_id)
    (news,) = _await_all(watch, [job_id], lambda _: None)
    if news.stage != "completed":
        raise UnavailableError(f"A bench document failed: {news.detail}")
    return news


def _await_all(watch: JobWatch, jobs: Sequence[str], progress: Progress) -> list[News]:
    ended: dict[str, News] = {}
    seen: set[News] = set()
    latest_news = time.monotonic()
    while len(ended) < len(jobs):
        news = [found for job in jobs if job not in ended and (found := watch.latest(job))]
        if set(news) - seen:
            latest_news = time.monotonic()
        seen = set(news)
        ended.update({found.job_id: found for found in news if found.is_final})
        progress(f"{len(ended)} of {len(jobs)} documents are searchable.")
        if time.monotonic() - latest_news > PATIENCE_S:
            raise UnavailableError(
                f"No news of {len(jobs) - len(ended)} documents for {PATIENCE_S:.0f} s."
            )
        if len(ended) < len(jobs):
            watch.wait(LOOK_S)
    return [ended[job] for job in jobs]


def _agreement(mark: str, number: int) -> str:
    paragraphs = [
        f"## Section {at}\n\nClause {at} of agreement {mark} obliges the supplier to deliver "
        f"{at + number} units within {at + 3} working days. Verspätete Lieferungen berechtigen "
        f"den Käufer, {at} Prozent des Preises einzubehalten."
        for at in range(1, 41)
    ]
    return f"# Agreement {mark}\n\n" + "\n\n".join(paragraphs) + "\n"
