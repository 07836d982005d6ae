"""The frame of every page a browser is shown, in German and English: plain HTML without a script.

A page loads nothing and may send its form to us alone; its one style sheet is named by its hash.
"""

from __future__ import annotations

import base64
import hashlib
import re
from html import escape
from typing import Annotated, Final
from urllib.parse import parse_qsl

from fastapi import Header, Request
from fastapi.responses import HTMLResponse

from shared.kernel.errors import RefusedError

_STYLE: Final = """
:root{color-scheme:light dark;--ink:#1b1f24;--soft:#57606a;--ground:#f4f5f7;--sheet:#fff;
--line:#868e96;--rule:#d0d5da;--act:#0b57d0;--on-act:#fff;--bad:#b3261e}
@media (prefers-color-scheme:dark){:root{--ink:#e8eaed;--soft:#aab1b9;--ground:#15181c;
--sheet:#1f2328;--line:#7d858e;--rule:#3a4047;--act:#a8c7fa;--on-act:#0a2a5c;--bad:#f2b8b5}}
*{box-sizing:border-box}
body{margin:0;padding:1rem;min-height:100vh;display:grid;place-items:center;
background:var(--ground);color:var(--ink);font:1rem/1.5 system-ui,sans-serif}
main{width:100%;max-width:27rem;padding:1.75rem;background:var(--sheet);border-radius:.75rem;
overflow-wrap:anywhere}
main.wide{max-width:46rem;align-self:start}
.house{margin:0 0 1.25rem;color:var(--soft);font-weight:600}
h1{margin:0 0 .5rem;font-size:1.4rem;line-height:1.25}
h2{margin:1.75rem 0 .5rem;font-size:1.05rem}
p{margin:0 0 1rem}
a{color:var(--act)}
label{display:block;margin:1rem 0 .25rem;font-weight:600}
input{width:100%;padding:.6rem .75rem;font:inherit;color:inherit;background:transparent;
border:1px solid var(--line);border-radius:.4rem}
input[aria-invalid]{border-color:var(--bad)}
.hint{margin:.25rem 0 0;color:var(--soft);font-size:.875rem}
.bad{color:var(--bad);font-weight:600}
button,.act{display:block;width:100%;margin-top:1.5rem;padding:.7rem 1.25rem;font:inherit;
font-weight:600;text-align:center;text-decoration:none;border:0;border-radius:.4rem;
background:var(--act);color:var(--on-act);cursor:pointer}
.wide .act{display:inline-block;width:auto;margin:.5rem 0 0}
:focus-visible{outline:3px solid var(--act);outline-offset:2px}
code{display:block;padding:.75rem;background:var(--ground);border-radius:.4rem;font-size:.875rem}
.facts{margin:0 0 1rem;color:var(--soft)}
.files{margin:0;padding:0;list-style:none;border-top:1px solid var(--rule)}
.files li{padding:.7rem 0;border-bottom:1px solid var(--rule)}
.wide .files+.act{margin-top:1.25rem}
.files a{font-weight:600;text-decoration:none}
.files a:hover{text-decoration:underline}
.text{padding:1rem;background:var(--ground);border-radius:.4rem;white-space:pre-wrap}
.back{display:inline-block;margin-bottom:1rem}
"""
_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
HEADERS: Final = {
    "content-security-policy": f"default-src 'none'; style-src 'sha256-{_HASH}'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "vary": "accept, accept-language",
    "x-robots-tag": "noindex",
}
Languages = Annotated[str, Header(alias="accept-language", max_length=512)]
OURS_ALONE: Final = "__Host-"
_LANGUAGES: Final = ("en", "de")
_MOST_FORM_BYTES: Final = 16_384
_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")


def page(
    language: str, title: str, body: str, *, status: int = 200, is_wide: bool = False
) -> HTMLResponse:
    """Put a page's body, which is HTML, under its title, which is text."""
    width = ' class="wide"' if is_wide else ""
    return HTMLResponse(
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)} · Kontor</title><style>{_STYLE}</style></head>"
        f'<body><main{width}><p class="house">Kontor</p><h1>{escape(title)}</h1>{body}'
        "</main></body></html>",
        status,
        headers=HEADERS,
    )


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


def wants_page(accepted: str) -> bool:
    """Tell a browser from a program: it names HTML, and asks for it more than for JSON."""
    weights = {"text/html": 0.0, "application/json": 0.0}
    for part in accepted.split(","):
        name, _, quality = part.partition(";")
        if name.strip().lower() in weights:
            weights[name.strip().lower()] = _weight_of(quality)
    return weights["text/html"] > weights["application/json"]


def read_form(body: bytes) -> dict[str, str]:
    """Read a form. Anything else is read as an empty one."""
    if len(body) > _MOST_FORM_BYTES:
        return {}
    try:
        pairs = parse_qsl(body.decode("utf-8"), errors="strict", max_num_fields=16)
    except ValueError:
        return {}
    return {name: _UNSTORABLE.sub("", value) for name, value in pairs}


def refuse_foreign(request: Request) -> None:
    """Refuse a form that another site's page sent, as browsers tell by ``Sec-Fetch-Site``.

    ``Origin`` would not do: with ``no-referrer``, browsers write ``null`` there for our own forms.
    """
    if request.headers.get("sec-fetch-site", "") in {"cross-site", "same-site"}:
        raise RefusedError("This form was sent by a page of another site.", hint="Open ours.")


def cookie_called(name: str, *, is_secure: bool) -> str:
    """Return what a cookie is called where it goes over HTTPS alone, or elsewhere.

    Browsers hold names with this prefix to what it says: our host's alone, over HTTPS alone.
    """
    return f"{OURS_ALONE}{name}" if is_secure else name


def _weight_of(quality: str) -> float:
    try:
        return float(quality.strip().removeprefix("q=") or "1")
    except ValueError:
        return 0.0
