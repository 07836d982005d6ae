"""The comparison with other systems: its protocol, its verdicts, its complaints."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from infra.bench.judged import JudgedQuery, JudgedSet, Text
from infra.bench.peers.comparison import (
    Peers,
    Standing,
    _median,
    measure_kontor,
    measure_peer,
    ratios,
    verdicts,
)
from infra.bench.peers.contender import read_share
from shared.inference.embedding import Embedder
from shared.inference.registry import MODELS, wheel_folder
from shared.kernel.errors import UnavailableError

JUDGED = JudgedSet(
    "small",
    [
        Text("bridge", "Bridges", "The old bridge was built in 1873."),
        Text("bees", "", "The queen of the bees lives for five years."),
        Text("empty", "", ""),
    ],
    [
        JudgedQuery("q1", "when was the bridge built", {"bridge": 1}),
        JudgedQuery("q2", "how long does the queen of the bees live", {"bees": 1}),
    ],
)
# A vendor that counts common words: what is tested is how contender.py talks to one, and to us.
VENDOR = """
class Embeddings:
    def __init__(self, *, path, method, hybrid, content):
        assert hybrid
        assert not content

    def batchtransform(self, texts, category):
        print("noise on standard output")

    def index(self, rows):
        self.rows = [(name, set(text.lower().split())) for name, text, _ in rows]

    def save(self, path):
        pass

    def search(self, query, count):
        words = set(query.lower().split())
        found = [(name, len(words & theirs)) for name, theirs in self.rows]
        return sorted(found, key=lambda each: -each[1])[:count]
"""


def standing(system: str, *, ndcg: float, texts: float, ms: float) -> Standing:
    return Standing(
        set="small",
        system=system,
        version="1",
        ndcg={"q": ndcg},
        texts_per_s=texts,
        query_p50_ms=ms,
        query_p95_ms=ms,
    )


def test_a_peer_gets_every_text_with_words_and_its_ranking_is_measured(tmp_path: Path) -> None:
    (tmp_path / "txtai.py").write_text(VENDOR)
    (tmp_path / "txtai-9.dist-info").mkdir()
    (tmp_path / "txtai-9.dist-info" / "METADATA").write_text("Name: txtai\nVersion: 9\n")
    model = wheel_folder(MODELS["all-MiniLM-L6-v2"])
    peers = Peers(Path(sys.executable), model, {"PYTHONPATH": str(tmp_path)})
    found = measure_peer("txtai", JUDGED, JUDGED.queries, peers=peers)
    assert (found.system, found.version) == ("txtai", "9")
    assert found.ndcg == {"q1": 1.0, "q2": 1.0}
    assert found.texts_per_s > 0
    assert found.text_cpu_ms >= 0
    assert found.query_cpu_ms >= 0
    assert found.read_share == 1


def test_what_the_model_cuts_off_is_not_read() -> None:
    model = wheel_folder(MODELS["all-MiniLM-L6-v2"])
    assert read_share(["word " * 100], model) == 1
    assert read_share(["word " * 510], model) == pytest.approx(256 / 512)


def test_a_peer_that_is_not_installed_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match=r"txtai does not run: .*No module named 'txtai'"):
        measure_peer(
            "txtai", JUDGED, JUDGED.queries, peers=Peers(Path(sys.executable), tmp_path, {})
        )


def test_our_side_takes_the_same_texts_in_and_finds_them(embedder: Embedder) -> None:
    found = measure_kontor(JUDGED, JUDGED.queries, embedder=embedder, progress=lambda _: None)
    assert found.ndcg == {"q1": 1.0, "q2": 1.0}
    assert found.query_p95_ms >= found.query_p50_ms > 0
    assert found.text_cpu_ms > 0
    assert found.query_cpu_ms >= 0


def test_goals_are_judged_against_every_peer() -> None:
    ours = standing("kontor", ndcg=0.5, texts=30, ms=5)
    assert verdicts([ours, standing("txtai", ndcg=0.4, texts=10, ms=10)]) == []
    missed = verdicts([ours, standing("txtai", ndcg=0.5, texts=11, ms=9)])
    assert len(missed) == 3
    assert "takes in 2.7 times" in missed[1]


def test_ratios_say_how_often_kontor_fits_into_the_others_time() -> None:
    ours = replace(standing("kontor", ndcg=0.5, texts=30, ms=5), text_cpu_ms=10.0, query_cpu_ms=4.0)
    other = replace(
        standing("txtai", ndcg=0.4, texts=10, ms=15), text_cpu_ms=25.0, query_cpu_ms=6.0
    )
    (found,) = ratios([ours, other])
    assert (found.ingest, found.ingest_cpu, found.query, found.query_cpu) == (3.0, 2.5, 3.0, 1.5)


def test_the_middle_of_several_rounds_counts() -> None:
    rounds = [
        standing("kontor", ndcg=n, texts=t, ms=m) for n, t, m in ((1, 9, 1), (0, 5, 7), (0, 6, 3))
    ]
    found = _median(rounds)
    assert (found.mean_ndcg, found.texts_per_s, found.query_p50_ms) == (1, 6, 3)
