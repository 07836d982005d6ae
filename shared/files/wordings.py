"""Text files by their words: what no magic bytes tell, and a name only promises."""

from __future__ import annotations

import re

_HTML = re.compile(
    r"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b",
    re.IGNORECASE | re.DOTALL,
)
_ROOT = re.compile(r"<(?:[\w.-]+:)?([A-Za-z_][\w.-]*)[\s/>]")
_SUBTITLE = re.compile(r"\s*\d+\s*\r?\n\d{1,2}:\d\d:\d\d[,.]\d{1,3}\s*-->")
_HEADER = re.compile(r"^([A-Za-z][A-Za-z0-9-]*):[ \t]?", re.MULTILINE)
_MAIL_HEADERS = frozenset(
    {"received", "from", "to", "subject", "date", "message-id", "mime-version", "return-path",
     "delivered-to", "cc", "content-type", "reply-to", "x-mailer"}
)  # fmt: skip
_LEAST_HEADERS = 3
_ENTITY = re.compile(
    r"<!ENTITY\s+(?:%\s+)?[^\s\"'<>]+\s+(?:(?P<source>SYSTEM|PUBLIC)\b(?![^<>]*\bNDATA\b)|"
    r"\"(?P<double>[^\"]*)\"|'(?P<single>[^']*)')"
)
_REFERENCE = re.compile(r"[&%](?!(?:amp|lt|gt|quot|apos);)[A-Za-z_][\w.-]*;")
_LONGEST_VALUE = 1000


def is_page(text: str) -> bool:
    """Whether the text is a web page."""
    return bool(_HTML.match(text))


def is_mail(text: str) -> bool:
    """Whether the text begins with at least three headers of an e-mail (RFC 5322)."""
    head = re.split(r"\r?\n\r?\n", text, maxsplit=1)[0]
    lines = head.splitlines()
    if not lines or not _HEADER.match(lines[0]):
        return False
    known = {m[1].lower() for line in lines if (m := _HEADER.match(line))} & _MAIL_HEADERS
    return len(known) >= _LEAST_HEADERS


def xml_root(text: str) -> str:
    """Return the root element's name, lower case, without its prefix; empty if it is no XML."""
    if not text.startswith("<"):
        return ""
    for match in _ROOT.finditer(text):
        return match[1].lower()
    return ""


def has_traps(text: str) -> bool:
    """Whether an XML text declares entities that fetch files, expand each other or are long.

    Named characters (``<!ENTITY auml "&#228;">``) and pictures that are only named (``NDATA``)
    are harmless; the rest is how external entities,
    billion laughs and quadratic blow-up work.
    """
    for match in _ENTITY.finditer(text):
        value = match["double"] or match["single"] or ""
        if match["source"] or len(value) > _LONGEST_VALUE or _REFERENCE.search(value):
            return True
    return False


def by_words(text: str, expected: str) -> str:
    """Return the text format that the words prove; empty when they prove nothing.

    ``expected`` is what the name promises: HTML inside Markdown or plain text is no web page.
    """
    text = text.lstrip("\ufeff \r\n\t")
    if text.startswith("WEBVTT"):
        return "text/vtt"
    if is_page(text):
        return expected if expected in {"text/markdown", "text/plain"} else "text/html"
    if text.startswith("<?xml") or expected in {"application/xml", "application/jats+xml"}:
        return _by_root(xml_root(text), text)
    if is_mail(text) and expected in {"", "message/rfc822"}:
        return "message/rfc822"
    if _SUBTITLE.match(text) and expected in {"", "application/x-subrip"}:
        return "application/x-subrip"
    return ""


def _by_root(root: str, text: str) -> str:
    if root == "html":
        return "text/html"
    if root == "article" and re.search(r"<front\b|JATS|NLM//DTD", text):
        return "application/jats+xml"
    return "application/xml" if root else ""
