"""Routes of those who come through a share link: JSON for programs, pages for browsers.

A browser is known again by a cookie that no script can read and that lasts as long as the visit;
it signs nobody in elsewhere. Looking at a link that asks for something uses nothing up.
"""

from __future__ import annotations

from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi import Body as FormBody
from fastapi.responses import HTMLResponse, RedirectResponse

from functions.access import visit_pages, visiting
from functions.access.schemas import Cursor, Name, SharePassword, VisitBody
from functions.access.visit_pages import Scene
from functions.edge.pages import Languages, language_of, read_form, refuse_foreign, wants_page
from shared.access.links import Opened
from shared.kernel.errors import LimitedError, NotFoundError, UnauthenticatedError

router = APIRouter()
_HTML: Final[dict[str, Any]] = {"text/html": {}}
_SHOWN: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "What is behind the link.", "content": _HTML},
    404: {"description": "There is nothing here.", "content": _HTML},
    410: {"description": "The link counts no more.", "content": _HTML},
}
_ENTERED: Final[dict[int | str, dict[str, Any]]] = {
    303: {"description": "To what is behind the link."},
    401: {"description": "The password is wrong.", "content": _HTML},
    404: _SHOWN[404],
    410: _SHOWN[410],
    429: {"description": "Too many tries.", "content": _HTML},
}
_GIVEN: Final[dict[int | str, dict[str, Any]]] = {
    303: {"description": "To the file, or to the link where nobody has come through it."},
    403: {"description": "The link is for looking.", "content": _HTML},
    404: _SHOWN[404],
    410: _SHOWN[410],
}


@router.get("/s/{token}", response_model=VisitBody, responses=_SHOWN)
def look_behind(
    token: Name,
    request: Request,
    response: Response,
    *,
    cursor: Cursor = None,
    accept_language: Languages = "",
) -> VisitBody | Response:
    """Come through a link; one with a password is only described. Browsers get a page."""
    if wants_page(request.headers.get("accept", "")):
        return _look(token, request, accept_language, cursor=cursor)
    return _open(token, None, request, response)


@router.post("/s/{token}")
def come_through(
    token: Name, given: SharePassword, request: Request, response: Response
) -> VisitBody:
    """Come through a link with its password."""
    return _open(token, given.password, request, response)


@router.post(
    "/s/{token}/enter", response_class=RedirectResponse, status_code=303, responses=_ENTERED
)
def enter(
    token: Name,
    request: Request,
    body: Annotated[bytes, FormBody(media_type="application/x-www-form-urlencoded")] = b"",
    *,
    accept_language: Languages = "",
) -> Response:
    """Come through a link by its page's form."""
    refuse_foreign(request)
    language, password = language_of(accept_language), read_form(body).get("password", "")
    try:
        scene = Scene(language, token, visiting.find(token))
        opened = visiting.enter(token, password, request)
    except NotFoundError:
        return _nothing(language, token)
    except UnauthenticatedError:
        return visit_pages.entry_page(scene, mistake=scene.words["wrong"], status=401)
    except LimitedError as error:
        said = scene.words["wait"].format(seconds=error.retry_after_s)
        answer = visit_pages.entry_page(scene, mistake=said, status=429)
        answer.headers["retry-after"] = str(error.retry_after_s)
        return answer
    headers = {"cache-control": "no-store", "referrer-policy": "no-referrer"}
    going = RedirectResponse(scene.address, 303, headers=headers)
    visiting.remember(going, token, opened, request)
    return going


@router.get("/s/{token}/documents/{document_id}", response_class=HTMLResponse, responses=_SHOWN)
def show_document(
    token: Name, document_id: UUID, request: Request, *, accept_language: Languages = ""
) -> Response:
    """Show one document of what is behind a link, as a page."""
    return _look(token, request, accept_language, document_id=document_id)


@router.get(
    "/s/{token}/documents/{document_id}/download",
    response_class=RedirectResponse,
    status_code=303,
    responses=_GIVEN,
)
def download(
    token: Name, document_id: UUID, request: Request, *, accept_language: Languages = ""
) -> Response:
    """Lead to the file of a document behind a link, if the link allows that."""
    language = language_of(accept_language)
    try:
        scene = Scene(language, token, visiting.find(token))
        if not visiting.is_inside(scene, request):
            return RedirectResponse(scene.address, 303, headers={"cache-control": "no-store"})
        if not scene.link.allows_download:
            return visit_pages.refused_page(scene)
    except NotFoundError:
        return _nothing(language, token)
    try:
        url = visiting.lead_to_file(scene, document_id)
    except NotFoundError:
        return visit_pages.unknown_page(language, scene)
    headers = {"cache-control": "no-store", "referrer-policy": "no-referrer"}
    return RedirectResponse(url, 303, headers=headers)


def _look(
    token: str,
    request: Request,
    accept_language: str,
    *,
    cursor: str | None = None,
    document_id: UUID | None = None,
) -> Response:
    """Show what is behind a link to who has come through it, or what it asks for first."""
    language, opened = language_of(accept_language), None
    try:
        scene = Scene(language, token, visiting.find(token))
        if not visiting.is_inside(scene, request):
            if scene.link.is_used_up:
                return visit_pages.gone_page(language)
            if scene.link.password_hash or scene.link.is_counted:
                return visit_pages.entry_page(scene)
            opened = visiting.enter(token, None, request)
    except NotFoundError:
        return _nothing(language, token)
    try:
        answer = visiting.show(scene, cursor=cursor, document_id=document_id)
    except NotFoundError:
        answer = visit_pages.unknown_page(language, scene)
    if opened is not None:
        visiting.remember(answer, token, opened, request)
    return answer


def _nothing(language: str, token: str) -> HTMLResponse:
    if visiting.was_link(token):
        return visit_pages.gone_page(language)
    return visit_pages.unknown_page(language)


def _open(token: str, password: str | None, request: Request, response: Response) -> VisitBody:
    opened = visiting.enter(token, password, request)
    response.headers["cache-control"] = "no-store"
    response.headers["referrer-policy"] = "no-referrer"
    response.headers["vary"] = "accept"
    return _visit(opened)


def _visit(opened: Opened) -> VisitBody:
    return VisitBody(
        title=opened.title,
        kind=opened.resource.kind,
        id=opened.resource.id,
        expires_at=opened.expires_at,
        needs_password=opened.token is None,
        allows_download=opened.allows_download,
        access_token=opened.token,
        expires_in=opened.life_s if opened.token is not None else 0,
    )
