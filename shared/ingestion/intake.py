"""Intake: bytes have arrived — look at them, hash them, keep them once, start their workflow."""

from __future__ import annotations

import logging
import re
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote_plus
from uuid import UUID

from shared.adapters.database import Database, Session
from shared.adapters.objects import Objects
from shared.adapters.outbox import leave_receipt, request_workflow
from shared.adapters.scanner import Scanner
from shared.audit import service as audit
from shared.documents import service as documents
from shared.documents.model import Kept, Upload, rank_of
from shared.documents.service import ReceivedFile
from shared.files.detection import detect
from shared.files.formats import Reader, reader_of
from shared.files.screening import InfectedError, put_away
from shared.files.signature_scanner import SignatureScanner
from shared.ingestion.revival import revive
from shared.ingestion.task import IngestTask
from shared.kernel.context import working_on
from shared.kernel.errors import InvalidError, KontorError, NotFoundError, TooLargeError
from shared.kernel.failures import Failure, classify
from shared.kernel.hashing import sha256_of_file
from shared.kernel.ids import JobId, TenantId
from shared.kernel.killpoints import reach
from shared.realtime import service as realtime
from shared.realtime.model import Report, Stage

logger = logging.getLogger(__name__)
_KEY = re.compile(r"uploads/([0-9a-f-]{36})/([0-9a-f-]{36})/[^/]+")
CONSUMER = "intake"
_ALWAYS_THERE = SignatureScanner()


@dataclass(frozen=True, slots=True)
class Arrival:
    """An object that S3 says is there."""

    tenant_id: TenantId
    upload_id: JobId
    key: str
    object_version: str


def arrivals(message: Mapping[str, object]) -> list[Arrival]:
    """Read an S3 notification; its test event and keys that are not uploads give nothing."""
    records = message.get("Records")
    found: list[Arrival] = []
    for record in records if isinstance(records, list) else []:
        item = record["s3"]["object"]
        key = unquote_plus(item["key"])
        match = _KEY.fullmatch(key)
        if match is None or not record["eventName"].removeprefix("s3:").startswith("ObjectCreated"):
            logger.warning("announcement is not an upload", extra={"key": key})
            continue
        found.append(
            Arrival(
                TenantId(UUID(match[1])), JobId(UUID(match[2])), key, item.get("versionId") or ""
            )
        )
    return found


def announcement(bucket: str, upload: Upload, object_version: str) -> dict[str, object]:
    """Write the notification S3 would have sent of an upload, for ``arrivals`` to read."""
    item = {"key": upload.object_key, "size": upload.size_bytes, "versionId": object_version}
    return {
        "Records": [
            {
                "eventSource": "kontor:again",
                "eventName": "ObjectCreated:Post",
                "s3": {"bucket": {"name": bucket}, "object": item},
            }
        ]
    }


def take_in(
    database: Database,
    objects: Objects,
    arrival: Arrival,
    *,
    max_bytes: int,
    scanner: Scanner = _ALWAYS_THERE,
) -> None:
    """Turn an arrived object into a version with a workflow, a duplicate, or a rejection.

    What ``scanner`` finds is moved into quarantine before anything has parsed it.

    Idempotent: a second announcement of the same upload finds it settled. What is wrong with the
    file ends in the job's record; raises what is not the file's fault (storage or database away).
    """
    started = time.perf_counter()
    with database.transaction(arrival.tenant_id) as session:
        try:
            upload = documents.find_upload(session, arrival.upload_id)
        except NotFoundError:
            logger.warning("object belongs to no upload", extra={"key": arrival.key})
            return
    if upload.state != "waiting":
        return
    with working_on(correlation=upload.correlation_id, tenant=str(arrival.tenant_id)):
        try:
            file = _examine(objects, upload, arrival, max_bytes=max_bytes, scanner=scanner)
            reach("intake.examined")
            outcome = _keep(database, objects, arrival, file, _milliseconds(started))
        except KontorError as error:
            if classify(error) is not Failure.PERMANENT:
                raise
            outcome = "rejected"
            if isinstance(error, InfectedError):
                put_away(
                    objects,
                    arrival.tenant_id,
                    upload.id,
                    key=arrival.key,
                    version=error.version,
                )
                reach("intake.quarantined")
            _reject(database, arrival, error, _milliseconds(started))
        logger.info("upload taken in", extra={"job_id": str(upload.id), "outcome": outcome})
        if outcome in {"duplicate", "restored", "rejected"}:
            objects.remove(arrival.key)


