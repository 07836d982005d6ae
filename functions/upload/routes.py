"""Routes of uploads: announce a file, or send a small one at once."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from functions.edge.bodies import Body, Metadata
from functions.edge.http import Caller
from functions.edge.payloads import read_json
from shared.adapters.database import Session
from shared.audit import service as audit
from shared.documents import service as documents
from shared.documents.model import Priority, Upload
from shared.documents.service import NewUpload
from shared.identity.model import Principal
from shared.kernel.errors import InvalidError, TooLargeError
from shared.kernel.ids import DocumentId
from shared.realtime import service as realtime
from shared.wiring import app as wired

router = APIRouter(tags=["assets"])
_UNKNOWN_TYPE = "application/octet-stream"


class AnnouncedFile(Body):
    """A file the client is about to send to storage."""

    filename: str = Field(max_length=1024, examples=["report.pdf"])
    size_bytes: int = Field(gt=0, lt=2**63, examples=[120_394])
    media_type: str = Field(default="", max_length=255)
    folder: str = Field(default="", max_length=4096, examples=["contracts/2026"])
    document_id: UUID | None = Field(
        default=None, strict=False, description="Makes the file this document's next version."
    )
    metadata: Metadata = Field(default_factory=dict)
    on_conflict: Literal["keep", "version"] = Field(
        default="keep",
        description="What a file of the same name in the folder means: keep both, or make this "
        "one its next version.",
    )
    priority: Priority = Field(
        default="interactive",
        description="Bulk lets files that somebody waits for go first.",
    )


class PostForm(BaseModel):
    """Where and with which form fields the bytes are to be posted."""

    url: str
    fields: dict[str, str]


class AcceptedUpload(BaseModel):
    """The job to follow; ``upload`` is absent when the bytes came with the request."""

    job_id: UUID
    upload: PostForm | None = None
    expires_at: datetime | None = None


class DirectFile(BaseModel):
    """Query parameters of a file sent as the request body."""

    model_config = ConfigDict(extra="forbid")

    filename: str = Field(default="", max_length=1024)
    folder: str = Field(default="", max_length=4096)
    document_id: UUID | None = None
    on_conflict: Literal["keep", "version"] = "keep"
    priority: Priority = "interactive"


async def _body(request: Request) -> bytes:
    return await request.body()


@router.post(
    "/api/v1/assets",
    status_code=201,
    responses={202: {"model": AcceptedUpload, "description": "The bytes came with the request"}},
    openapi_extra={
        "requestBody": {
            "description": "With ?filename=… the bytes themselves; otherwise the announcement.",
            "content": {
                "application/json": {"schema": AnnouncedFile.model_json_schema()},
                "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
            },
        }
    },
)
def receive(
    caller: Caller,
    request: Request,
    response: Response,
    direct: Annotated[DirectFile, Query()],
    body: Annotated[bytes, Depends(_body)],
) -> AcceptedUpload:
    """Announce a file and get a presigned POST, or send a small file as the body."""
    caller.require("documents:write")
    if direct.filename:
        response.status_code = 202
        return _take(caller, direct, body, request.headers.get("content-type", ""))
    return _announce(caller, body)


def _announce(caller: Principal, body: bytes) -> AcceptedUpload:
    try:
        read_json(body)
        file = AnnouncedFile.model_validate_json(body)
    except ValidationError as error:
        raise _invalid(error) from error
    new = NewUpload(
        filename=file.filename,
        size_bytes=file.size_bytes,
        claimed_type=file.media_type,
        folder=file.folder,
        document_id=DocumentId(file.document_id) if file.document_id else None,
        metadata=file.metadata,
        on_conflict=file.on_conflict,
        priority=file.priority,
    )
    app = wired()
    with app.database.transaction(caller.tenant_id) as session:
        upload = _open(session, caller, new)
    form = app.objects.presign_upload(
        upload.object_key,
        size_bytes=upload.size_bytes,
        media_type=upload.claimed_type or _UNKNOWN_TYPE,
        expires_s=app.settings.upload_expiry_s,
    )
    return AcceptedUpload(
        job_id=upload.id,
        upload=PostForm(url=form.url, fields=form.fields),
        expires_at=upload.expires_at,
    )


def _take(caller: Principal, file: DirectFile, body: bytes, claimed_type: str) -> AcceptedUpload:
    app = wired()
    if len(body) > app.settings.max_direct_bytes:
        raise TooLargeError(
            f"A body may have {app.settings.max_direct_bytes:,} bytes.",
            hint="Announce the file as JSON and post it to the address you get.",
        )
    new = NewUpload(
        filename=file.filename,
        size_bytes=len(body),
        claimed_type=claimed_type.partition(";")[0].strip(),
        folder=file.folder,
        document_id=DocumentId(file.document_id) if file.document_id else None,
        on_conflict=file.on_conflict,
        priority=file.priority,
    )
    with app.database.transaction(caller.tenant_id) as session:
        upload = _open(session, caller, new)
    media_type = upload.claimed_type or _UNKNOWN_TYPE
    app.objects.put(upload.object_key, body, media_type=media_type)
    return AcceptedUpload(job_id=upload.id)


def _open(session: Session, caller: Principal, new: NewUpload) -> Upload:
    limits = wired().settings
    upload = documents.announce_upload(
        session,
        new,
        created_by=caller.user_id,
        max_bytes=limits.max_upload_bytes,
        expiry_s=limits.upload_expiry_s,
    )
    realtime.open_job(session, job_id=upload.id, subject=upload.filename, created_by=caller.user_id)
    audit.record(
        session,
        actor_id=caller.user_id,
        action="upload.announced",
        subject=f"job:{upload.id}",
        details={"filename": upload.filename, "size_bytes": upload.size_bytes},
    )
    return upload


def _invalid(error: ValidationError) -> InvalidError:
    fields = {
        ".".join(str(part) for part in e["loc"]) or "body": str(e["msg"]) for e in error.errors()
    }
    listed = "; ".join(f"{name}: {what}" for name, what in fields.items())
    return InvalidError(
        f"The announcement is not valid: {listed}.",
        hint="Send JSON with filename and size_bytes, or the bytes with ?filename=….",
        fields=fields,
    )
