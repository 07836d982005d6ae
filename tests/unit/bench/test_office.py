"""Questions about office files: the table is read strictly, files as in use, citations opened."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.bench.answering import Hall
from infra.bench.office import ask_office, measure_office, read_office_questions
from shared.inference.embedding import Embedder
from shared.ingestion.preferences import ReadingSettings
from shared.kernel.errors import InvalidError, NotFoundError
from shared.search.model import Ranking

QUESTIONS = Path(__file__).parents[2] / "fixtures" / "questions"
ASKED = (
    "What is the city of Ada Holm?\tcell\tyard/people.csv\tBergen\n"
    "Which tools are needed?\tlist\tyard/tools.md\tadze + auger\n"
    "How much did the bell cost?\tnone\t-\t-\n"
)


def folder_with(tmp_path: Path, asked: str = ASKED) -> tuple[Path, Path]:
    yard = tmp_path / "yard"
    yard.mkdir()
    (yard / "people.csv").write_text("Name,City\nAda Holm,Bergen\nNils Dahl,Oslo\n", "utf-8")
    (yard / "people.csv.gt.md").write_text("A reference, Ada Holm: Bergen", "utf-8")
    (yard / "tools.md").write_text(
        "# The yard\n\nThe tools that are needed:\n\n- an adze\n- an auger\n", "utf-8"
    )
    (yard / "broken.pdf").write_bytes(b"no PDF at all")
    table = tmp_path / "asked.tsv"
    table.write_text(asked, "utf-8")
    return tmp_path, table


def test_files_are_read_and_asked_and_every_citation_is_opened(
    tmp_path: Path, embedder: Embedder
) -> None:
    folder, table = folder_with(tmp_path)
    questions = read_office_questions(table)
    with Hall(embedder, lambda _: None) as hall:
        city, tools, bell = ask_office(
            hall,
            folder,
            questions,
            ReadingSettings(),
            ranking=Ranking(),
            thresholds=(0.12, 0.06),
        )
    assert city.is_answered
    assert [(each.file, each.is_exact) for each in city.quotes] == [("yard/people.csv", True)]
    assert tools.is_answered
    assert bell.state != "answer"
    measured = {each.name: each.value for each in measure_office([city, tools, bell])}
    assert measured["office: answered rightly"] == 1.0
    assert measured["office: citations exact"] == 1.0
    assert measured["office: unanswerable answered"] == 0.0
    assert not any(each.is_first or each.is_among_three for each in [bell])


@pytest.mark.parametrize("line", ["Who?\tcell\ta.csv", "Who?\tcell\t-\t-", "Who?\tnone\ta.csv\t-"])
def test_a_broken_line_is_named(tmp_path: Path, line: str) -> None:
    _, table = folder_with(tmp_path, f"{ASKED}{line}\n")
    with pytest.raises(InvalidError, match="line 4"):
        read_office_questions(table)


def test_own_questions_are_many_a_fifth_has_no_answer_and_none_comes_twice() -> None:
    asked = [
        question
        for name in ("office.tsv", "office-held-back.tsv")
        for question in read_office_questions(QUESTIONS / name)
    ]
    assert len(asked) == len({question.text for question in asked}) >= 150
    assert sum(not question.is_answerable for question in asked) * 5 >= len(asked)
    with pytest.raises(NotFoundError):
        read_office_questions(QUESTIONS / "none.tsv")
