"""Use cases of evaluation: judge answers, keep runs, measure and fit on what was judged."""

from __future__ import annotations

import time
from dataclasses import asdict
from datetime import datetime
from itertools import groupby
from typing import TypeVar
from uuid import UUID

from shared.adapters.database import Session
from shared.audit import service as audit
from shared.evaluation import store
from shared.evaluation.feedback import (
    Correction,
    Feedback,
    Gold,
    JudgedQuestion,
    Opinion,
    Place,
    judge,
)
from shared.evaluation.measures import measures_of
from shared.evaluation.model import KeptRun, Run
from shared.evaluation.serialization import run_from_json
from shared.identity.model import Principal
from shared.inference.embedding import Embedder
from shared.kernel.errors import InvalidError, NotFoundError
from shared.kernel.ids import MessageId, UserId, new_id
from shared.kernel.paging import Page, clamp_limit, decode_cursor, encode_cursor
from shared.search import service as search
from shared.search.model import Ranking, SearchRequest

Asked = TypeVar("Asked")
LONGEST_COMMENT = 2000
MOST_QUESTIONS = 500
KEPT_RUNS = 100
_DEPTH = 10
FIND_DEPTH = 100


def give_feedback(
    session: Session, principal: Principal, message_id: MessageId, opinion: Opinion
) -> None:
    """Write what the caller thinks of an answer they were given; the last opinion holds.

    Raises NotFoundError for an answer that is not the caller's or a document that is not there,
    InvalidError for a correction that makes no sense.
    """
    principal.require("chat")
    _check(opinion)
    if not store.find_answer(session, message_id, user_id=principal.user_id):
        raise NotFoundError("There is no such answer.")
    if opinion.correction is not None:
        _check_correction(session, opinion.correction)
    store.record_feedback(session, message_id, opinion, user_id=principal.user_id)
    audit.record(
        session,
        actor_id=principal.user_id,
        action="feedback.given",
        subject=f"message:{message_id}",
        details={
            "verdict": opinion.verdict,
            "reason": opinion.reason,
            "is_corrected": opinion.correction is not None,
        },
    )


def take_feedback_back(session: Session, principal: Principal, message_id: MessageId) -> None:
    """Forget what the caller thought of an answer; raises NotFoundError when there is nothing."""
    principal.require("chat")
    if not store.remove_feedback(session, message_id, user_id=principal.user_id):
        raise NotFoundError("You have not judged this answer.")
    audit.record(
        session,
        actor_id=principal.user_id,
        action="feedback.taken_back",
        subject=f"message:{message_id}",
    )


def list_feedback(
    session: Session, *, verdict: str | None = None, cursor: str | None = None, limit: int = 50
) -> Page[Feedback]:
    """List what the tenant's people think of answers, the last opinion first."""
    limit = clamp_limit(limit)
    rows = store.list_feedback(session, verdict=verdict, before=_position(cursor), limit=limit)
    last = rows[-1] if len(rows) == limit else None
    following = (
        None
        if last is None
        else encode_cursor(last.updated_at.isoformat(), str(last.message_id), str(last.user_id))
    )
    return Page(rows, following)


def list_judged(session: Session, *, limit: int = MOST_QUESTIONS) -> list[JudgedQuestion]:
    """List the last questions whose right sources are known, from praise and corrections."""
    rows = store.list_golds(session, limit=limit)
    judged: list[JudgedQuestion] = []
    for _, group in groupby(rows, key=lambda row: (row.message_id, row.user_id)):
        part = list(group)
        golds = dict.fromkeys(
            Gold(row.document_id, row.version_id, row.span_start, row.span_end) for row in part
        )
        first = part[0]
        judged.append(JudgedQuestion(first.message_id, first.question, first.verdict, tuple(golds)))
    return judged


