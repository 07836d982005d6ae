"""The pages behind the links in mails, in German and English: plain HTML that needs no script.

A page loads nothing and may send its form to us alone; its one style sheet is named by its hash.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, field
from functools import cache
from html import escape
from importlib.resources import files
from typing import Final, Literal

from fastapi.responses import HTMLResponse

Linked = Literal["invitation", "verify_email", "change_email", "reset_password"]
"""What the links in mails are for."""

_STYLE: Final = """
:root{color-scheme:light dark;--ink:#1b1f24;--soft:#57606a;--ground:#f4f5f7;--sheet:#fff;
--line:#868e96;--act:#0b57d0;--on-act:#fff;--bad:#b3261e}
@media (prefers-color-scheme:dark){:root{--ink:#e8eaed;--soft:#aab1b9;--ground:#15181c;
--sheet:#1f2328;--line:#7d858e;--act:#a8c7fa;--on-act:#0a2a5c;--bad:#f2b8b5}}
*{box-sizing:border-box}
body{margin:0;padding:1rem;min-height:100vh;display:grid;place-items:center;
background:var(--ground);color:var(--ink);font:1rem/1.5 system-ui,sans-serif}
main{width:100%;max-width:27rem;padding:1.75rem;background:var(--sheet);border-radius:.75rem;
overflow-wrap:anywhere}
.house{margin:0 0 1.25rem;color:var(--soft);font-weight:600}
h1{margin:0 0 .5rem;font-size:1.4rem;line-height:1.25}
p{margin:0 0 1rem}
label{display:block;margin:1rem 0 .25rem;font-weight:600}
input{width:100%;padding:.6rem .75rem;font:inherit;color:inherit;background:transparent;
border:1px solid var(--line);border-radius:.4rem}
input[aria-invalid]{border-color:var(--bad)}
.hint{margin:.25rem 0 0;color:var(--soft);font-size:.875rem}
.bad{color:var(--bad);font-weight:600}
button{width:100%;margin-top:1.5rem;padding:.7rem;font:inherit;font-weight:600;border:0;
border-radius:.4rem;background:var(--act);color:var(--on-act);cursor:pointer}
:focus-visible{outline:3px solid var(--act);outline-offset:2px}
code{display:block;padding:.75rem;background:var(--ground);border-radius:.4rem;font-size:.875rem}
"""
_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
HEADERS: Final = {
    "content-security-policy": f"default-src 'none'; style-src 'sha256-{_HASH}'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "vary": "accept-language",
    "x-robots-tag": "noindex",
}
_LANGUAGES: Final = ("en", "de")


@dataclass(frozen=True, slots=True)
class Behind:
    """What a link is about: its purpose, the tenant, the address; ``slug`` is the tenant's."""

    purpose: Linked
    tenant: str
    slug: str
    email: str


@dataclass(frozen=True, slots=True)
class Form:
    """What stands in a form: its link's token, the name typed before and what was wrong."""

    token: str = field(repr=False)
    display_name: str = ""
    mistake: str = ""
    status: int = 200


@cache
def words_of() -> dict[str, dict[str, dict[str, str]]]:
    """Read the words of all pages, by language, kind of words and name."""
    text = files("functions.auth").joinpath("page_words.json").read_text("utf-8")
    found: dict[str, dict[str, dict[str, str]]] = json.loads(text)
    return found


def language_of(accepted: str) -> str:
    """Choose the language a browser asks for most (RFC 9110, section 12.5.4); else English."""
    best, weight = "en", 0.0
    for part in accepted.split(","):
        name, _, quality = part.partition(";")
        language = name.strip().lower().partition("-")[0]
        asked = _weight_of(quality)
        if language in _LANGUAGES and asked > weight:
            best, weight = language, asked
    return best


def form_page(language: str, behind: Behind, form: Form) -> HTMLResponse:
    """Show what a link is about, and the form that uses it."""
    words, purpose = words_of()[language], behind.purpose
    about = {"tenant": behind.tenant, "email": behind.email}
    mistake = words["mistakes"][form.mistake] if form.mistake else ""
    fields = [f'<input type="hidden" name="token" value="{escape(form.token)}">']
    if purpose == "invitation":
        fields.append(_name_field(words["labels"], form))
    if purpose in {"invitation", "reset_password"}:
        fields.append(_password_fields(words["labels"], behind, form))
    said = f'<p class="bad" role="alert" id="mistake">{escape(mistake)}</p>' if mistake else ""
    title = words["titles"][purpose].format(**about)
    body = (
        f"<p>{escape(words['leads'][purpose].format(**about))}</p>{said}"
        f'<form method="post" action="/auth/forms/{purpose}">{"".join(fields)}'
        f"<button>{escape(words['buttons'][purpose])}</button></form>"
    )
    return _page(language, title, body, form.status)


def done_page(language: str, behind: Behind, *, api: str) -> HTMLResponse:
    """Say that the link was used, and what to do next."""
    words = words_of()[language]
    title = words["done"][behind.purpose].format(tenant=behind.tenant, email=behind.email)
    command = f"kontor login{_at(api)} --email {behind.email} --tenant {behind.slug}"
    body = f"<p>{escape(words['labels']['next'])}</p><code>{escape(command)}</code>"
    return _page(language, title, body, 200)


def over_page(language: str, purpose: Linked, *, api: str) -> HTMLResponse:
    """Say that a link does not count, whatever the reason, and how to come by another."""
    words = words_of()[language]["over"]
    again = f"<code>{escape(f'kontor password forgot{_at(api)} …@…')}</code>"
    command = again if purpose in {"verify_email", "reset_password"} else ""
    body = f"<p>{escape(words['lead'])}</p><p>{escape(words[purpose])}</p>{command}"
    return _page(language, words["title"], body, 410)


def _at(api: str) -> str:
    """Name the server a command talks to, where it is not the one on the same machine."""
    return f" --api {api}" if api else ""


def _page(language: str, title: str, body: str, status: int) -> HTMLResponse:
    return HTMLResponse(
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)} · Kontor</title><style>{_STYLE}</style></head><body><main>"
        f'<p class="house">Kontor</p><h1>{escape(title)}</h1>{body}</main></body></html>',
        status,
        headers=HEADERS,
    )


def _name_field(labels: dict[str, str], form: Form) -> str:
    wrong = _wrong(is_wrong=form.mistake == "display_name")
    return (
        f'<label for="display_name">{escape(labels["display_name"])}</label>'
        f'<input id="display_name" name="display_name" value="{escape(form.display_name)}" '
        f'autocomplete="name" maxlength="200" required{wrong}>'
    )


def _password_fields(labels: dict[str, str], behind: Behind, form: Form) -> str:
    wrong = _wrong(is_wrong=form.mistake in {"short", "long", "guessed", "repeated"})
    kind = 'type="password" autocomplete="new-password" maxlength="1024" required'
    # Password managers keep the new password under the address that stands beside it.
    return (
        f'<input type="hidden" name="email" autocomplete="username" value="{escape(behind.email)}">'
        f'<label for="password">{escape(labels["password"])}</label>'
        f'<input id="password" name="password" {kind} minlength="12" '
        f'aria-describedby="hint"{wrong}><p class="hint" id="hint">{escape(labels["hint"])}</p>'
        f'<label for="repeated">{escape(labels["repeated"])}</label>'
        f'<input id="repeated" name="repeated" {kind}{wrong}>'
    )


def _wrong(*, is_wrong: bool) -> str:
    return ' aria-invalid="true" aria-errormessage="mistake"' if is_wrong else ""


def _weight_of(quality: str) -> float:
    try:
        return float(quality.strip().removeprefix("q=") or "1")
    except ValueError:
        return 0.0