def _examine(
    objects: Objects, upload: Upload, arrival: Arrival, *, max_bytes: int, scanner: Scanner
) -> ReceivedFile:
    """Read the object once: its size, its hash, what it really is, whether it is clean."""
    info = objects.describe(arrival.key)
    if info is None:
        raise NotFoundError("The file disappeared from storage before it was read.")
    if info.size_bytes > max_bytes:
        raise TooLargeError(
            f"The file has {info.size_bytes:,} bytes; at most {max_bytes:,} are accepted."
        )
    if info.size_bytes == 0:
        raise InvalidError("The file is empty.")
    version = arrival.object_version or info.version
    with tempfile.TemporaryDirectory(prefix="kontor-") as folder:
        path = Path(folder) / "upload"
        objects.download(arrival.key, path, version=version)
        media_type = detect(path, filename=upload.filename, claimed=upload.claimed_type)
        finding = scanner.scan(path, key=arrival.key, version=version)
        if finding:
            raise InfectedError(upload.filename, finding, version=version)
        return ReceivedFile(
            sha256=sha256_of_file(path),
            size_bytes=path.stat().st_size,
            media_type=media_type,
            object_version=version,
        )


def _keep(
    database: Database, objects: Objects, arrival: Arrival, file: ReceivedFile, duration_ms: int
) -> str:
    """Record the version and its workflow, or the duplicate, in one transaction."""
    with database.transaction(arrival.tenant_id) as session:
        upload = documents.find_upload(session, arrival.upload_id)
        if upload.state != "waiting":
            return "repeated"
        kept = documents.keep(session, upload, file)
        leave_receipt(session, CONSUMER, str(upload.id), {"outcome": kept.outcome})
        stage = Stage.UPLOADED if kept.outcome == "new" else Stage.COMPLETED
        if kept.outcome == "new":
            documents.settle_upload(session, upload.id, "received")
            _start(session, upload, kept, reader_of(file.media_type))
        elif kept.outcome == "restored":
            documents.settle_upload(session, upload.id, "received")
            if not kept.is_current:
                version = documents.find_version(session, kept.version_id)
                # Which model is in use is not intake's to know: the vectors are made anew.
                revive(session, objects, version, embedding_model="")
        else:
            documents.settle_upload(session, upload.id, "duplicate", duplicate_of=kept.document_id)
        realtime.report(
            session,
            Report(
                job_id=upload.id,
                stage=stage,
                progress=1.0 if stage is Stage.COMPLETED else 0.05,
                step=CONSUMER,
                detail=_outcome(kept),
                document_id=kept.document_id,
                version_id=kept.version_id,
                duration_ms=duration_ms,
            ),
        )
        reach("intake.recorded")
    reach("intake.committed")
    return kept.outcome


def _outcome(kept: Kept) -> str:
    """Say where known bytes are; nothing needs to be said of new ones."""
    if kept.outcome == "new":
        return ""
    if kept.outcome == "restored":
        return f"Back to version {kept.number}, which has the same content."
    place = f" in {kept.folder}" if kept.folder else ""
    if kept.is_current:
        return f"Same content as “{kept.title}”{place}."
    return (
        f"Same content as version {kept.number} of “{kept.title}”{place}, which has another "
        "version now. Restore that version if you need it."
    )


def _start(session: Session, upload: Upload, kept: Kept, reader: Reader) -> None:
    assert session.tenant_id is not None
    task = IngestTask(
        tenant_id=session.tenant_id,
        document_id=kept.document_id,
        version_id=kept.version_id,
        job_id=upload.id,
        attempt=1,
        correlation_id=upload.correlation_id,
        reader=reader,
    )
    priority = rank_of(upload.priority, upload.size_bytes)
    request_workflow(session, task.execution_name, {"task": task.to_json()}, priority=priority)


def _reject(database: Database, arrival: Arrival, error: KontorError, duration_ms: int) -> None:
    """Tell the job why its file is not taken."""
    with database.transaction(arrival.tenant_id) as session:
        upload = documents.find_upload(session, arrival.upload_id)
        if upload.state != "waiting":
            return
        documents.settle_upload(session, upload.id, "rejected")
        leave_receipt(session, CONSUMER, str(upload.id), {"outcome": "rejected"})
        if isinstance(error, InfectedError):
            audit.record(
                session,
                actor_id=upload.created_by,
                action="upload.quarantined",
                subject=f"job:{upload.id}",
                details={"filename": upload.filename, "finding": error.finding},
            )
        realtime.report(
            session,
            Report(
                job_id=upload.id,
                stage=Stage.FAILED,
                progress=1.0,
                step=CONSUMER,
                detail=" ".join(filter(None, (error.detail, error.hint))),
                duration_ms=duration_ms,
            ),
        )


def _milliseconds(started: float) -> int:
    return round((time.perf_counter() - started) * 1000)
