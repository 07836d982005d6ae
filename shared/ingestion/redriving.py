"""Dead letters of ingestion: bury an upload nobody could take in, and set one going again."""

from __future__ import annotations

import logging
from uuid import UUID

from shared.adapters import dead_letters, outbox
from shared.adapters.database import Database, Session
from shared.adapters.dead_letters import DeadLetter
from shared.documents import service as documents
from shared.documents.model import Upload
from shared.ingestion.formats import reader_of
from shared.ingestion.intake import Arrival
from shared.ingestion.task import IngestTask
from shared.kernel.errors import ConflictError, NotFoundError
from shared.kernel.ids import JobId, TenantId, UserId, VersionId
from shared.kernel.killpoints import reach
from shared.realtime import service as realtime
from shared.realtime.model import Report, Stage

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
        dead_letters.record(
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


def redrive(session: Session, letter_id: UUID, *, by: UserId) -> tuple[DeadLetter, Upload | None]:
    """Set the subject of a letter going again; returns the letter, and an upload to announce.

    A letter that was redriven before is left as it is. A version's workflow starts with the
    outbox; an upload is announced again by the caller after the commit, or else by the sweep.
    Raises NotFoundError when there is no such letter, ConflictError when its subject is gone.
    """
    letter = dead_letters.find_letter(session, letter_id)
    if letter is None:
        raise NotFoundError("There is no such dead letter.")
    if letter.redriven_at is not None:
        return letter, None
    upload = None
    if letter.source == "intake":
        upload = _reopen_upload(session, JobId(letter.subject))
    else:
        _restart_version(session, VersionId(letter.subject))
    dead_letters.close_letter(session, letter_id, redriven_by=by)
    reach("dead_letters.redriven")
    return letter, upload


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
