"""The one place through which a model's or a web page's words reach a reader.

What comes out is Markdown of paragraphs, headings, lists, emphasis, code, tables and quotes. It
holds nothing that a reader's program could load, follow or run: no HTML, no image, no link but to
a citation, and of an address only the domain, because a path or a query could carry words of the
library out of the house (EchoLeak, CVE-2025-32711).

It does not guess what a parser would see. Every construct begins with two signs that stand side
by side (``<`` and a letter, ``]`` and ``(``, ``!`` and ``[``); those get a space between them
wherever they are, code included, so no difference between two parsers can be used. Everything
else passes unchanged.
"""

from __future__ import annotations

import re
import unicodedata
from html.entities import html5
from typing import Final

LONGEST_HELD: Final = 300
"""Characters a stream may hold back: more than the longest host name (RFC 1035: 253)."""

_RUN = r"[A-Za-z0-9+.\-]"
_HOST = r"(?:[A-Za-z0-9\-]+\.)+"
# Hosts without a scheme that programs turn into links all the same (linkify-it's list).
_TOP = r"(?:[A-Za-z]{2}|biz|com|edu|gov|net|org|pro|web|info|name|shop|app|dev|xyz|example|test)"
_AUTHORITY = r"[^\s/?#<>\"'()\[\]{}|\\^`*]*"
_TOKEN = re.compile(
    rf"(?P<url>{_RUN}*://(?P<authority>{_AUTHORITY}))"
    rf"|(?P<www>(?:{_RUN}*[+.\-])?www\.(?P<named>[A-Za-z0-9.\-]+))"
    rf"|(?P<bare>{_HOST}{_TOP})(?=(?::\d+)?[/?#])"
    rf"|(?P<run>{_RUN}+)"
    r"|(?P<target>\((?:doc://[0-9a-f-]{36}(?:#(?:page=|p)?\d{1,5})?|#citation-\d{1,4})\))"
    r"|(?P<sign>.)",
    re.DOTALL | re.IGNORECASE,
)
# What at the end of a piece could still become an address, or the target of a citation.
_UNFINISHED = re.compile(
    rf"(?:{_RUN}+:?/?|{_RUN}*://{_AUTHORITY}|:/?|\([#A-Za-z0-9:/=\-]{{0,60}})\Z", re.IGNORECASE
)
_STOPS = r"\s<>\"'()\[\]{}|\\^`*„“”»«"
_POINTS = r".,;:!?…"
_TAIL = re.compile(rf"(?:[{_POINTS}]*[^{_STOPS}{_POINTS}])+")
_POINTS_ONLY = re.compile(rf"[{_POINTS}]*\Z")
_NAME = re.compile(r"(?:[a-z0-9](?:[a-z0-9\-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9\-]{1,62}")
_NUMERIC = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
_CONTAINERS = frozenset(" \t>*+-.)0123456789")
_ENTITY = re.compile(r"&([A-Za-z][A-Za-z0-9]{1,31})\Z")
# Names of characters that have a meaning in Markdown, HTML or addresses, or that nobody sees.
_TELLING_NAMES = frozenset(
    name[:-1]
    for name, text in html5.items()
    if name.endswith(";")
    and name not in {"amp;", "AMP;", "quot;", "QUOT;", "apos;"}
    and (text.isascii() or unicodedata.category(text[0]) == "Cf")
)
_UNSEEN = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u3164\uffa0")
_JOINERS = frozenset("\u200c\u200d")
_LATIN_END = "\u05ff"
_HIDDEN_DOMAIN = "…"
_KEPT_TAIL = 40


def render(text: str) -> str:
    """Return a whole text as safe Markdown; a text that came from here comes back unchanged."""
    stream = SafeStream()
    return stream.feed(text) + stream.close()


