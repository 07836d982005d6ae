"""Reading judged sets: what is in them, and complaints about what is not one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from infra.bench.judged import read_beir, read_squad, spread
from shared.kernel.errors import InvalidError, NotFoundError


def write_beir(folder: Path, *, qrels: str = "query-id\tcorpus-id\tscore\nq1\td1\t2\n") -> Path:
    (folder / "qrels").mkdir(parents=True)
    corpus = [{"_id": "d1", "title": "T", "text": "One."}, {"_id": "d2", "text": "Two."}]
    queries = [{"_id": "q1", "text": "one?"}, {"_id": "q2", "text": "nobody judged this"}]
    for name, lines in (("corpus", corpus), ("queries", queries)):
        text = "".join(json.dumps(line) + "\n" for line in lines)
        (folder / f"{name}.jsonl").write_text(text, "utf-8")
    (folder / "qrels" / "test.tsv").write_text(qrels, "utf-8")
    return folder


def test_a_beir_folder_gives_texts_and_the_queries_that_were_judged(tmp_path: Path) -> None:
    found = read_beir(write_beir(tmp_path / "laws"))
    assert found.name == "laws"
    assert [(text.id, text.title) for text in found.texts] == [("d1", "T"), ("d2", "")]
    assert [(query.id, query.grades) for query in found.queries] == [("q1", {"d1": 2})]


def test_grades_without_a_heading_are_read_too(tmp_path: Path) -> None:
    found = read_beir(write_beir(tmp_path / "laws", qrels="q1\td1\t1\nq1\td2\t0\n"))
    assert found.queries[0].grades == {"d1": 1, "d2": 0}


@pytest.mark.parametrize(
    ("qrels", "complaint"),
    [
        ("q1\td1\n", "three columns"),
        ("q1\td1\t1\nq1\td2\tgood\n", "'good' is no grade"),
        ("q1\td1\t0\n", "no judged queries"),
    ],
)
def test_what_is_no_beir_folder_is_refused(tmp_path: Path, qrels: str, complaint: str) -> None:
    with pytest.raises(InvalidError, match=complaint):
        read_beir(write_beir(tmp_path / "laws", qrels=qrels))


def test_missing_and_broken_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"test\.tsv"):
        read_beir(tmp_path)
    folder = write_beir(tmp_path / "laws")
    (folder / "corpus.jsonl").write_text('{"_id": "a"}\n{"text": "b"}\n', "utf-8")
    with pytest.raises(InvalidError, match=r"corpus\.jsonl, line 2"):
        read_beir(folder)
    with pytest.raises(NotFoundError, match="no file"):
        read_squad(tmp_path / "none.json")


def test_a_squad_file_gives_questions_with_and_without_answers(tmp_path: Path) -> None:
    asked = [
        {"id": "1", "question": "How many?", "answers": [{"text": "308"}, {"text": "308"}]},
        {"id": "2", "question": "Who?", "answers": [{"text": "x"}], "is_impossible": True},
    ]
    paragraphs = [{"context": "Just 308.", "qas": asked}, {"context": "More.", "qas": []}]
    file = tmp_path / "bowl.squad.json"
    file.write_text(json.dumps({"data": [{"title": "Super_Bowl", "paragraphs": paragraphs}]}))
    found = read_squad(file)
    assert found.name == "bowl"
    assert [(text.id, text.title) for text in found.texts] == [
        ("a00p0", "Super Bowl"),
        ("a00p1", "Super Bowl"),
    ]
    assert found.articles == {"a00": ["a00p0", "a00p1"]}
    assert [(q.id, q.passage, q.answers) for q in found.questions] == [
        ("1", "a00p0", ("308",)),
        ("2", "a00p0", ()),
    ]


@pytest.mark.parametrize("body", ["[]", "{", '{"data": []}', '{"data": [{"title": "x"}]}'])
def test_what_is_no_squad_file_is_refused(tmp_path: Path, body: str) -> None:
    file = tmp_path / "x.json"
    file.write_text(body)
    with pytest.raises(InvalidError):
        read_squad(file)


def test_a_part_is_spread_over_the_whole() -> None:
    assert spread(range(10), 5) == [0, 2, 4, 6, 8]
    assert list(spread(range(3), 5)) == [0, 1, 2]
    assert list(spread(range(3), None)) == [0, 1, 2]
