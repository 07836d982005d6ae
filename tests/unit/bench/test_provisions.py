"""Questions about laws: the table is read strictly, and sentences are recognised by their words."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.bench.answering import PROVISIONS, Hall, fit_weights, measure_all
from infra.bench.provisions import gather_laws, read_law_questions
from shared.inference.embedding import Embedder
from shared.ingestion.preferences import ReadingSettings
from shared.kernel.errors import InvalidError, NotFoundError

QUESTIONS = Path(__file__).parents[2] / "fixtures" / "questions" / "gesetze.tsv"
LAWS = {
    "hofg": "# Hofgesetz (HofG)\n\n## § 1 Öffnung des Hofes\n\n(1) Der Hof ist von sieben bis\n"
    "zwanzig Uhr zu öffnen.\n\n(2) An Feiertagen bleibt er geschlossen.\n\n## § 2 Kosten\n\n"
    "Die Kosten der Reinigung trägt der Hauswart.\n",
    "torg": "# Torgesetz (TorG)\n\n## § 1 Anstrich des Tores\n\nDas Tor ist alle vier Jahre\n"
    "zu streichen.\n\n## § 2 Schlüssel\n\nJeder Bewohner erhält zwei Schlüssel.\n",
}
ASKED = (
    "Wann ist der Hof geöffnet?\thofg\t1\tvon sieben bis zwanzig Uhr\n"
    "Wer trägt die Kosten der Reinigung?\thofg\t2\tträgt der Hauswart\n"
    "Wie oft wird das Tor gestrichen?\ttorg\t1\talle vier Jahre | alle fünf Jahre\n"
    "Wie viele Schlüssel bekommt ein Bewohner?\ttorg\t2\tzwei Schlüssel\n"
)


def folder_with(tmp_path: Path, asked: str = ASKED) -> tuple[Path, Path]:
    for name, text in LAWS.items():
        (tmp_path / f"{name}.md").write_text(text, encoding="utf-8")
    table = tmp_path / "asked.tsv"
    table.write_text(asked, encoding="utf-8")
    return tmp_path, table


def test_laws_are_asked_with_their_answer_there_and_taken_away(
    tmp_path: Path, embedder: Embedder
) -> None:
    folder, table = folder_with(tmp_path)
    questions = read_law_questions(table)
    with Hall(embedder, lambda _: None) as hall:
        examples = gather_laws(hall, folder, questions, ReadingSettings())
        with pytest.raises(NotFoundError, match=r"torg\.md"):
            (folder / "torg.md").unlink()
            gather_laws(hall, folder, questions, ReadingSettings())
    assert [each.article for each in examples] == [0, 0, 1, 1]
    for question, example in zip(questions, examples, strict=True):
        held = [
            c for c, holds in zip(example.found.candidates, example.holds, strict=True) if holds
        ]
        assert [question.is_answered_by(candidate.text) for candidate in held] == [True]
        assert held[0].passage.is_provision
        assert example.near is not None
        assert not any(question.is_answered_by(c.text) for c in example.near.candidates)
        assert example.far is not None
        own_law = LAWS[question.law]
        assert not any(c.text in own_law for c in example.far.candidates)
    measured = {each.name for each in measure_all({PROVISIONS: examples})}
    assert {"provisions: hit@1", "provisions held back: hit@1"} <= measured
    assert set(fit_weights({PROVISIONS: examples})) == {PROVISIONS}


@pytest.mark.parametrize("line", ["Wer?\thofg\t1", "Wer?\thofg\t\tHauswart", ""])
def test_a_broken_line_is_named(tmp_path: Path, line: str) -> None:
    _, table = folder_with(tmp_path, f"{ASKED}{line}\n")
    with pytest.raises(InvalidError, match="line 5"):
        read_law_questions(table)


def test_own_questions_are_many_and_none_comes_twice() -> None:
    questions = read_law_questions(QUESTIONS)
    assert len(questions) == len({question.text for question in questions}) >= 100
    with pytest.raises(NotFoundError):
        read_law_questions(QUESTIONS.with_name("none.tsv"))
