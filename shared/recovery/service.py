"""Use cases of dead letters: bury what nobody could take in, list, set going again."""

from __future__ import annotations

import logging
from uuid import UUID

from shared.adapters import outbox
from shared.adapters.database import Database, Session
from shared.audit import service as audit
from shared.documents import service as documents
from shared.documents.model import Upload
from shared.files.formats import reader_of
from shared.ingestion.intake import Arrival
from shared.ingestion.task import IngestTask
from shared.kernel.errors import ConflictError, KontorError, NotFoundError
from shared.kernel.ids import JobId, TenantId, UserId, VersionId
from shared.kernel.killpoints import reach
from shared.kernel.paging import Page, clamp_limit, decode_cursor, encode_cursor
from shared.realtime import service as realtime
from shared.realtime.model import Report, Stage
from shared.recovery import store
from shared.recovery.model import DeadLetter, State

logger = logging.getLogger(__name__)
STEP = "dead_letters"


def bury(database: Database, arrival: Arrival, *, error: str) -> bool:
    """Give up on an upload that could not be taken in; False when there is nothing to give up.

    A second letter about the same upload, or one about an upload that was taken in meanwhile,
    changes nothing.
    """
    reason = (
        "Something went wrong on our side while the file was taken in. "
        "An administrator can start it again: see `kontor dlq list`."
    )
    with database.transaction(arrival.tenant_id) as session:
        try:
            upload = documents.find_upload(session, arrival.upload_id)
        except NotFoundError:
            logger.warning("dead letter about no upload", extra={"key": arrival.key})
            return False
        if upload.state != "waiting":
            return False
        documents.settle_upload(session, upload.id, "dead")
        store.record_letter(
            session,
            source="intake",
            subject=upload.id,
            title=upload.filename,
            reason=reason,
            error=error,
            correlation_id=upload.correlation_id,
        )
        _tell(session, upload.id, Stage.FAILED, reason)
        reach("dead_letters.buried")
    return True


def list_letters(
    session: Session, *, cursor: str | None, is_open_only: bool, limit: int
) -> Page[DeadLetter]:
    """List a tenant's letters, newest first."""
    before = UUID(decode_cursor(cursor, 1)[0]) if cursor else None
    limit = clamp_limit(limit)
    letters = store.list_letters(session, before=before, is_open_only=is_open_only, limit=limit)
    return Page(letters, encode_cursor(str(letters[-1].id)) if len(letters) == limit else None)


def find_letter(session: Session, letter_id: UUID) -> DeadLetter:
    """Return a letter and lock it; raises NotFoundError when it is not there or not yours."""
    letter = store.find_letter(session, letter_id)
    if letter is None:
        raise NotFoundError("There is no such dead letter.")
    return letter


def describe(session: Session) -> State:
    """Tell how much of the tenant's work waits, runs or was given up on."""
    return store.find_state(session)


def leave_to_sweep(upload: Upload, error: KontorError) -> None:
    """Log that an upload could not be announced now; the sweep announces all that wait."""
    logger.warning(
        "upload is announced later", extra={"job_id": str(upload.id), "reason": error.detail}
    )


def redrive(session: Session, letter_id: UUID, *, by: UserId) -> Upload | None:
    """Set the subject of a letter going again; returns an upload that is to be announced.

    A letter that was redriven before is left as it is. A version's workflow starts with the
    outbox; an upload is announced again by the caller after the commit, or else by the sweep.
    Raises NotFoundError when there is no such letter, ConflictError when its subject is gone.
    """
    letter = find_letter(session, letter_id)
    if letter.redriven_at is not None:
        return None
    upload = None
    if letter.source == "intake":
        upload = _reopen_upload(session, JobId(letter.subject))
    else:
        _restart_version(session, VersionId(letter.subject))
    store.close_letter(session, letter_id, redriven_by=by)
    audit.record(
        session,
        actor_id=by,
        action="dead_letter.redriven",
        subject=f"dead_letter:{letter_id}",
        details={"source": letter.source, "subject": str(letter.subject), "title": letter.title},
    )
    reach("dead_letters.redriven")
    return upload


def _reopen_upload(session: Session, upload_id: JobId) -> Upload | None:
    try:
        upload = documents.find_upload(session, upload_id)
    except NotFoundError as error:
        raise ConflictError("The upload is not there any more.") from error
    if upload.state != "dead":
        return None
    documents.settle_upload(session, upload_id, "waiting")
    _tell(session, upload_id, Stage.WAITING, "Started again.")
    return upload


def _restart_version(session: Session, version_id: VersionId) -> None:
    try:
        version = documents.find_version(session, version_id)
    except NotFoundError as error:
        raise ConflictError("The document has been removed meanwhile.") from error
    if version.stage != Stage.FAILED:
        return
    if documents.is_kept_elsewhere(session, version):
        raise ConflictError("The same file has been uploaded again meanwhile.")
    outbox.forget_receipts(session, str(version_id))
    begun = documents.begin_again(session, version)
    if begun is None:
        raise ConflictError("The document is being read again already.")
    version = begun
    job = realtime.find_job(session, version.job_id)
    assert session.tenant_id is not None
    task = IngestTask(
        tenant_id=session.tenant_id,
        document_id=version.document_id,
        version_id=version.id,
        job_id=version.job_id,
        attempt=version.attempt,
        correlation_id=job.correlation_id,
        reader=reader_of(version.media_type),
    )
    outbox.request_workflow(session, task.execution_name, {"task": task.to_json()})
    _tell(session, version.job_id, Stage.UPLOADED, "Started again.")


def _tell(session: Session, job_id: JobId, stage: Stage, detail: str) -> None:
    realtime.report(
        session,
        Report(
            job_id=job_id,
            stage=stage,
            progress=1.0 if stage is Stage.FAILED else 0.0,
            step=STEP,
            detail=detail,
        ),
    )


def arrival_of(tenant_id: TenantId, upload: Upload) -> Arrival:
    """Return an upload as an arrival, as if its bytes had just come."""
    return Arrival(tenant_id, upload.id, upload.object_key, "")
