"""Routes of versions: list, restore, compare, read, download, and the pictures of pages."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query

from functions.documents.schemas import VersionBody, VersionList
from functions.documents.version_schemas import (
    ChangeBody,
    DifferenceBody,
    DownloadBody,
    FigureBody,
    FigureList,
    PageBody,
    PageList,
    TextBody,
)
from functions.edge.http import Caller
from shared.access.deciding import require_download
from shared.audit import service as audit
from shared.documents import service as documents
from shared.documents.model import DocumentRow, Version, derived_prefix, title_of
from shared.identity.model import Principal
from shared.ingestion.comparison import compare, unified
from shared.ingestion.derived import (
    keep_export,
    list_page_images,
    load_document,
    reading_prefix,
    thumbnail_key,
)
from shared.ingestion.model import Figure, ParsedDocument
from shared.ingestion.parsers.page_images import ensure_page_image
from shared.ingestion.readings import active_reading
from shared.ingestion.revival import restore_version as revive_version
from shared.kernel.errors import NotFoundError
from shared.kernel.ids import DocumentId
from shared.wiring import app as wired

router = APIRouter()
DOWNLOAD_S = 300
WEBP = "image/webp"
Number = Annotated[int, Query(ge=1)]


@router.get("/api/v1/documents/{document_id}/versions")
def list_versions(caller: Caller, document_id: UUID) -> VersionList:
    """List a document's versions, newest first."""
    caller.require("documents:read")
    with wired().database.transaction(caller.tenant_id) as session:
        row = documents.find_document(session, DocumentId(document_id))
        versions = [
            version
            for version in documents.list_versions(session, DocumentId(document_id))
            if may_look(caller, row, version.number)
        ]
    items = [VersionBody.model_validate(version) for version in versions]
    return VersionList(items=items, current=row.current_version)


@router.post("/api/v1/documents/{document_id}/versions/{number}/restore", status_code=202)
def restore_version(caller: Caller, document_id: UUID, number: int) -> VersionBody:
    """Make an earlier version the current one again; a failed one is tried once more.

    Search answers from the former one until this one is back in the index. Nothing is uploaded,
    and what was read and embedded before is used again.
    """
    caller.require("documents:write")
    app = wired()
    with app.database.transaction(caller.tenant_id) as session:
        version = revive_version(
            session,
            app.objects,
            DocumentId(document_id),
            number,
            embedding_model=app.chunk_index.active_model(session),
        )
        audit.record(
            session,
            actor_id=caller.user_id,
            action="version.restored",
            subject=f"document:{document_id}",
            details={"version": number},
        )
    app.relay(caller.tenant_id)
    return VersionBody.model_validate(version)


@router.get("/api/v1/documents/{document_id}/diff")
def show_difference(
    caller: Caller,
    document_id: UUID,
    *,
    old: Number,
    new: Number,
    form: Annotated[Literal["structured", "unified"], Query()] = "structured",
    limit: Annotated[int, Query(ge=1, le=2000)] = 500,
) -> DifferenceBody:
    """Show what changed between the texts of two versions, by blocks and words or by lines."""
    caller.require("documents:read")
    before, after = (_parsed(caller, document_id, number) for number in (old, new))
    found = compare(before, after)
    names = (f"version {old}", f"version {new}")
    is_unified = form == "unified"
    lines = unified(before, after, old_name=names[0], new_name=names[1]) if is_unified else None
    shown = () if is_unified else found.changes[:limit]
    return DifferenceBody(
        old_version=old,
        new_version=new,
        similarity=found.similarity,
        added=found.count("added"),
        removed=found.count("removed"),
        changed=found.count("changed"),
        words_added=found.words_added,
        words_removed=found.words_removed,
        changes=[ChangeBody.model_validate(change) for change in shown],
        is_cut=not is_unified and len(found.changes) > limit,
        unified=lines,
    )


@router.get("/api/v1/documents/{document_id}/versions/{number}/text")
def show_text(
    caller: Caller,
    document_id: UUID,
    number: int,
    reading: Annotated[int, Query(ge=0)] = 0,
) -> TextBody:
    """Show a version's canonical text, the one citations' character spans point into.

    ``reading`` 0 is the one that is searched; a citation names its own.
    """
    version, active = _version(caller, document_id, number)
    shown = reading or active
    parsed = load_document(wired().objects, caller.tenant_id, version.id, reading=shown)
    return TextBody(version_id=version.id, reading=shown, text=parsed.text)


@router.get("/api/v1/documents/{document_id}/download")
def download(
    caller: Caller,
    document_id: UUID,
    version: Annotated[int, Query(ge=0, description="0 is the one that counts.")] = 0,
    form: Annotated[Literal["original", "text", "markdown"], Query()] = "original",
) -> DownloadBody:
    """Make a short-lived address of a version: its original file, its text, or as Markdown."""
    require_download(caller)
    found, reading = _version(caller, document_id, version)
    objects = wired().objects
    if form == "original":
        url = objects.presign_download(
            found.object_key,
            filename=found.filename,
            version=found.object_version,
            expires_s=DOWNLOAD_S,
        )
    else:
        key = keep_export(objects, caller.tenant_id, found.id, form, reading=reading)
        name = f"{title_of(found.filename)}.{key.rpartition('.')[2]}"
        url = objects.presign_download(key, filename=name, version="", expires_s=DOWNLOAD_S)
    return DownloadBody(url=url, expires_in=DOWNLOAD_S)


