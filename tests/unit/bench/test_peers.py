"""The comparison with other systems: its protocol, its verdicts, its complaints."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from infra.bench.judged import JudgedQuery, JudgedSet, Text
from infra.bench.peers.comparison import Standing, measure_kontor, measure_peer, verdicts
from shared.inference.embedding import Embedder
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
    found = measure_peer(
        "txtai",
        JUDGED,
        peer_python=Path(sys.executable),
        model_folder=tmp_path,
        surroundings={"PYTHONPATH": str(tmp_path)},
    )
    assert (found.system, found.version) == ("txtai", "9")
    assert found.ndcg == {"q1": 1.0, "q2": 1.0}
    assert found.texts_per_s > 0
    assert found.text_cpu_ms >= 0
    assert found.query_cpu_ms >= 0


def test_a_peer_that_is_not_installed_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match=r"txtai does not run: .*No module named 'txtai'"):
        measure_peer(
            "txtai",
            JUDGED,
            peer_python=Path(sys.executable),
            model_folder=tmp_path,
            surroundings={},
        )


def test_our_side_takes_the_same_texts_in_and_finds_them(embedder: Embedder) -> None:
    found = measure_kontor(JUDGED, embedder=embedder, progress=lambda _: None)
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
