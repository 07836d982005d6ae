"""One set, three systems: how well each finds, how fast it takes texts in, how fast it answers.

The systems take turns, so none works while another is measured. Kontor's texts are cut, embedded
and indexed by the product's own functions over an embedded server; the others keep their index in
files, as they do by default. Starting, loading the model and one warm-up do not count for anybody.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.bench.judged import JudgedSet
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
DEPTH = 100
FASTER_INGEST, FASTER_QUERY = 3.0, 2.0
_PATIENCE_S = 3600


@dataclass(frozen=True, slots=True)
class Standing:
    """What one system reached on one set; ``texts_per_s`` counts the set's texts.

    CPU time is all threads' and, for us, the database server's too: unlike the clock's, it does
    not depend on what else the machine does.
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

    @property
    def mean_ndcg(self) -> float:
        """nDCG@10 over all queries."""
        return sum(self.ndcg.values()) / len(self.ndcg)


def compare(
    judged: JudgedSet,
    *,
    embedder: Embedder,
    peer_python: Path,
    model_folder: Path,
    surroundings: Mapping[str, str],
    progress: Progress,
) -> list[Standing]:
    """Measure Kontor and then each peer; Kontor's standing comes first.

    Raises UnavailableError when a peer does not run.
    """
    progress(f"{judged.name}: Kontor.")
    found = [measure_kontor(judged, embedder=embedder, progress=progress)]
    for name in PEERS:
        progress(f"{judged.name}: {name}.")
        found.append(
            measure_peer(
                name,
                judged,
                peer_python=peer_python,
                model_folder=model_folder,
                surroundings=surroundings,
            )
        )
    return found


def measure_kontor(judged: JudgedSet, *, embedder: Embedder, progress: Progress) -> Standing:
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
            searcher.find("warm up", k=DEPTH)
            rankings: dict[str, list[str]] = {}
            times: list[float] = []
            cpu_began = tree_cpu_s(os.getpid())
            for query in judged.queries:
                began = time.perf_counter()
                rankings[query.id] = searcher.find(query.text, k=DEPTH)
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
        seconds=filling.cut_s + filling.embed_s + filling.index_s,
        cpu_s=(filling.cpu_s, query_cpu_s),
    )


def measure_peer(
    name: str,
    judged: JudgedSet,
    *,
    peer_python: Path,
    model_folder: Path,
    surroundings: Mapping[str, str],
) -> Standing:
    """Let a peer do the same in a process of its own."""
    texts = [(text.id, f"{text.title}\n\n{text.text}".strip()) for text in judged.texts]
    job = {
        "texts": [pair for pair in texts if pair[1]],
        "queries": [(query.id, query.text) for query in judged.queries],
    }
    with tempfile.TemporaryDirectory(prefix="kb-") as store:
        offline = {"HF_HUB_OFFLINE": "1", "ANONYMIZED_TELEMETRY": "False"}
        done = subprocess.run(  # noqa: S603 - the Python that the caller named
            [peer_python, SCRIPT, name, model_folder, f"{store}/index"],
            input=json.dumps(job) + "\n",
            capture_output=True,
            text=True,
            check=False,
            timeout=_PATIENCE_S,
            env={**surroundings, **offline},
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
    )


def verdicts(standings: Sequence[Standing]) -> list[str]:
    """Say for each goal whether Kontor, which stands first, reached it; empty when it did."""
    ours, *others = standings
    missed = []
    for other in others:
        if ours.mean_ndcg <= other.mean_ndcg:
            missed.append(f"nDCG@10 {ours.mean_ndcg:.4f}, {other.system} {other.mean_ndcg:.4f}")
        ingest = ours.texts_per_s / other.texts_per_s
        if ingest < FASTER_INGEST:
            missed.append(f"takes in {ingest:.1f} times as many texts as {other.system}, goal 3")
        query = other.query_p50_ms / ours.query_p50_ms
        if query < FASTER_QUERY:
            missed.append(f"answers {query:.1f} times as fast as {other.system}, goal 2")
    return missed


def _standing(
    judged: JudgedSet,
    system: str,
    *,
    version: str,
    rankings: Mapping[str, Sequence[str]],
    times: Sequence[float],
    seconds: float,
    cpu_s: tuple[float, float],
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
        query_cpu_ms=1000 * cpu_s[1] / len(judged.queries),
    )
