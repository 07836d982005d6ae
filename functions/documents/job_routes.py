"""Routes of jobs and of the story of a document."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from functions.documents.paging import Cursor, Limit
from functions.documents.schemas import HopBody, JobBody, JobPage, OriginalBody, Trace
from functions.edge.http import Caller
from shared.documents import service as documents
from shared.documents.model import Original
from shared.kernel.ids import DocumentId, JobId
from shared.realtime import service as realtime
from shared.realtime.model import Job
from shared.wiring import app as wired

router = APIRouter()


@router.get("/api/v1/documents/{document_id}/trace")
def trace(caller: Caller, document_id: UUID) -> Trace:
    """Tell every hop of the document's pipeline, in order of time."""
    caller.require("documents:read")
    with wired().database.transaction(caller.tenant_id) as session:
        documents.find_document(session, DocumentId(document_id))
        hops = realtime.trace(session, DocumentId(document_id))
    return Trace(hops=[HopBody.model_validate(hop) for hop in hops])


@router.get("/api/v1/jobs")
def list_jobs(
    caller: Caller,
    state: Annotated[str, Query(pattern="^(open|all)$")] = "open",
    cursor: Cursor = None,
    limit: Limit = 50,
) -> JobPage:
    """List jobs, newest first; by default those that are not finished."""
    caller.require("documents:read")
    with wired().database.transaction(caller.tenant_id) as session:
        page = realtime.list_jobs(session, cursor=cursor, is_open_only=state == "open", limit=limit)
        originals = documents.list_originals(session, [job.id for job in page.items])
    items = [_body(job, originals.get(job.id)) for job in page.items]
    return JobPage(items=items, next_cursor=page.next_cursor)


@router.get("/api/v1/jobs/{job_id}")
def show_job(caller: Caller, job_id: UUID) -> JobBody:
    """Show a job and everything that happened to it."""
    caller.require("documents:read")
    with wired().database.transaction(caller.tenant_id) as session:
        job = realtime.find_job(session, JobId(job_id))
        hops = realtime.list_hops(session, JobId(job_id))
        originals = documents.list_originals(session, [job.id])
    body = _body(job, originals.get(job.id))
    body.events = [HopBody.model_validate(hop) for hop in hops]
    return body


def _body(job: Job, original: Original | None) -> JobBody:
    body = JobBody.model_validate(job)
    if original is not None:
        body.duplicate_of = OriginalBody.model_validate(original)
    return body