class SafeStream:
    """``render`` for words that come piece by piece, however they were cut.

    Holds back only what could still become an address or a citation's target, and never more
    than ``LONGEST_HELD`` characters.
    """

    def __init__(self) -> None:
        self._held = ""
        self._said = ""  # the last few characters that went out
        self._is_dropping = False  # inside the rest of an address
        self._is_line_start = True  # nothing but quote and list marks since the line began
        self._is_definable = False  # a bracket opened where a link could be defined

    def feed(self, piece: str) -> str:
        """Take a piece; returns what is safe to show by now, which may be nothing."""
        return self._advance(self._held + piece, is_end=False)

    def close(self) -> str:
        """Return what was held back; nothing more may come."""
        return self._advance(self._held, is_end=True)

    def _advance(self, text: str, *, is_end: bool) -> str:
        text = _visible(text, before=self._said[-1:])
        said: list[str] = []
        at = 0
        while at < len(text):
            if self._is_dropping:
                at = self._drop(text, at, is_end=is_end)
                if self._is_dropping:
                    break
                continue
            if not is_end and self._is_unfinished(text, at):
                break
            match = _TOKEN.match(text, at)
            assert match is not None
            said.append(self._take(match))
            at = match.end()
        self._held = text[at:]
        return "".join(said)

    def _is_unfinished(self, text: str, at: int) -> bool:
        if len(text) - at > LONGEST_HELD:
            return False
        if text[at] == "(" and self._said[-1:] != "]":
            return False
        return _UNFINISHED.match(text, at) is not None

    def _drop(self, text: str, at: int, *, is_end: bool) -> int:
        """Skip an address's path; points at its very end belong to the sentence."""
        match = _TAIL.match(text, at)
        end = match.end() if match else at
        if end == len(text) or (not is_end and _POINTS_ONLY.match(text, end)):
            self._is_dropping = not is_end
        else:
            self._is_dropping = False
        return end

    def _take(self, match: re.Match[str]) -> str:
        kind = match.lastgroup
        if match["url"] is not None:
            self._is_dropping = True
            return self._say(_domain(match["authority"]))
        if match["www"] is not None:
            self._is_dropping = True
            return self._say(_domain(match["named"].rstrip(".")))
        if kind == "bare":
            self._is_dropping = True
            is_mail = self._said[-1:] == "@"
            return self._say(match["bare"] if is_mail else _domain(match["bare"]))
        if kind == "target" and self._said[-1:] == "]":
            return self._pass(match[0])
        return self._say(match[0])

    def _pass(self, text: str) -> str:
        self._said = (self._said + text)[-_KEPT_TAIL:]
        return text

    def _say(self, text: str) -> str:
        """Let a text out sign by sign, with a space wherever two of them would begin something."""
        said: list[str] = []
        for sign in text:
            if self._begins_something(sign):
                said.append(self._pass(" "))
            said.append(self._pass(sign))
            self._note(sign)
        return "".join(said)

    def _begins_something(self, sign: str) -> bool:
        last = self._said[-1:]
        if last == "<":
            return sign in "/!?" or (sign.isascii() and sign.isalpha())
        if last == "]":
            return sign == "(" or (sign == ":" and self._is_definable)
        if last == "!":
            return sign == "["
        if sign == "#":
            return last == "&"
        if sign == ":":
            return self._said.lower().endswith(("mailto", "xmpp"))
        return sign == ";" and self._ends_in_a_telling_name()

    def _ends_in_a_telling_name(self) -> bool:
        name = _ENTITY.search(self._said)
        return name is not None and name[1] in _TELLING_NAMES

    def _note(self, sign: str) -> None:
        if sign == "\n":
            self._is_line_start = True
        elif sign == "[" and self._is_line_start:
            self._is_definable = True
            self._is_line_start = False
        elif sign not in _CONTAINERS:
            self._is_line_start = False
            if sign == ":":
                self._is_definable = False


def _visible(text: str, *, before: str) -> str:
    """Drop control characters, and those that nobody sees but a program reads."""
    kept: list[str] = []
    for sign in text.replace("\r\n", "\n"):
        last = kept[-1] if kept else before
        if sign.isascii():
            is_kept = (sign >= " " and sign != "\x7f") or sign in "\n\t"
        elif sign in _JOINERS:  # they shape Persian and Indic words, and families of emoji
            is_kept = last > _LATIN_END and last not in _JOINERS
        elif "\ufe00" <= sign <= "\ufe0f":  # the last two choose between sign and emoji
            is_kept = sign >= "\ufe0e" and not "\ufe00" <= last <= "\ufe0f"
        elif "\U000e0000" <= sign <= "\U000e0fff" or sign in _UNSEEN:
            is_kept = False
        else:
            is_kept = unicodedata.category(sign) not in {"Cc", "Cf", "Cs"}
        if is_kept:
            kept.append(sign)
    return "".join(kept)


def _domain(authority: str) -> str:
    """Return the part of an authority that somebody had to register; the rest could carry data."""
    host = authority.rpartition("@")[2].lower()
    host = re.sub(r":\d*\Z", "", host).rstrip(".")
    if _NUMERIC.fullmatch(host):
        return host
    if not _NAME.fullmatch(host):
        return _HIDDEN_DOMAIN
    labels = host.split(".")
    if labels[0] == "www" and len(labels) == 2:  # noqa: PLR2004
        return _HIDDEN_DOMAIN
    # As in "example.co.uk", where two labels would name nobody.
    is_second_level = len(labels[-1]) == 2 and len(labels[-2]) <= 3  # noqa: PLR2004
    shown = labels[-3 if is_second_level else -2 :]
    return _HIDDEN_DOMAIN if "www" in shown else ".".join(shown)
