"""How long searches and answers take over HTTP, as a client sees them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from infra.bench.measurement import Measurement, percentile
from infra.cli.answers import stream_answer
from infra.cli.terminal import number_of

if TYPE_CHECKING:
    from infra.cli.client import KontorClient

WARM_UP_CALLS = 4  # for each client: environments start when they are needed at the same time
SEARCH_P95_MS = 40.0


class Stopwatch:
    """Collects spans of milliseconds from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.spans: list[float] = []

    def add(self, milliseconds: float) -> None:
        """Add one span."""
        with self._lock:
            self.spans.append(milliseconds)


def measure_calls(
    name: str, call: Callable[[int], object], *, calls: int, clients: int, at_most: float | None
) -> list[Measurement]:
    """Make ``calls`` calls from ``clients`` threads and report p50, p95 and calls per second."""

    def timed(at: int) -> float:
        began = time.perf_counter()
        call(at)
        return (time.perf_counter() - began) * 1000

    with ThreadPoolExecutor(clients) as pool:
        began = time.perf_counter()
        times = list(pool.map(timed, range(calls)))
        seconds = time.perf_counter() - began
    note = f"{calls} calls"
    return [
        Measurement(f"{name} p50", percentile(times, 0.50), "ms", note),
        Measurement(f"{name} p95", percentile(times, 0.95), "ms", note, at_most),
        Measurement(f"{name} rate", calls / seconds, "1/s", note),
    ]


def measure_search(
    client: KontorClient, questions: Sequence[str], *, calls: int, clients: int
) -> list[Measurement]:
    """Measure search over HTTP, embedding of the query included."""
    inside = Stopwatch()

    def call(at: int) -> None:
        query = questions[at % len(questions)]
        found = client.post("/api/v1/search", {"query": query, "k": 10}, is_repeatable=True)
        inside.add(number_of(found, "took_ms"))

    _warm_up(call, clients)
    inside.spans.clear()
    name = _named("search", clients)
    at_most = SEARCH_P95_MS if clients == 1 else None
    found = measure_calls(name, call, calls=calls, clients=clients, at_most=at_most)
    note = "of it embedding, SQL and highlights, by the function's own clock"
    return [*found, Measurement(f"{name} inside p50", percentile(inside.spans, 0.5), "ms", note)]


def measure_asking(
    client: KontorClient, questions: Sequence[str], *, calls: int, clients: int
) -> list[Measurement]:
    """Measure whole answers over the stream, and how long the first word takes."""
    first = Stopwatch()

    def call(at: int) -> None:
        began = time.perf_counter()
        pieces = stream_answer(client, {"question": questions[at % len(questions)]})
        next(pieces)
        first.add((time.perf_counter() - began) * 1000)
        for _ in pieces:
            continue

    _warm_up(call, clients)
    first.spans.clear()
    name = _named("ask", clients)
    found = measure_calls(name, call, calls=calls, clients=clients, at_most=None)
    note = "the first piece of the streamed answer"
    return [*found, Measurement(f"{name} first word p50", percentile(first.spans, 0.5), "ms", note)]


def _warm_up(call: Callable[[int], object], clients: int) -> None:
    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(call, range(WARM_UP_CALLS * clients)))


def _named(what: str, clients: int) -> str:
    return f"{what}, {clients} client{'s' if clients > 1 else ''},"
