"""The rows of realtime, one typed function per query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from shared.adapters.database import Session
from shared.adapters.queries import load_queries
from shared.kernel.ids import DocumentId, JobId, UserId
from shared.realtime.model import Hop, Job, Listener, Report

QUERIES = load_queries("shared.realtime")


def record_job(
    session: Session, *, job_id: JobId, subject: str, correlation_id: str, created_by: UserId
) -> None:
    """Insert a waiting job."""
    session.execute(
        QUERIES["record_job"],
        {
            "id": job_id,
            "subject": subject,
            "correlation_id": correlation_id,
            "created_by": created_by,
        },
    )


def change_job(session: Session, report: Report) -> Job | None:
    """Write the news into the job's row and keep it locked; ``None`` when there is no such job."""
    return session.find(QUERIES["change_job"], Job, {**asdict(report), "id": report.job_id})


def record_hop(session: Session, report: Report) -> Hop:
    """Append the news to the job's story."""
    return session.get(QUERIES["record_hop"], Hop, asdict(report))


def find_job(session: Session, job_id: JobId) -> Job | None:
    """Return one job."""
    return session.find(QUERIES["find_job"], Job, {"id": job_id})


def list_jobs(
    session: Session, *, before: JobId | None, is_open_only: bool, limit: int
) -> list[Job]:
    """List jobs, newest first, older than ``before``."""
    return session.all(
        QUERIES["list_jobs"], Job, {"before": before, "open_only": is_open_only, "limit": limit}
    )


def list_hops(session: Session, job_id: JobId) -> list[Hop]:
    """List a job's hops in order."""
    return session.all(QUERIES["list_hops"], Hop, {"job_id": job_id})


def list_document_hops(session: Session, document_id: DocumentId) -> list[Hop]:
    """List the hops of every job of a document, in order of time."""
    return session.all(QUERIES["list_document_hops"], Hop, {"document_id": document_id})


def remove_document_jobs(
    session: Session, document_id: DocumentId, job_ids: Sequence[JobId]
) -> None:
    """Delete every job of a document, and those named, with their hops."""
    params = {"document_id": document_id, "ids": list(job_ids)}
    session.execute(QUERIES["remove_document_jobs"], params)


def record_connection(
    session: Session,
    *,
    connection_id: str,
    user_id: UserId,
    session_id: UUID | None,
    expires_at: datetime,
) -> None:
    """Insert an open connection."""
    session.execute(
        QUERIES["record_connection"],
        {
            "id": connection_id,
            "user_id": user_id,
            "session_id": session_id,
            "expires_at": expires_at,
        },
    )


def find_connection(session: Session, connection_id: str) -> Listener | None:
    """Return an open connection."""
    return session.find(QUERIES["find_connection"], Listener, {"id": connection_id})


def remove_connection(session: Session, connection_id: str) -> None:
    """Delete a connection and its subscriptions."""
    session.execute(QUERIES["remove_connection"], {"id": connection_id})


def remove_expired_connections(session: Session) -> int:
    """Delete connections past their time; returns how many."""
    return session.execute(QUERIES["remove_expired_connections"])


def record_subscription(session: Session, connection_id: str, topic: str) -> None:
    """Let a connection listen to a topic."""
    session.execute(
        QUERIES["record_subscription"], {"connection_id": connection_id, "topic": topic}
    )


def remove_subscription(session: Session, connection_id: str, topic: str) -> None:
    """Let a connection listen no more."""
    session.execute(
        QUERIES["remove_subscription"], {"connection_id": connection_id, "topic": topic}
    )


def list_listeners(
    session: Session,
    topics: Sequence[str],
    *,
    job_id: JobId | str,
    document_id: DocumentId | str | None,
) -> list[Listener]:
    """List the open connections that listen to any of the topics and may see what it is about."""
    params = {"topics": list(topics), "job_id": str(job_id), "document_id": document_id or None}
    return session.all(QUERIES["list_listeners"], Listener, params)
