"""What a bench server is filled with and asked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from infra.bench.corpus import BUNDLE_CHARS, CHARS_PER_CHUNK, read_corpus
from infra.bench.questions import FEWEST_WORDS, MOST_WORDS, questions_from
from shared.kernel.errors import InvalidError, NotFoundError

SENTENCE = "Die Kündigungsfrist für das Mietverhältnis beträgt drei ganze Monate zum Jahresende."


def write_lines(path: Path, *lines: object) -> None:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")


def test_a_beir_corpus_brings_its_titles_and_its_questions(tmp_path: Path) -> None:
    write_lines(
        tmp_path / "corpus.jsonl",
        {"_id": "1", "title": "Frist", "text": "Drei Monate."},
        {"_id": "2", "title": "", "text": "Ohne Titel."},
    )
    write_lines(tmp_path / "queries.jsonl", {"_id": "q", "text": "Wie lange?"})
    corpus = read_corpus(tmp_path / "corpus.jsonl", chunks=100)
    assert corpus.questions == ("Wie lange?",)
    assert corpus.files[0].content.decode() == "# Frist\n\nDrei Monate.\n\nOhne Titel."
    assert read_corpus(tmp_path, chunks=100) == corpus


def test_texts_are_bundled_whole_and_end_where_enough_are_there(tmp_path: Path) -> None:
    texts = [f"Text {number} " + "wort " * 400 for number in range(200)]
    write_lines(tmp_path / "corpus.jsonl", *({"text": text} for text in texts))
    everything = read_corpus(tmp_path, chunks=10**6)
    assert b"".join(file.content for file in everything.files).count(b"Text ") == 200
    assert all(len(file.content) >= BUNDLE_CHARS for file in everything.files[:-1])
    part = sum(len(file.content) for file in read_corpus(tmp_path, chunks=60).files)
    assert 60 * CHARS_PER_CHUNK <= part <= 60 * CHARS_PER_CHUNK + 2 * BUNDLE_CHARS


def test_a_folder_gives_its_files_but_no_hidden_or_empty_ones(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").write_text("A")
    (tmp_path / ".hidden").write_text("B")
    (tmp_path / "empty.txt").touch()
    assert [file.name for file in read_corpus(tmp_path, chunks=1).files] == ["a.txt"]


def test_what_is_no_corpus_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no corpus"):
        read_corpus(tmp_path / "absent.jsonl", chunks=1)
    with pytest.raises(NotFoundError, match="no files"):
        read_corpus(tmp_path, chunks=1)
    (tmp_path / "corpus.jsonl").write_text('{"text": "a"}\nnonsense\n')
    with pytest.raises(InvalidError, match="line 2"):
        read_corpus(tmp_path, chunks=9)
    (tmp_path / "corpus.jsonl").write_text("")
    with pytest.raises(InvalidError, match="no texts"):
        read_corpus(tmp_path, chunks=9)


def test_the_installed_prose_fills_a_bundle() -> None:
    (first, *_) = read_corpus(None, chunks=100).files
    assert len(first.content) >= BUNDLE_CHARS


def test_questions_are_words_of_the_texts_and_always_the_same() -> None:
    texts = [SENTENCE, "x = {1: 2};\n" * 40, "Zu kurz."]
    questions = questions_from(texts, 5)
    assert len(questions) == 1
    assert questions[0] in SENTENCE
    assert FEWEST_WORDS <= len(questions[0].split()) <= MOST_WORDS
    assert questions_from(texts, 5) == questions
