"""One typed function per query of feedback and runs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.adapters.database import Session
from shared.adapters.queries import load_queries
from shared.evaluation.feedback import Correction, Feedback, Opinion
from shared.evaluation.model import KeptRun, Run
from shared.evaluation.serialization import run_to_json
from shared.kernel.ids import DocumentId, MessageId, UserId, VersionId

QUERIES = load_queries("shared.evaluation")


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """An answer that was given to the asker."""

    id: MessageId


@dataclass(frozen=True, slots=True)
class PlaceRow:
    """A document that is there, and whether a version is one of its own."""

    document_id: DocumentId
    is_its_version: bool


@dataclass(frozen=True, slots=True)
class GoldRow:
    """One place that answers one judged question."""

    message_id: MessageId
    user_id: UserId
    verdict: str
    question: str
    document_id: DocumentId
    version_id: VersionId | None
    span_start: int | None
    span_end: int | None


def find_answer(session: Session, message_id: MessageId, *, user_id: UserId) -> bool:
    """Tell whether this is an answer that was given to the user."""
    params = {"message_id": message_id, "user_id": user_id}
    return session.find(QUERIES["find_answer"], AnswerRow, params) is not None


def find_place(session: Session, correction: Correction) -> PlaceRow | None:
    """Return the document that a correction names, or ``None``."""
    params = {"document_id": correction.document_id, "version_id": correction.version_id}
    return session.find(QUERIES["find_place"], PlaceRow, params)


def record_feedback(
    session: Session, message_id: MessageId, opinion: Opinion, *, user_id: UserId
) -> None:
    """Write what a person thinks of an answer, in place of what they thought before."""
    correction = opinion.correction
    session.execute(
        QUERIES["record_feedback"],
        {
            "message_id": message_id,
            "user_id": user_id,
            "verdict": opinion.verdict,
            "reason": opinion.reason,
            "comment": opinion.comment,
            "document_id": None if correction is None else correction.document_id,
            "version_id": None if correction is None else correction.version_id,
            "span_start": None if correction is None else correction.start,
            "span_end": None if correction is None else correction.end,
        },
    )


def remove_feedback(session: Session, message_id: MessageId, *, user_id: UserId) -> bool:
    """Delete a person's opinion; False when there is none."""
    params = {"message_id": message_id, "user_id": user_id}
    return session.execute(QUERIES["remove_feedback"], params) == 1


def list_feedback(
    session: Session,
    *,
    verdict: str | None,
    before: tuple[datetime, UUID, UUID] | None,
    limit: int,
) -> list[Feedback]:
    """List opinions, the last first."""
    moment, message, user = before or (None, None, None)
    params = {
        "verdict": verdict,
        "before": moment,
        "before_message": message,
        "before_user": user,
        "limit": limit,
    }
    return session.all(QUERIES["list_feedback"], Feedback, params)


def list_golds(session: Session, *, limit: int) -> list[GoldRow]:
    """List the places that answer the last ``limit`` judged questions, question by question."""
    return session.all(QUERIES["list_golds"], GoldRow, {"limit": limit})


def record_run(session: Session, run_id: UUID, run: Run, *, created_by: UserId) -> None:
    """Write a run."""
    session.execute(
        QUERIES["record_run"],
        {
            "id": run_id,
            "kind": run.kind,
            "name": run.name,
            "run": json.dumps(run_to_json(run)),
            "created_by": created_by,
        },
    )


def list_runs(session: Session, *, before: UUID | None, limit: int) -> list[KeptRun]:
    """List runs, the last first."""
    return session.all(QUERIES["list_runs"], KeptRun, {"before": before, "limit": limit})


def find_run(session: Session, run_id: UUID) -> KeptRun | None:
    """Return a run, or ``None``."""
    return session.find(QUERIES["find_run"], KeptRun, {"run_id": run_id})


def remove_old_runs(session: Session, *, kept: int) -> None:
    """Delete all but the last ``kept`` runs."""
    session.execute(QUERIES["remove_old_runs"], {"kept": kept})
