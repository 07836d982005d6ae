"""Judged sets as the field publishes them: BEIR folders, and questions in SQuAD's JSON."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from shared.kernel.errors import InvalidError, NotFoundError

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Text:
    """One text of a set: its id there, its title (may be empty) and its words."""

    id: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class JudgedQuery:
    """A query and how relevant which texts are to it."""

    id: str
    text: str
    grades: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class JudgedSet:
    """Texts and the queries that were judged over them."""

    name: str
    texts: Sequence[Text]
    queries: Sequence[JudgedQuery]


@dataclass(frozen=True, slots=True)
class AskedQuestion:
    """A question, the text that answers it, and the wordings of the answer.

    ``answers`` is empty when the set says that no text answers it. ``article`` is the topic that
    the text belongs to.
    """

    id: str
    text: str
    passage: str
    article: str
    answers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """Texts, the articles they belong to, and questions about them."""

    name: str
    texts: Sequence[Text]
    articles: Mapping[str, Sequence[str]]
    questions: Sequence[AskedQuestion]


def read_beir(folder: Path, *, split: str = "test", limit: int | None = None) -> JudgedSet:
    """Read a BEIR folder: ``corpus.jsonl``, ``queries.jsonl`` and ``qrels/SPLIT.tsv``.

    Queries nobody judged anything relevant to are left out, as trec_eval leaves them out. With
    ``limit``, so many of them spread over the whole set. Raises NotFoundError and InvalidError.
    """
    grades = _read_grades(folder / "qrels" / f"{split}.tsv")
    texts = [
        Text(str(line["_id"]), str(line.get("title") or ""), str(line.get("text") or ""))
        for line in _lines(folder / "corpus.jsonl")
    ]
    queries = [
        JudgedQuery(str(line["_id"]), str(line.get("text") or ""), grades[str(line["_id"])])
        for line in _lines(folder / "queries.jsonl")
        if any(grade > 0 for grade in grades.get(str(line["_id"]), {}).values())
    ]
    if not texts or not queries:
        raise InvalidError(f"{folder} holds no judged queries.", hint="See BEIR's format.")
    return JudgedSet(folder.name, texts, spread(queries, limit))


def read_squad(path: Path, *, limit: int | None = None) -> QuestionSet:
    """Read questions in SQuAD's JSON (1.1 or 2.0); each paragraph is a text of its own.

    Raises NotFoundError and InvalidError.
    """
    if not path.is_file():
        raise NotFoundError(f"There is no file {path}.", hint="Name a SQuAD JSON file.")
    texts: list[Text] = []
    articles: dict[str, list[str]] = {}
    questions: list[AskedQuestion] = []
    try:
        body = json.loads(path.read_text("utf-8"))
        for number, article in enumerate(body["data"]):
            topic = f"a{number:02}"
            title = str(article.get("title") or "").replace("_", " ")
            for place, paragraph in enumerate(article["paragraphs"]):
                passage = f"{topic}p{place}"
                texts.append(Text(passage, title, str(paragraph["context"])))
                articles.setdefault(topic, []).append(passage)
                questions += [_asked(entry, passage, topic) for entry in paragraph["qas"]]
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidError(
            f"{path.name} is not in SQuAD's format ({error!r}).",
            hint="It has data, paragraphs, context and qas.",
        ) from error
    if not questions:
        raise InvalidError(f"{path.name} holds no questions.")
    name = path.name.removesuffix(".json").removesuffix(".squad")
    return QuestionSet(name, texts, articles, spread(questions, limit))


def spread(items: Sequence[Item], limit: int | None) -> Sequence[Item]:
    """Take at most ``limit`` items, evenly spread over all; the same for the same items."""
    if limit is None or limit >= len(items):
        return items
    return [items[at * len(items) // limit] for at in range(limit)]


def _asked(entry: Mapping[str, object], passage: str, topic: str) -> AskedQuestion:
    given = entry.get("answers")
    answers = tuple(
        dict.fromkeys(str(one["text"]) for one in given if isinstance(one, dict))
        if isinstance(given, list) and not entry.get("is_impossible")
        else ()
    )
    return AskedQuestion(str(entry["id"]), str(entry["question"]), passage, topic, answers)


def _read_grades(path: Path) -> dict[str, dict[str, int]]:
    if not path.is_file():
        raise NotFoundError(
            f"There is no file {path}.", hint="Name a BEIR folder: corpus, queries and qrels."
        )
    grades: dict[str, dict[str, int]] = {}
    with path.open(encoding="utf-8", newline="") as stream:
        for number, row in enumerate(csv.reader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)):
            if len(row) != 3:  # noqa: PLR2004 - query, text, grade
                raise InvalidError(f"{path.name}, line {number + 1}, has not three columns.")
            if row[2].lstrip("-").isdigit():
                grades.setdefault(row[0], {})[row[1]] = int(row[2])
            elif number:
                raise InvalidError(f"{path.name}, line {number + 1}: {row[2]!r} is no grade.")
    return grades


def _lines(path: Path) -> Iterator[dict[str, object]]:
    if not path.is_file():
        raise NotFoundError(f"There is no file {path}.", hint="Name a folder in BEIR's format.")
    with path.open(encoding="utf-8") as stream:
        for number, line in enumerate(stream, 1):
            try:
                entry = json.loads(line)
            except ValueError as error:
                raise InvalidError(f"{path.name}, line {number}, is not JSON.") from error
            if not isinstance(entry, dict) or "_id" not in entry:
                raise InvalidError(f"{path.name}, line {number}, is no object with an _id.")
            yield entry
