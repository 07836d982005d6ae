"""What `kontor bench` measures as a client: how long the server's answers take, and how steadily.

Every number names its unit. A percentile is the smallest value that is not exceeded by that share
of the calls (nearest rank), so it is always a time that really occurred.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.kernel.errors import InvalidError, UnavailableError

if TYPE_CHECKING:
    from infra.cli.client import KontorClient
    from infra.cli.watch import JobWatch

WARM_UP_CALLS = 3
QUESTIONS = (
    "Wie lange ist die Kündigungsfrist?",
    "Which documents must be kept, and for how long?",
    "Wer haftet für den entstandenen Schaden?",
    "When does the contract end?",
    "Welche Unterlagen sind dem Antrag beizufügen?",
    "What is the warranty period?",
    "Wann verjährt der Anspruch?",
    "Who is responsible for data protection?",
)


@dataclass(frozen=True, slots=True)
class Measurement:
    """One number with its unit; ``note`` says under which circumstances."""

    name: str
    value: float
    unit: str
    note: str = ""


def percentile(values: Sequence[float], share: float) -> float:
    """Return the nearest-rank percentile; ``share`` is between 0 and 1.

    Raises InvalidError without values.
    """
    if not values:
        raise InvalidError("There is nothing to take a percentile of.")
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def measure_calls(
    name: str, call: Callable[[int], object], *, calls: int, clients: int
) -> list[Measurement]:
    """Make ``calls`` calls from ``clients`` threads and report p50, p95 and calls per second."""
    for at in range(WARM_UP_CALLS):
        call(at)

    def timed(at: int) -> float:
        began = time.perf_counter()
        call(at)
        return (time.perf_counter() - began) * 1000

    began = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        times = list(pool.map(timed, range(calls)))
    seconds = time.perf_counter() - began
    note = f"{clients} client{'s' if clients > 1 else ''}, {calls} calls"
    return [
        Measurement(f"{name} p50", percentile(times, 0.50), "ms", note),
        Measurement(f"{name} p95", percentile(times, 0.95), "ms", note),
        Measurement(f"{name} rate", calls / seconds, "1/s", note),
    ]


def measure_search(client: KontorClient, *, calls: int, clients: int) -> list[Measurement]:
    """Measure search over HTTP, embedding of the query included."""

    def call(at: int) -> object:
        query = QUESTIONS[at % len(QUESTIONS)]
        return client.post("/api/v1/search", {"query": query, "k": 10}, is_repeatable=True)

    return measure_calls("search", call, calls=calls, clients=clients)


def measure_asking(client: KontorClient, *, calls: int, clients: int) -> list[Measurement]:
    """Measure whole answers over the stream, and how long the first word takes."""
    from infra.cli.answers import stream_answer

    first: list[float] = []

    def call(at: int) -> object:
        began = time.perf_counter()
        pieces = stream_answer(client, {"question": QUESTIONS[at % len(QUESTIONS)]})
        answer, _ = next(pieces)
        first.append((time.perf_counter() - began) * 1000)
        for answer, _ in pieces:  # noqa: B007 - the last one is the whole
            pass
        return answer

    found = measure_calls("ask", call, calls=calls, clients=clients)
    note = f"{clients} client{'s' if clients > 1 else ''}, {calls} calls"
    measured = first[WARM_UP_CALLS:]
    return [*found, Measurement("first word p50", percentile(measured, 0.5), "ms", note)]


def measure_ingest(client: KontorClient, *, documents: int) -> list[Measurement]:
    """Measure from the upload's first byte to the last stage, documents one after the other.

    The documents are written here, differ in every run and are removed again.
    """
    from infra.cli.client import path_of
    from infra.cli.watch import JobWatch
    from shared.kernel.ids import new_id

    times: list[float] = []
    with JobWatch(client) as watch:
        for number in range(documents):
            text = _document(str(new_id()), number)
            began = time.perf_counter()
            answer = client.call(
                "POST",
                "/api/v1/assets",
                params={"filename": f"bench-{number}.md", "folder": "bench"},
                content=text.encode(),
                headers={"content-type": "text/markdown"},
            )
            document_id = _await_job(watch, str(answer["job_id"]))
            times.append(time.perf_counter() - began)
            client.delete(path_of("documents", document_id))
    note = f"{documents} Markdown documents of 40 paragraphs, one at a time"
    return [
        Measurement("upload to completed p50", percentile(times, 0.5), "s", note),
        Measurement("upload to completed max", max(times), "s", note),
    ]


def _await_job(watch: JobWatch, job_id: str, *, patience_s: float = 120.0) -> str:
    watch.follow(job_id)
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        news = watch.latest(job_id)
        if news is not None and news.is_final:
            if news.stage == "failed":
                raise UnavailableError(f"A bench document failed: {news.detail}")
            return news.document_id
        watch.wait(0.5)
    raise UnavailableError(
        f"A bench document was not done after {patience_s:.0f} s.", hint="See `kontor ls`."
    )


def _document(mark: str, number: int) -> str:
    paragraphs = [
        f"## Section {at}\n\nClause {at} of agreement {mark} obliges the supplier to deliver "
        f"{at + number} units within {at + 3} working days. Verspätete Lieferungen berechtigen "
        f"den Käufer, {at} Prozent des Preises einzubehalten."
        for at in range(1, 41)
    ]
    return f"# Agreement {mark}\n\n" + "\n\n".join(paragraphs) + "\n"