def run_feedback(
    session: Session, embedder: Embedder, *, ranking: Ranking, until: float, created_by: UserId
) -> tuple[UUID, Run]:
    """Search every judged question, keep what was measured as a run, and return it.

    ``until`` is a moment of ``time.monotonic`` after which no further question is begun. Raises
    InvalidError when nothing has been judged.
    """
    judged = list_judged(session)
    if not judged:
        raise InvalidError(
            "No answer has been judged yet.", hint="Praise or correct some answers first."
        )
    found: dict[str, dict[str, float]] = {}
    times: list[float] = []
    for question in judged:
        if time.monotonic() > until and found:
            break
        began = time.perf_counter()
        ranked, grades = search_judged(session, embedder, question, ranking=ranking, k=FIND_DEPTH)
        times.append((time.perf_counter() - began) * 1000)
        found[str(question.message_id)] = measures_of(ranked, grades, k=_DEPTH)
    names = next(iter(found.values()))
    run = Run(
        kind="feedback",
        name="feedback",
        measures={name: {q: values[name] for q, values in found.items()} for name in names},
        circumstances={
            "questions": len(found),
            "judged": len(judged),
            "model": f"{embedder.model.name}@{embedder.model.revision}",
            "ranking": asdict(ranking),
        },
        latency_ms={"mean": round(sum(times) / len(times), 2)},
    )
    return keep_run(session, run, created_by=created_by), run


def keep_run(session: Session, run: Run, *, created_by: UserId) -> UUID:
    """Keep a run beside the last hundred; returns its id."""
    if not run.measures or not all(run.measures.values()):
        raise InvalidError("The run holds no measures.")
    run_id = new_id()
    store.record_run(session, run_id, run, created_by=created_by)
    store.remove_old_runs(session, kept=KEPT_RUNS)
    return run_id


def list_runs(
    session: Session, *, cursor: str | None = None, limit: int = 20
) -> Page[tuple[KeptRun, Run]]:
    """List kept runs, the last first."""
    limit = clamp_limit(limit)
    rows = store.list_runs(session, before=_run_id(cursor), limit=limit)
    following = encode_cursor(str(rows[-1].id)) if len(rows) == limit else None
    return Page([(row, run_from_json(row.run)) for row in rows], following)


def find_run(session: Session, run_id: UUID) -> tuple[KeptRun, Run]:
    """Return a kept run; raises NotFoundError."""
    row = store.find_run(session, run_id)
    if row is None:
        raise NotFoundError("There is no such run.")
    return row, run_from_json(row.run)


def search_judged(
    session: Session,
    embedder: Embedder,
    question: JudgedQuestion,
    *,
    ranking: Ranking,
    k: int,
) -> tuple[list[str], dict[str, int]]:
    """Search a judged question; returns the passages' names and which of them are right."""
    request = SearchRequest(query=question.question, k=k)
    hits = search.find(session, embedder, request, ranking=ranking).hits
    places = [
        Place(
            hit.chunk_id,
            hit.document_id,
            hit.version_id,
            hit.start,
            hit.end,
            tuple(each.document_id for each in hit.also_in),
        )
        for hit in hits
    ]
    ranked, grades = judge(places, question.golds)
    return ranked, dict(grades)


def _check(opinion: Opinion) -> None:
    wrong: dict[str, str] = {}
    if len(opinion.comment) > LONGEST_COMMENT:
        wrong["comment"] = f"at most {LONGEST_COMMENT} characters"
    if "\0" in opinion.comment:
        wrong["comment"] = "holds a NUL character; remove it"
    given = opinion.correction
    if given is not None:
        if (given.start is None) != (given.end is None):
            wrong["correction.end"] = "start and end come together"
        elif given.start is not None and given.end is not None:
            if not 0 <= given.start < given.end < 2**31:
                wrong["correction.end"] = "must lie behind start"
            if given.version_id is None:
                wrong["correction.version_id"] = "a span is one of a version's text"
    if wrong:
        listed = "; ".join(f"{name}: {what}" for name, what in wrong.items())
        raise InvalidError(f"The feedback is not valid: {listed}.", fields=wrong)


def _check_correction(session: Session, given: Correction) -> None:
    place = store.find_place(session, given)
    if place is None:
        raise NotFoundError("There is no such document.")
    if given.version_id is not None and not place.is_its_version:
        raise InvalidError(
            "The version is not one of that document.",
            fields={"correction.version_id": "is another document's"},
        )


def _position(cursor: str | None) -> tuple[datetime, UUID, UUID] | None:
    if cursor is None:
        return None
    moment, message, user = decode_cursor(cursor, 3)
    try:
        return datetime.fromisoformat(moment), UUID(message), UUID(user)
    except ValueError as error:
        raise InvalidError("The cursor is not one of ours.", hint="Start without it.") from error


def _run_id(cursor: str | None) -> UUID | None:
    if cursor is None:
        return None
    try:
        return UUID(decode_cursor(cursor, 1)[0])
    except ValueError as error:
        raise InvalidError("The cursor is not one of ours.", hint="Start without it.") from error
