"""`kontor eval` as it is run: a small judged set, a library of its own, the real search and ask."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.bench.remembering import RememberingEmbedder
from infra.cli.main import main
from shared.inference.embedding import Embedder
from shared.kernel.settings import settings
from tests.unit.bench.test_judged import write_beir

TEXTS = {
    "lease": "The notice period of the flat is three months. The rent is 850 euros a month.",
    "bowl": "The Panthers defense gave up just 308 points. It ranked sixth in the league.",
    "bridge": "The old bridge over the river was built in 1873. Its arches are made of granite.",
    "bees": "A bee colony holds up to 60,000 animals in summer. The queen lives for five years.",
}
QUERIES = {
    "q1": ("How long is the notice period of the flat?", "lease", "three months"),
    "q2": ("How many points did the Panthers defense give up?", "bowl", "308"),
    "q3": ("When was the old bridge built?", "bridge", "1873"),
    "q4": ("How long does the queen of the bees live?", "bees", "five years"),
}
Run = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture(scope="module")
def work(model_dir: Path) -> Iterator[Path]:
    """One work folder for all tests: what the first one made, the others find."""
    folder = Path(tempfile.mkdtemp(prefix="ke-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def beir(tmp_path: Path) -> Path:
    rows = "".join(f"{query}\t{text}\t1\n" for query, (_, text, _) in QUERIES.items())
    folder = write_beir(tmp_path / "small", qrels=f"query-id\tcorpus-id\tscore\n{rows}")
    texts = [{"_id": name, "title": "", "text": text} for name, text in TEXTS.items()]
    texts.append({"_id": "empty", "title": "", "text": " "})
    asked = [{"_id": name, "text": text} for name, (text, _, _) in QUERIES.items()]
    for name, lines in (("corpus", texts), ("queries", asked)):
        body = "".join(json.dumps(line) + "\n" for line in lines)
        (folder / f"{name}.jsonl").write_text(body, "utf-8")
    return folder


@pytest.fixture
def squad(tmp_path: Path) -> Path:
    articles = [
        {
            "title": name,
            "paragraphs": [
                {
                    "context": text,
                    "qas": [
                        {"id": q, "question": question, "answers": [{"text": answer}]}
                        for q, (question, of, answer) in QUERIES.items()
                        if of == name
                    ],
                }
            ],
        }
        for name, text in TEXTS.items()
    ]
    impossible = {"id": "q5", "question": "Who wrote Hamlet?", "is_impossible": True}
    articles[0]["paragraphs"][0]["qas"].append(impossible)  # type: ignore[index]
    file = tmp_path / "small.squad.json"
    file.write_text(json.dumps({"data": articles}), "utf-8")
    return file


@pytest.fixture
def run(
    work: Path,
    model_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Iterator[Run]:
    monkeypatch.setenv("MODEL_DIR", str(model_dir))
    settings.cache_clear()

    def run(*arguments: str) -> tuple[int, dict[str, Any]]:
        with pytest.raises(SystemExit) as ended:
            main(["eval", *arguments, "--work", str(work), "--threads", "1", "--json"])
        code = ended.value.code
        out = capfd.readouterr().out
        return code if isinstance(code, int) else 0, json.loads(out) if out else {}

    yield run
    settings.cache_clear()


def test_search_is_measured_its_ranking_written_and_a_loss_found(
    run: Run, beir: Path, tmp_path: Path
) -> None:
    saved, ranking = tmp_path / "saved.json", tmp_path / "small.run"
    arguments = ["retrieval", "--beir", str(beir)]
    code, found = run(*arguments, "--run", str(ranking), "--save", str(saved))
    assert code == 0
    assert found["measures"]["hit@1"] == {"mean": 1.0, "low": 1.0, "high": 1.0, "count": 4}
    assert (found["circumstances"]["documents"], found["circumstances"]["empty"]) == (4, 1)
    assert found["latency_ms"]["p95"] >= found["latency_ms"]["p50"] > 0
    first = ranking.read_text("utf-8").splitlines()[0].split()
    assert first[:4] == ["q1", "Q0", "lease", "1"]

    code, again = run(*arguments, "--compare", str(saved))
    assert code == 0
    assert again["circumstances"]["index_s"] == found["circumstances"]["index_s"]  # not made anew
    assert [each["change"]["mean"] for each in again["differences"]] == [0.0] * 5

    rows = "".join(f"{query}\tnowhere\t1\n" for query in QUERIES)
    (beir / "qrels" / "test.tsv").write_text(rows, "utf-8")
    code, worse = run(*arguments, "--compare", str(saved))
    assert code == 2
    assert [each["measure"] for each in worse["differences"] if each["is_regression"]] == [
        "ndcg@10"
    ]


def test_weights_are_fitted_to_several_sets_and_each_is_shown(run: Run, beir: Path) -> None:
    names = [f"{query}{letter}" for query in QUERIES for letter in "abc"]
    asked = "".join(json.dumps({"_id": n, "text": QUERIES[n[:-1]][0]}) + "\n" for n in names)
    rows = "".join(f"{name}\t{QUERIES[name[:-1]][1]}\t1\n" for name in names)
    (beir / "queries.jsonl").write_text(asked, "utf-8")
    (beir / "qrels" / "test.tsv").write_text(f"query-id\tcorpus-id\tscore\n{rows}", "utf-8")
    other = shutil.copytree(beir, beir.with_name("other"))
    code, found = run("fit", "--beir", str(beir), "--beir", str(other))
    assert code == 0
    english = found["fits"][0]
    assert (english["language"], english["questions"]) == ("en", 24)
    assert [(each["measure"], each["before"]) for each in english["by_set"]] == [
        ("other", 1.0),
        ("small", 1.0),
    ]
    assert not found["is_applied"]


def test_answers_are_measured_with_and_without_the_text_that_holds_them(
    run: Run, squad: Path, tmp_path: Path
) -> None:
    predicted = tmp_path / "answers.json"
    arguments = ["answers", "--squad", str(squad), "--near-miss", "--far"]
    code, found = run(*arguments, "--predictions", str(predicted))
    assert code == 0
    measures = found["measures"]
    assert measures["hit@1"]["mean"] == 1
    assert measures["citation_valid"]["mean"] == 1
    assert measures["false_answer_near"]["mean"] == measures["false_answer_far"]["mean"]
    assert measures["false_answer_near"]["mean"] < 1
    assert measures["false_answer_impossible"]["count"] == 1
    replies = json.loads(predicted.read_text("utf-8"))
    assert "three months" in replies["q1"]["contexts"][0]
    assert replies["q1"]["citations"][0] == "a00p0"
    # What was taken away for a while is back.
    assert run(*arguments)[1]["measures"] == measures


def test_a_saved_run_that_is_none_is_refused(run: Run, beir: Path, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{}")
    for name in ("x.json", "none.json"):
        code, found = run("retrieval", "--beir", str(beir), "--compare", str(tmp_path / name))
        assert code not in {0, 2}
        assert not found


def test_what_was_embedded_once_is_not_embedded_again(tmp_path: Path, embedder: Embedder) -> None:
    said: list[str] = []
    path = tmp_path / "vectors" / "v.npz"
    first = RememberingEmbedder(embedder, path, said.append)
    vectors = first.embed(["one", "two", "one"])
    question = first.embed_question("one")
    first.save()

    class Broken:
        model = embedder.model

    second = RememberingEmbedder(Broken(), path, said.append)  # type: ignore[arg-type]
    assert (second.embed(["two", "one"]) == vectors[[1, 0]]).all()
    assert (second.embed_question("one") == question).all()
    with pytest.raises(AttributeError):
        second.embed(["three"])
