"""The door for other systems: signed messages become events, and what is wished beside: documents,
or a new reading of those there are.
"""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel

from shared.adapters.database import Session
from shared.audit import service as audit
from shared.documents import folders
from shared.documents import service as documents
from shared.documents.model import Upload
from shared.documents.service import NewUpload
from shared.kernel.context import set_tenant, set_viewer
from shared.kernel.errors import NotFoundError, TooLargeError
from shared.kernel.ids import FolderId, UserId
from shared.realtime import service as realtime
from shared.reprocessing import service as reprocessing
from shared.reprocessing.model import Order
from shared.webhooks import incoming
from shared.webhooks.incoming import Heard
from shared.wiring import app as wired

router = APIRouter(tags=["webhooks"])


class HeardAnswer(BaseModel):
    """``is_new`` is false for a message that came before: it had its effect then.

    ``job_id`` follows the document that was made of it, ``reprocessing_id`` is what reads anew.
    """

    is_new: bool
    job_id: UUID | None = None
    reprocessing_id: UUID | None = None


async def _body(request: Request) -> bytes:
    """Read no more of a body than may be taken."""
    most = wired().settings.webhook_max_bytes
    read = bytearray()
    async for piece in request.stream():
        read += piece
        if len(read) > most:
            raise TooLargeError(f"A message may have {most:,} bytes.", hint="Send less of it.")
    return bytes(read)


@router.post(
    "/hooks/{source_id}",
    status_code=202,
    openapi_extra={
        "requestBody": {
            "description": "The message as its sender signs it (Standard Webhooks or GitHub).",
            "content": {"application/json": {"schema": {}}},
        }
    },
)
def receive(
    source_id: UUID, request: Request, body: Annotated[bytes, Depends(_body)]
) -> HeardAnswer:
    """Take a signed message; it takes effect once, however often it comes."""
    app = wired()
    headers = {name.lower(): value for name, value in request.headers.items()}
    heard = incoming.hear(app.database, app.secrets, source_id, headers, body)
    set_tenant(str(heard.tenant_id))
    # Whoever let the sender in lent it their eyes, and no more: grants hold for what comes in, too.
    set_viewer(f"user:{heard.source.created_by}")
    upload = reread = None
    with app.database.transaction(heard.tenant_id) as session:
        is_new = incoming.accept(session, heard)
        if is_new:
            upload = _announce(session, heard) if heard.source.effect == "document" else None
            reread = _read_anew(session, heard) if heard.source.effect == "reread" else None
            _record(session, heard, upload, reread)
    if upload is not None:
        text = incoming.paper_of(heard).text.encode()
        app.objects.put(upload.object_key, text, media_type="text/plain")
    app.relay(heard.tenant_id)
    return HeardAnswer(
        is_new=is_new,
        job_id=None if upload is None else upload.id,
        reprocessing_id=reread,
    )


def _announce(session: Session, heard: Heard) -> Upload:
    limits = wired().settings
    paper = incoming.paper_of(heard)
    created_by = UserId(heard.source.created_by)
    place = FolderId(heard.source.folder_id) if heard.source.folder_id else None
    if place and not folders.is_there(session, place):
        place = None  # it was removed, and is made anew like any that is missing
    upload = documents.announce_upload(
        session,
        NewUpload(
            filename=paper.filename,
            size_bytes=len(paper.text.encode()),
            folder="" if place else heard.source.folder,
            within=place,
            metadata={"webhook_source": heard.source.name, "webhook_id": heard.message_id},
        ),
        created_by=created_by,
        max_bytes=limits.max_upload_bytes,
        expiry_s=limits.upload_expiry_s,
    )
    realtime.open_job(session, job_id=upload.id, subject=upload.filename, created_by=created_by)
    return upload


def _read_anew(session: Session, heard: Heard) -> UUID:
    """Begin a reprocessing; while another is under way the message is refused, and comes again."""
    order = incoming.order_of(heard)
    if order.document_id is not None:
        there = documents.find_document(session, order.document_id)
        if not incoming.lies_in(heard.source, there.folder):
            raise NotFoundError("There is no such document.")
    begun = reprocessing.start(
        session,
        Order(
            reason="parser",
            document_id=order.document_id,
            folder="" if order.document_id else heard.source.folder.strip("/"),
        ),
        started_by=UserId(heard.source.created_by),
    )
    return begun.reprocessing.id


def _record(session: Session, heard: Heard, upload: Upload | None, reread: UUID | None) -> None:
    details: dict[str, object] = {
        "source": heard.source.name,
        "message_id": heard.message_id,
        "size_bytes": len(heard.body),
    }
    if upload is not None:
        details["job_id"] = str(upload.id)
    if reread is not None:
        details["reprocessing_id"] = str(reread)
    audit.record(
        session,
        actor_id=None,
        action="webhook.received",
        subject=f"webhook_source:{heard.source.id}",
        details=details,
    )
