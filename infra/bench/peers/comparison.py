"""One set, three systems: how well each finds, how fast it takes texts in, how fast it answers.

The systems take turns, so none works while another is measured, and they take turns again in every
further round: what counts is the median. Kontor's texts are cut, embedded and indexed by the
product's own functions over an embedded server; the others keep their index in files, as they do
by default. Starting, loading the model and one warm-up do not count for anybody. Rankings are
a hundred hits deep; times are those of ten hits, which is what people and programs ask for.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from infra.bench.judged import JudgedQuery, JudgedSet, spread
from infra.bench.measurement import Progress, percentile
from infra.bench.processes import tree_cpu_s
from infra.bench.retrieval import Searcher
from infra.bench.scratch import open_library
from shared.adapters.database import Database
from shared.evaluation.measures import ndcg
from shared.inference.embedding import Embedder
from shared.ingestion.preferences import ReadingSettings
from shared.kernel.errors import UnavailableError
from shared.kernel.settings import settings
from shared.search import service as search

SCRIPT = Path(__file__).with_name("contender.py")
PEERS = ("txtai", "langchain")
DEPTH, ASKED = 100, 10
TIMED_QUERIES = 100
FASTER_INGEST, FASTER_QUERY = 3.0, 2.0
_PATIENCE_S = 3600


@dataclass(frozen=True, slots=True)
class Standing:
    """What one system reached on one set; ``texts_per_s`` counts the set's texts.

    CPU time is all threads' and, for us, the database server's too: unlike the clock's, it does
    not depend on what else the machine does. ``read_share`` of the tokens that are given to the
    model are read by it: what is longer than its 256 it cuts, which saves time and loses words.
    """

    set: str
    system: str
    version: str
    ndcg: Mapping[str, float]
    texts_per_s: float
    query_p50_ms: float
    query_p95_ms: float
    text_cpu_ms: float = float("nan")
    query_cpu_ms: float = float("nan")
    read_share: float = 1.0

    @property
    def mean_ndcg(self) -> float:
        """nDCG@10 over all queries."""
        return sum(self.ndcg.values()) / len(self.ndcg)


@dataclass(frozen=True, slots=True)
class Ratios:
    """How often Kontor's time fits into another system's, by the clock and by the processor."""

    system: str
    ingest: float
    ingest_cpu: float
    query: float
    query_cpu: float


@dataclass(frozen=True, slots=True)
class Peers:
    """Where the other systems are: a Python that has them, and the model they load."""

    python: Path
    model_folder: Path
    surroundings: Mapping[str, str]


def compare(
    judged: JudgedSet, *, embedder: Embedder, peers: Peers, rounds: int, progress: Progress
) -> list[Standing]:
    """Measure Kontor and each peer in turns; Kontor's standing comes first.

    Only the first round ranks: rankings do not change. Raises UnavailableError when a peer does
    not run.
    """
    found: dict[str, list[Standing]] = {name: [] for name in ("kontor", *PEERS)}
    for number in range(rounds):
        queries = judged.queries if number == 0 else ()
        of = f", round {number + 1} of {rounds}" if rounds > 1 else ""
        progress(f"{judged.name}{of}: Kontor.")
        found["kontor"].append(
            measure_kontor(judged, queries, embedder=embedder, progress=progress)
        )
        for name in PEERS:
            progress(f"{judged.name}{of}: {name}.")
            found[name].append(measure_peer(name, judged, queries, peers=peers))
    return [_median(each) for each in found.values()]


def measure_kontor(
    judged: JudgedSet, queries: Sequence[JudgedQuery], *, embedder: Embedder, progress: Progress
) -> Standing:
    """Fill a library of its own, never one that is there, and search it."""
    from importlib.metadata import version

    config = settings()
    reading = ReadingSettings(chunk_tokens=config.chunk_tokens)
    embedder.embed_question("warm up")
    with (
        tempfile.TemporaryDirectory(prefix="kb-", ignore_cleanup_errors=True) as folder,
        open_library(
            Path(folder), judged.texts, embedder=embedder, settings=reading, progress=progress
        ) as library,
    ):
        database = Database(library.database_url)
        searcher = Searcher(database, embedder, search.ranking(config), library.text_of)
        try:
            rankings = {query.id: searcher.find(query.text, k=DEPTH) for query in queries}
            times: list[float] = []
            searcher.find("warm up", k=ASKED)
            cpu_began = tree_cpu_s(os.getpid())
            for query in spread(judged.queries, TIMED_QUERIES):
                began = time.perf_counter()
                searcher.find(query.text, k=ASKED)
                times.append((time.perf_counter() - began) * 1000)
            query_cpu_s = tree_cpu_s(os.getpid()) - cpu_began
        finally:
            database.close()
    filling = library.filling
    return _standing(
        judged,
        "kontor",
        version=version("kontor"),
        rankings=rankings,
        times=times,
        seconds=filling.seconds,
        cpu_s=(filling.cpu_s, query_cpu_s),
    )


def measure_peer(
    name: str, judged: JudgedSet, queries: Sequence[JudgedQuery], *, peers: Peers
) -> Standing:
    """Let a peer do the same in a process of its own."""
    texts = [(text.id, f"{text.title}\n\n{text.text}".strip()) for text in judged.texts]
    job = {
        "texts": [pair for pair in texts if pair[1]],
        "queries": [(query.id, query.text) for query in queries],
        "timed": [query.text for query in spread(judged.queries, TIMED_QUERIES)],
    }
    with tempfile.TemporaryDirectory(prefix="kb-") as store:
        offline = {"HF_HUB_OFFLINE": "1", "ANONYMIZED_TELEMETRY": "False"}
        done = subprocess.run(  # noqa: S603 - the Python that the caller named
            [peers.python, SCRIPT, name, peers.model_folder, f"{store}/index"],
            input=json.dumps(job) + "\n",
            capture_output=True,
            text=True,
            check=False,
            timeout=_PATIENCE_S,
            env={**peers.surroundings, **offline},
        )
    lines = done.stdout.strip().splitlines()
    if done.returncode != 0 or not lines:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise UnavailableError(f"{name} does not run: {last}", hint="Run `make bench-peers`.")
    body = json.loads(lines[-1])
    return _standing(
        judged,
        name,
        version=body["version"],
        rankings=body["rankings"],
        times=body["ms"],
        seconds=body["seconds"],
        cpu_s=(body["cpu_s"], body["query_cpu_s"]),
        read_share=body["read"],
    )


def ratios(standings: Sequence[Standing]) -> list[Ratios]:
    """Compare Kontor, which stands first, with each of the others."""
    ours, *others = standings
    return [
        Ratios(
            system=other.system,
            ingest=ours.texts_per_s / other.texts_per_s,
            ingest_cpu=other.text_cpu_ms / ours.text_cpu_ms,
            query=other.query_p50_ms / ours.query_p50_ms,
            query_cpu=other.query_cpu_ms / ours.query_cpu_ms,
        )
        for other in others
    ]


def verdicts(standings: Sequence[Standing]) -> list[str]:
    """Say for each goal whether Kontor, which stands first, reached it; empty when it did."""
    ours, *others = standings
    missed = []
    for other, ratio in zip(others, ratios(standings), strict=True):
        if ours.mean_ndcg <= other.mean_ndcg:
            missed.append(f"nDCG@10 {ours.mean_ndcg:.4f}, {other.system} {other.mean_ndcg:.4f}")
        if ratio.ingest < FASTER_INGEST:
            missed.append(
                f"takes in {ratio.ingest:.1f} times as many texts as {other.system} "
                f"({ratio.ingest_cpu:.1f} by the processor), goal {FASTER_INGEST:.0f}"
            )
        if ratio.query < FASTER_QUERY:
            missed.append(
                f"answers {ratio.query:.1f} times as fast as {other.system} "
                f"({ratio.query_cpu:.1f} by the processor), goal {FASTER_QUERY:.0f}"
            )
    return missed


def _median(rounds: Sequence[Standing]) -> Standing:
    """Return the first round's ranking with the middle of every round's times."""
    return replace(
        rounds[0],
        texts_per_s=median(each.texts_per_s for each in rounds),
        query_p50_ms=median(each.query_p50_ms for each in rounds),
        query_p95_ms=median(each.query_p95_ms for each in rounds),
        text_cpu_ms=median(each.text_cpu_ms for each in rounds),
        query_cpu_ms=median(each.query_cpu_ms for each in rounds),
    )


def _standing(
    judged: JudgedSet,
    system: str,
    *,
    version: str,
    rankings: Mapping[str, Sequence[str]],
    times: Sequence[float],
    seconds: float,
    cpu_s: tuple[float, float],
    read_share: float = 1.0,
) -> Standing:
    return Standing(
        set=judged.name,
        system=system,
        version=version,
        ndcg={
            query.id: ndcg(rankings.get(query.id, ()), query.grades, 10) for query in judged.queries
        },
        texts_per_s=len(judged.texts) / seconds,
        query_p50_ms=percentile(times, 0.5),
        query_p95_ms=percentile(times, 0.95),
        text_cpu_ms=1000 * cpu_s[0] / len(judged.texts),
        query_cpu_ms=1000 * cpu_s[1] / len(times),
        read_share=read_share,
    )
