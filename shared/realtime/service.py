"""Use cases of realtime: open and follow jobs, connect and listen, push what happened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from shared.adapters.database import Session
from shared.adapters.outbox import announce
from shared.adapters.sockets import Sockets
from shared.kernel.clock import now
from shared.kernel.context import correlation_id
from shared.kernel.errors import NotFoundError, UnauthenticatedError
from shared.kernel.ids import DocumentId, JobId, TenantId, UserId
from shared.kernel.paging import Page, clamp_limit, decode_cursor, encode_cursor
from shared.realtime import store
from shared.realtime.events import StageReached
from shared.realtime.model import Hop, Job, Report, check_topic, topics_of

CONNECTION_LIFE = timedelta(hours=2)  # API Gateway's own limit


def open_job(session: Session, *, job_id: JobId, subject: str, created_by: UserId) -> None:
    """Record a job that waits for its bytes, under the correlation id of the work in hand."""
    store.record_job(
        session,
        job_id=job_id,
        subject=subject,
        correlation_id=correlation_id(),
        created_by=created_by,
    )


def report(session: Session, news: Report) -> None:
    """Write news into the job and its story, and announce it to listeners after the commit."""
    job = store.change_job(session, news)
    if job is None:
        raise NotFoundError("There is no such job.")
    hop = store.record_hop(session, news)
    assert session.tenant_id is not None
    announce(
        session,
        StageReached(
            tenant_id=session.tenant_id,
            job_id=job.id,
            document_id=job.document_id,
            version_id=job.version_id,
            subject=job.subject,
            stage=hop.stage,
            progress=hop.progress,
            detail=hop.detail,
            step=hop.step,
            sequence=hop.sequence,
            at=hop.at.isoformat(),
        ),
    )


def find_job(session: Session, job_id: JobId) -> Job:
    """Return a job; raises NotFoundError when it is not there or not yours."""
    job = store.find_job(session, job_id)
    if job is None:
        raise NotFoundError("There is no such job.")
    return job


def list_jobs(session: Session, *, cursor: str | None, is_open_only: bool, limit: int) -> Page[Job]:
    """List jobs, newest first."""
    before = JobId(UUID(decode_cursor(cursor, 1)[0])) if cursor else None
    limit = clamp_limit(limit)
    jobs = store.list_jobs(session, before=before, is_open_only=is_open_only, limit=limit)
    return Page(jobs, encode_cursor(str(jobs[-1].id)) if len(jobs) == limit else None)


def list_hops(session: Session, job_id: JobId) -> list[Hop]:
    """Tell a job's story in order."""
    return store.list_hops(session, job_id)


def trace(session: Session, document_id: DocumentId) -> list[Hop]:
    """Tell every hop of every job of a document, in order of time."""
    return store.list_document_hops(session, document_id)


def forget_document(session: Session, document_id: DocumentId, job_ids: Sequence[JobId]) -> None:
    """Delete the jobs of a document, which is being erased, and those that never got as far."""
    store.remove_document_jobs(session, document_id, job_ids)


def connect(
    session: Session, *, connection_id: str, user_id: UserId, session_id: UUID | None = None
) -> None:
    """Remember an open connection; it is forgotten when the session it was opened with ends."""
    store.record_connection(
        session,
        connection_id=connection_id,
        user_id=user_id,
        session_id=session_id,
        expires_at=now() + CONNECTION_LIFE,
    )


def disconnect(session: Session, connection_id: str) -> None:
    """Forget a connection; forgetting twice is no error."""
    store.remove_connection(session, connection_id)


def check_connected(session: Session, connection_id: str) -> None:
    """Go on only while a connection is remembered; raises UnauthenticatedError otherwise.

    It is forgotten when its session, key, person or tenant's access ends, and stays forgotten:
    whoever is let in again opens another.
    """
    if store.find_connection(session, connection_id) is None:
        raise UnauthenticatedError("This connection has ended.", hint="Open another one.")


def subscribe(session: Session, connection_id: str, topic: object) -> str:
    """Let a connection listen to a topic of its tenant; returns the topic.

    Raises InvalidError for an unknown kind of topic. A topic of somebody else's job is simply
    silent, so nothing can be learned from subscribing.
    """
    checked = check_topic(topic)
    store.record_subscription(session, connection_id, checked)
    return checked


def unsubscribe(session: Session, connection_id: str, topic: object) -> str:
    """Let a connection listen no more; returns the topic."""
    checked = check_topic(topic)
    store.remove_subscription(session, connection_id, checked)
    return checked


def remove_expired(session: Session) -> int:
    """Forget connections that must be closed by now; returns how many."""
    return store.remove_expired_connections(session)


def list_listeners(
    session: Session, job_id: JobId | str, document_id: DocumentId | str | None
) -> list[str]:
    """List the connections that want to hear of a job, of people who may."""
    topics = topics_of(job_id, document_id)
    listeners = store.list_listeners(session, topics, job_id=job_id, document_id=document_id)
    return [listener.connection_id for listener in listeners]


def push(sockets: Sockets, connection_ids: list[str], frame: Mapping[str, object]) -> list[str]:
    """Send a frame to connections; returns those that are gone, to be forgotten."""
    return [gone for gone in connection_ids if not sockets.post(gone, frame)]


def progress_frame(detail: Mapping[str, object]) -> dict[str, object]:
    """Turn a StageReached event's detail into the frame listeners get."""
    names = ("job_id", "document_id", "stage", "progress", "detail", "sequence", "at", "subject")
    frame: dict[str, object] = {"type": "progress"}
    frame.update({name: detail[name] for name in names})
    frame["correlation_id"] = detail.get("correlation_id", "")
    return frame


def tenant_of(detail: Mapping[str, object]) -> TenantId:
    """Read whose event this is."""
    return TenantId(UUID(str(detail["tenant_id"])))
