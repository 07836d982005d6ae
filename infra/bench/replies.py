"""How well the real ask answers known questions, and whether it admits what it cannot know.

Every question is asked as it stands, and again, if wanted, with the text that answers it in the
trash (``near``: its topic stays) or with all texts of its topic there (``far``). What is answered
then is a false answer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from infra.bench.judged import AskedQuestion, QuestionSet, spread
from infra.bench.measurement import Progress, percentile
from infra.bench.scratch import PRINCIPAL, TENANT, ScratchLibrary, document_id
from shared.adapters.database import Database
from shared.answering.model import Answer, Question
from shared.documents import service as documents
from shared.documents import trash
from shared.evaluation.matching import holds
from shared.evaluation.model import Run
from shared.kernel.ids import DocumentId
from shared.kernel.paging import MAX_PAGE

_SAY_EVERY = 20
_SHOWN = 3
_TIMED = 20
Ask = Callable[[Question], Answer]


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back for one question: who was cited in which words, and how sure it was."""

    state: str
    text: str
    quotes: Sequence[str]
    cited: Sequence[str]
    valid: int


@dataclass
class Interview:
    """All replies, by condition and question."""

    asked: dict[str, Reply] = field(default_factory=dict)
    near: dict[str, Reply] = field(default_factory=dict)
    far: dict[str, Reply] = field(default_factory=dict)


class Interviewer:
    """Asks questions of a filled library, with parts of it taken away for a while."""

    def __init__(
        self, database: Database, library: ScratchLibrary, ask: Ask, progress: Progress
    ) -> None:
        self._database = database
        self._library = library
        self._ask = ask
        self._progress = progress

    def hold(self, questions: QuestionSet, *, near: bool, far: bool) -> Interview:
        """Ask everything; ``near`` and ``far`` say which texts are taken away in turn."""
        found = Interview()
        self._restore(self._left_in_trash())
        found.asked = self._ask_all("Asking", questions.questions)
        answerable = [each for each in questions.questions if each.answers]
        if near:
            for passage, group in _grouped(answerable, key=lambda each: each.passage).items():
                with self._without([passage]):
                    found.near |= self._ask_all(f"Asking without {passage}:", group)
        if far:
            for article, group in _grouped(answerable, key=lambda each: each.article).items():
                with self._without(questions.articles[article]):
                    found.far |= self._ask_all(f"Asking without {article}:", group)
        return found

    def _ask_all(self, doing: str, questions: Sequence[AskedQuestion]) -> dict[str, Reply]:
        replies = {}
        for number, question in enumerate(questions):
            if number % _SAY_EVERY == 0:
                self._progress(f"{doing} {number:,} of {len(questions):,}.")
            replies[question.id] = self._reply(self._ask(Question(text=question.text)))
        return replies

    def _reply(self, answer: Answer) -> Reply:
        texts = [self._library.text_of[each.document_id] for each in answer.citations]
        valid = sum(
            self._library.documents[text].text[each.start : each.end] == each.quote
            for text, each in zip(texts, answer.citations, strict=True)
        )
        quotes = [each.quote for each in answer.citations]
        return Reply(answer.state, answer.text, quotes, texts, valid)

    @contextmanager
    def _without(self, passages: Sequence[str]) -> Iterator[None]:
        """Put texts into the trash and take them out again; whatever happens in between."""
        ids = [document_id(each) for each in passages if document_id(each) in self._library.text_of]
        self._remove(ids)
        try:
            yield
        finally:
            self._restore(ids)

    def _remove(self, ids: Sequence[DocumentId]) -> None:
        with self._database.transaction(TENANT) as session:
            for each in ids:
                documents.remove_document(session, each, removed_by=PRINCIPAL.user_id)

    def _left_in_trash(self) -> list[DocumentId]:
        """List what an interview that was killed has left in the trash."""
        with self._database.transaction(TENANT) as session:
            page = trash.list_removed(session, cursor=None, limit=MAX_PAGE)
            found = [each.id for each in page.items]
            while page.next_cursor is not None:
                page = trash.list_removed(session, cursor=page.next_cursor, limit=MAX_PAGE)
                found += [each.id for each in page.items]
        return found

    def _restore(self, ids: Sequence[DocumentId]) -> None:
        with self._database.transaction(TENANT) as session:
            for each in ids:
                trash.restore_document(session, each, restored_by=PRINCIPAL.user_id)


def measure_time(
    ask: Ask, questions: Sequence[AskedQuestion], *, progress: Progress
) -> dict[str, float]:
    """Return p50 and p95 of whole answers, one after the other."""
    progress("Timing answers.")
    times: list[float] = []
    for question in spread(questions, _TIMED):
        began = time.perf_counter()
        ask(Question(text=question.text))
        times.append((time.perf_counter() - began) * 1000)
    return {"p50": percentile(times, 0.5), "p95": percentile(times, 0.95)}


def score(
    questions: QuestionSet,
    interview: Interview,
    *,
    latency_ms: Mapping[str, float],
    circumstances: Mapping[str, object],
) -> Run:
    """Measure the replies.

    ``hit@1``: the first cited sentence holds the answer; ``hit@3``: one of the first three does.
    Both count over all answerable questions, whether the sentences were given as the answer or as
    related. ``answered`` and ``false_refusal`` are the shares given an answer, and none at all;
    ``right_if_answered`` is hit@1 of the answers alone; ``citation_valid`` the share of answers
    whose every quote is the cited version's text at its place.
    """
    measures: dict[str, dict[str, float]] = {}
    for question in questions.questions:
        reply = interview.asked[question.id]
        found = _measures(question, reply)
        for condition, replies in (("near", interview.near), ("far", interview.far)):
            if question.id in replies:
                found[f"false_answer_{condition}"] = float(replies[question.id].state == "answer")
                found[f"refusal_{condition}"] = float(replies[question.id].state == "unknown")
        for name, value in found.items():
            measures.setdefault(name, {})[question.id] = value
    return Run(
        kind="answers",
        name=questions.name,
        measures=measures,
        circumstances=circumstances,
        latency_ms=latency_ms,
    )


def predictions(interview: Interview) -> dict[str, object]:
    """Return the replies in the form that scorers of answers commonly read, by question."""
    return {
        question: {
            "answer": "" if reply.state == "unknown" else reply.text,
            "citations": list(reply.cited),
            "contexts": list(reply.quotes),
            "refused": reply.state == "unknown",
        }
        for question, reply in interview.asked.items()
    }


def _measures(question: AskedQuestion, reply: Reply) -> dict[str, float]:
    found: dict[str, float] = {}
    if question.answers:
        holding = [
            any(holds(quote, answer) for answer in question.answers)
            for quote in reply.quotes[:_SHOWN]
        ]
        found["hit@1"] = float(holding[:1] == [True])
        found["hit@3"] = float(any(holding))
        found["right_text@1"] = float(list(reply.cited[:1]) == [question.passage])
        found["answered"] = float(reply.state == "answer")
        found["false_refusal"] = float(reply.state == "unknown")
        if reply.state == "answer":
            found["right_if_answered"] = found["hit@1"]
    else:
        found["false_answer_impossible"] = float(reply.state == "answer")
    if reply.quotes:
        found["citation_valid"] = float(reply.valid == len(reply.quotes))
    return found


def _grouped(
    questions: Sequence[AskedQuestion], *, key: Callable[[AskedQuestion], str]
) -> dict[str, list[AskedQuestion]]:
    groups: dict[str, list[AskedQuestion]] = {}
    for question in questions:
        groups.setdefault(key(question), []).append(question)
    return groups
