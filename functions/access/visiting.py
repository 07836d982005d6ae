"""Coming through a share link, and what a browser sees that did: in the link's eyes, never more."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from uuid import UUID

from fastapi import Request, Response
from fastapi.responses import HTMLResponse

from functions.access import visit_pages
from functions.access.visit_pages import Scene, Text
from functions.edge.pages import cookie_called
from shared.access import links
from shared.access.links import Opened
from shared.access.model import FoundLink
from shared.adapters.database import Session
from shared.audit import service as audit
from shared.documents import collections, folders
from shared.documents import service as documents
from shared.documents.model import DocumentRow, Version
from shared.identity import throttling
from shared.identity.throttling import Patience, Try
from shared.ingestion.derived import load_beginning
from shared.ingestion.readings import active_reading
from shared.kernel.context import correlation_id, origin, working_on
from shared.kernel.ids import CollectionId, DocumentId, FolderId, TenantId
from shared.wiring import app as wired

PAGE: Final = 50
DOWNLOAD_S: Final = 300
_MOST_CHARACTERS: Final = 20_000
_MOST_BYTES: Final = 4 * 1024 * 1024  # packed; reading it takes 85 MB and half a second


def find(token: str) -> FoundLink:
    """Return the link of a token without coming through it; raises NotFoundError."""
    return links.find_link(wired().database, token)


def was_link(token: str) -> bool:
    """Tell whether there ever was a link with this token."""
    return links.was_link(wired().database, token)


def enter(token: str, password: str | None, request: Request) -> Opened:
    """Come through a link, which is recorded; one that wants a password is described without it.

    Wrong passwords make whoever tries wait, and after many the link is over. Raises as
    ``links.open_link`` does, and LimitedError.
    """
    app = wired()
    tried = None
    if password is not None and links.find_link(app.database, token).password_hash:
        address = request.client.host if request.client else ""
        tried = Try("share", f"{hashlib.sha256(token.encode()).hexdigest()} {address}", address)
        rules = Patience(app.settings.sign_in_tries, app.settings.sign_in_address_tries)
        throttling.take(app.database, tried, rules)
    tenant_id, opened = links.open_link(
        app.database, token, password=password, life_s=app.settings.share_visit_s
    )
    if tried is not None:
        throttling.forgive(app.database, tried)
    if opened.token is not None:
        with app.database.transaction(tenant_id) as session:
            audit.record(
                session, actor_id=None, action="share.opened", subject=str(opened.resource)
            )
    return opened


def remember(response: Response, token: str, opened: Opened, request: Request) -> None:
    """Give a browser the cookie by which it is inside until the visit ends."""
    assert opened.token is not None, "a page's form gives a password, if only an empty one"
    is_secure = _is_encrypted(request)
    response.set_cookie(
        _cookie_name(token, is_secure=is_secure),
        opened.token,
        max_age=opened.life_s,
        path="/",
        secure=is_secure,
        httponly=True,
        samesite="lax",
    )


def is_inside(scene: Scene, request: Request) -> bool:
    """Tell whether a browser has come through a link."""
    name = _cookie_name(scene.token, is_secure=_is_encrypted(request))
    return links.is_inside(wired().database, scene.link, request.cookies.get(name, ""))


def show(scene: Scene, *, cursor: str | None, document_id: UUID | None) -> HTMLResponse:
    """Show what is behind a link, or one document of it. Raises NotFoundError."""
    kind, thing = scene.link.resource_kind, scene.link.resource_id
    with _looking(scene) as session:
        if kind == "document" or document_id is not None:
            row, version, reading = _version(session, document_id or thing)
            within = "" if kind == "document" else _title(session, scene)[0]
        else:
            title, top = _title(session, scene)
            page = documents.list_documents(
                session,
                folder="",
                collection_id=CollectionId(thing) if kind == "collection" else None,
                cursor=cursor,
                limit=PAGE,
            )
            return visit_pages.list_page(scene, title, page.items, top=top, cursor=page.next_cursor)
    text = _text(scene, version, reading)
    return visit_pages.document_page(scene, row, text, within=within)


def lead_to_file(scene: Scene, document_id: UUID) -> str:
    """Make a short-lived address of a document's file, which is recorded. Raises NotFoundError."""
    app = wired()
    with _looking(scene) as session:
        row, version, _ = _version(session, document_id)
        url = app.objects.presign_download(
            version.object_key,
            filename=version.filename,
            version=version.object_version,
            expires_s=DOWNLOAD_S,
        )
        audit.record(
            session,
            actor_id=None,
            action="share.downloaded",
            subject=f"document:{row.id}",
            details={"share": str(scene.link.link_id), "version": version.number},
        )
    return url


@contextmanager
def _looking(scene: Scene) -> Iterator[Session]:
    tenant_id = TenantId(scene.link.tenant_id)
    with (
        working_on(
            correlation=correlation_id(),
            tenant=str(tenant_id),
            viewer=scene.link.viewer,
            origin=origin(),
        ),
        wired().database.transaction(tenant_id) as session,
    ):
        yield session


def _version(session: Session, document_id: UUID) -> tuple[DocumentRow, Version, int]:
    row = documents.find_document(session, DocumentId(document_id))
    wanted = row.current_version or row.version
    version = documents.find_version_number(session, row.id, wanted)
    return row, version, active_reading(session, version.id)


def _title(session: Session, scene: Scene) -> tuple[str, str]:
    """Return what a link's folder or collection is called today, and the folder's path."""
    thing = scene.link.resource_id
    if scene.link.resource_kind == "collection":
        return collections.find_collection(session, CollectionId(thing)).name, ""
    folder = folders.find_folder(session, FolderId(thing))
    return folder.name, folder.path


def _text(scene: Scene, version: Version, reading: int) -> Text:
    if version.stage == "failed":
        return Text(state="failed")
    if version.stage != "completed":
        return Text(state="unread")
    if version.chunk_count == 0:
        return Text(state="no_text")
    found = load_beginning(
        wired().objects,
        TenantId(scene.link.tenant_id),
        version.id,
        reading=reading,
        most_characters=_MOST_CHARACTERS,
        most_bytes=_MOST_BYTES,
    )
    return Text(state="too_long") if found is None else Text(*found)


def _cookie_name(token: str, *, is_secure: bool) -> str:
    """Name a link's cookie, so that two links do not take each other's."""
    name = f"kontor_visit_{hashlib.sha256(token.encode()).hexdigest()[:16]}"
    return cookie_called(name, is_secure=is_secure)


def _is_encrypted(request: Request) -> bool:
    """Tell whether the browser speaks HTTPS: API Gateway says so, the local gateway does not."""
    return request.headers.get("x-forwarded-proto", "") == "https"
