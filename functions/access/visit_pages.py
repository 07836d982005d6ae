"""The pages behind share links, in German and English (``functions.edge.pages``)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC
from functools import cache
from html import escape
from importlib.resources import files
from typing import Any, Final
from urllib.parse import quote

from fastapi.responses import HTMLResponse

from functions.edge.pages import page
from shared.access.model import FoundLink
from shared.documents.model import DocumentRow

_KIB: Final = 1024
_LANGUAGE_CODE: Final = 2


@dataclass(frozen=True, slots=True)
class Scene:
    """In which language a link's page speaks, and the link it is about."""

    language: str
    token: str = field(repr=False)
    link: FoundLink

    @property
    def words(self) -> dict[str, Any]:
        """Return the words of the page's language."""
        return words_of()[self.language]

    @property
    def address(self) -> str:
        """Return the link's path, safe in an attribute."""
        return f"/s/{quote(self.token, safe='')}"


@dataclass(frozen=True, slots=True)
class Text:
    """What can be shown of a document's text; ``state`` names why there is none."""

    beginning: str = field(default="", repr=False)
    is_cut: bool = False
    state: str = ""


@cache
def words_of() -> dict[str, dict[str, Any]]:
    """Read the words of all pages, by language."""
    text = files("functions.access").joinpath("visit_words.json").read_text("utf-8")
    found: dict[str, dict[str, Any]] = json.loads(text)
    return found


def entry_page(scene: Scene, *, mistake: str = "", status: int = 200) -> HTMLResponse:
    """Ask for the password, or for a push on the button where uses are counted."""
    words, wants_password = scene.words, bool(scene.link.password_hash)
    wrong = ' aria-invalid="true" aria-errormessage="mistake"' if mistake else ""
    said = f'<p class="bad" role="alert" id="mistake">{escape(mistake)}</p>' if mistake else ""
    fields = (
        f'<label for="password">{escape(words["password"])}</label>'
        f'<input id="password" name="password" type="password" autocomplete="off" '
        f'maxlength="1024" required aria-describedby="hint"{wrong}>'
        f'<p class="hint" id="hint">{escape(words["enter_password"])}</p>'
        if wants_password
        else f'<p class="hint">{escape(words["enter_counted"])}</p>'
    )
    body = (
        f"{_lead(scene)}{said}"
        f'<form method="post" action="{scene.address}/enter">{fields}'
        f"<button>{escape(words['enter'])}</button></form>"
    )
    return page(scene.language, scene.link.title, body, status=status)


def list_page(
    scene: Scene, title: str, rows: Sequence[DocumentRow], *, top: str, cursor: str | None
) -> HTMLResponse:
    """Show what lies in a folder or collection; ``top`` is the path nobody need see above it."""
    words = scene.words
    items = "".join(
        f'<li><a href="{scene.address}/documents/{row.id}">{escape(row.title)}</a>'
        f'<p class="hint">{escape(_facts(words, row, folder=_below(top, row.folder)))}</p></li>'
        for row in rows
    )
    shown = f'<ul class="files">{items}</ul>' if items else f"<p>{escape(words['empty'])}</p>"
    following = (
        f'<a class="act" rel="next" href="{scene.address}?cursor={quote(cursor, safe="")}">'
        f"{escape(words['next'])}</a>"
        if cursor
        else ""
    )
    return page(scene.language, title, f"{_lead(scene)}{shown}{following}", is_wide=True)


def document_page(scene: Scene, row: DocumentRow, text: Text, *, within: str) -> HTMLResponse:
    """Show a document: what it is, its text, and a way to have it; ``within`` is what it is in."""
    words = scene.words
    back = (
        f'<a class="back" href="{scene.address}">{escape(words["back"].format(title=within))}</a>'
        if within
        else ""
    )
    have = (
        f'<p><a class="act" href="{scene.address}/documents/{row.id}/download">'
        f"{escape(words['download'])}</a></p>"
        if scene.link.allows_download
        else ""
    )
    lead = "" if within else _lead(scene)
    facts = f'<p class="facts">{escape(_facts(words, row))}</p>'
    body = f"{back}{lead}{facts}{have}<h2>{escape(words['text'])}</h2>{_shown(words, row, text)}"
    return page(scene.language, row.title, body, is_wide=True)


def gone_page(language: str) -> HTMLResponse:
    """Say that a link is over, whatever the reason."""
    words = words_of()[language]
    return page(language, words["gone_title"], f"<p>{escape(words['gone'])}</p>", status=410)


def unknown_page(language: str, scene: Scene | None = None) -> HTMLResponse:
    """Say that nothing is here: no such link, or nothing of that name behind it."""
    words = words_of()[language]
    back = f'<p><a href="{scene.address}">{escape(words["to_start"])}</a></p>' if scene else ""
    said = f"<p>{escape(words['unknown'])}</p>{back}"
    return page(language, words["unknown_title"], said, status=404)


def refused_page(scene: Scene) -> HTMLResponse:
    """Say that a link lets look and keeps its files."""
    words = scene.words
    back = f'<p><a href="{scene.address}">{escape(words["to_start"])}</a></p>'
    said = f"<p>{escape(words['refused'])}</p>{back}"
    return page(scene.language, words["refused_title"], said, status=403)


def _lead(scene: Scene) -> str:
    words, link = scene.words, scene.link
    ends = link.expires_at.astimezone(UTC)
    date = words["date"].format(
        day=ends.day, month=words["months"][ends.month - 1], year=ends.year, time=f"{ends:%H:%M}"
    )
    said = words["shared_by" if link.maker else "shared"].format(
        maker=link.maker, tenant=link.tenant, kind=words["kinds"][link.resource_kind], date=date
    )
    only = "" if link.allows_download else f" {words['only_looking']}"
    return f"<p>{escape(said + only)}</p>"


def _facts(words: dict[str, Any], row: DocumentRow, *, folder: str = "") -> str:
    _, dot, extension = row.filename.rpartition(".")
    facts = [extension.upper() if dot and extension.isalnum() else row.media_type]
    facts.append(_size(words, row.size_bytes))
    if row.page_count:
        facts.append(words["page" if row.page_count == 1 else "pages"].format(count=row.page_count))
    if folder:
        facts.append(words["in"].format(folder=folder))
    return " · ".join(facts)


def _size(words: dict[str, Any], size_bytes: int) -> str:
    size, unit = float(size_bytes), "B"
    for larger in ("KB", "MB", "GB"):
        if size < _KIB:
            break
        size, unit = size / _KIB, larger
    text = f"{size:.0f}" if unit == "B" or size >= 10 else f"{size:.1f}"  # noqa: PLR2004
    return f"{text.replace('.', words['decimal'])} {unit}"


def _below(top: str, folder: str) -> str:
    return folder.removeprefix(top).strip("/") if top else ""


def _shown(words: dict[str, Any], row: DocumentRow, text: Text) -> str:
    if text.state:
        return f"<p>{escape(words[text.state])}</p>"
    language = f' lang="{row.language}"' if len(row.language) == _LANGUAGE_CODE else ""
    cut = f'<p class="hint">{escape(words["cut"])}</p>' if text.is_cut else ""
    return f'<div class="text" dir="auto"{language}>{escape(text.beginning)}</div>{cut}'