@router.get("/api/v1/documents/{document_id}/versions/{number}/thumbnail")
def show_thumbnail(caller: Caller, document_id: UUID, number: int) -> DownloadBody:
    """Make a short-lived address of the small picture of a version's first page (WebP)."""
    version, _ = _version(caller, document_id, number)
    key = thumbnail_key(caller.tenant_id, version.id)
    if wired().objects.describe(key) is None:
        raise NotFoundError(f"There is no thumbnail: {_why_no_picture(version)}.")
    return _view(key, WEBP)


@router.get("/api/v1/documents/{document_id}/versions/{number}/pages")
def list_pages(caller: Caller, document_id: UUID, number: int) -> PageList:
    """List a version's pages: sizes, certainty of recognised words, and which have an image."""
    version, reading = _version(caller, document_id, number)
    parsed = load_document(wired().objects, caller.tenant_id, version.id, reading=reading)
    drawn = list_page_images(wired().objects, caller.tenant_id, version.id)
    items = [
        PageBody(
            number=page.number,
            width=page.width,
            height=page.height,
            confidence=page.confidence,
            has_image=page.number in drawn,
        )
        for page in parsed.pages
    ]
    return PageList(items=items)


@router.get("/api/v1/documents/{document_id}/versions/{number}/pages/{page}/image")
def show_page_image(caller: Caller, document_id: UUID, number: int, page: int) -> DownloadBody:
    """Make a short-lived address of a page's picture (WebP), to show a citation's boxes on."""
    version, _ = _version(caller, document_id, number)
    if page < 1 or (version.page_count is not None and page > version.page_count):
        raise NotFoundError(f"There is no page {page}; it has {version.page_count or 'no'} pages.")
    prefix = derived_prefix(caller.tenant_id, version.id)
    return _view(ensure_page_image(wired().objects, version, prefix, page), WEBP)


@router.get("/api/v1/documents/{document_id}/versions/{number}/figures")
def list_figures(caller: Caller, document_id: UUID, number: int) -> FigureList:
    """List the pictures in a version, each with a short-lived address."""
    version, reading = _version(caller, document_id, number)
    parsed = load_document(wired().objects, caller.tenant_id, version.id, reading=reading)
    prefix = f"{reading_prefix(caller.tenant_id, version.id, reading)}files/"
    return FigureList(items=[_figure(parsed, each, prefix) for each in parsed.figures])


def _figure(parsed: ParsedDocument, figure: Figure, prefix: str) -> FigureBody:
    caption = None if figure.block is None else parsed.blocks[figure.block]
    view = _view(prefix + figure.file, figure.media_type)
    return FigureBody(
        page=figure.page,
        box=None if figure.page is None else (figure.x0, figure.y0, figure.x1, figure.y1),
        width_px=figure.width_px,
        height_px=figure.height_px,
        media_type=figure.media_type,
        caption="" if caption is None else parsed.text[caption.start : caption.end],
        description=figure.description,
        url=view.url,
        expires_in=view.expires_in,
    )


def _version(caller: Principal, document_id: UUID, number: int) -> tuple[Version, int]:
    """Find a version to read from, and which of its readings is searched.

    Number 0 is the current version, or before there is one the newest.
    """
    caller.require("documents:read")
    with wired().database.transaction(caller.tenant_id) as session:
        row = documents.find_document(session, DocumentId(document_id))
        wanted = number or row.current_version or row.version
        if not may_look(caller, row, wanted):
            raise NotFoundError("There is no such version.")
        version = documents.find_version_number(session, DocumentId(document_id), wanted)
        return version, active_reading(session, version.id)


def may_look(caller: Principal, row: DocumentRow, number: int) -> bool:
    """Tell whether a version is the caller's to see.

    Visitors of a share link see the one that counts: what it replaced was not shared with them.
    """
    return caller.credential != "link" or number == (row.current_version or row.version)


def _parsed(caller: Principal, document_id: UUID, number: int) -> ParsedDocument:
    version, reading = _version(caller, document_id, number)
    if version.chunk_count == 0:
        raise NotFoundError(f"Version {number} has no text: {version.failure or version.stage}.")
    return load_document(wired().objects, caller.tenant_id, version.id, reading=reading)


def _view(key: str, media_type: str) -> DownloadBody:
    url = wired().objects.presign_view(key, media_type=media_type, expires_s=DOWNLOAD_S)
    return DownloadBody(url=url, expires_in=DOWNLOAD_S)


def _why_no_picture(version: Version) -> str:
    if version.stage == "failed":
        return "this version could not be read"
    if version.stage != "completed":
        return "this version is still being read"
    if version.page_count is None:
        return "its format has no pages"
    return "only the first pages of a document are drawn"
