"""What people are written: short letters in German and English, as text and as plain HTML.

Names come from strangers, so they are cut, lose control characters and whatever a mail program
would make a link of, and are escaped in HTML; no letter carries a link but ours.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from html import escape
from importlib.resources import files
from typing import Final, Literal

from shared.adapters.mail import Message

LetterKind = Literal[
    "invitation", "verify_email", "reset_password", "change_email", "password_changed",
    "email_changed", "second_factor_on", "second_factor_off", "identity_joined",
    "identity_parted",
]  # fmt: skip
_MAX_NAME = 80


@dataclass(frozen=True, slots=True)
class Letter:
    """One letter before it has words: what kind, to whom, about what, with which link."""

    kind: LetterKind
    to: str
    language: str
    tenant: str
    name: str = ""
    link: str = ""


@dataclass(frozen=True, slots=True)
class Words:
    """The words of one kind of letter; ``command`` is what a terminal takes the link with."""

    subject: str
    body: str
    button: str = ""
    after: str = ""
    command: str = ""


_BY_COMMAND: Final = {
    "en": "Or on the command line: {command} LINK",
    "de": "Oder auf der Kommandozeile: {command} LINK",
}


@cache
def words_of() -> dict[str, dict[str, Words]]:
    """Read the words of all letters, by language and kind."""
    text = files("shared.identity").joinpath("letters.json").read_text("utf-8")
    return {
        language: {kind: Words(**parts) for kind, parts in kinds.items()}
        for language, kinds in json.loads(text).items()
    }


def write(letter: Letter) -> Message:
    """Put a letter into words, in the language of whoever gets it; English for others."""
    language = letter.language if letter.language in words_of() else "en"
    words = words_of()[language][letter.kind]
    names = {"tenant": _plain(letter.tenant), "name": _plain(letter.name)}
    subject, body = words.subject.format(**names), words.body.format(**names)
    typed = _BY_COMMAND[language].format(command=words.command) if words.command else ""
    parts = [body, letter.link, words.after, typed, "-- \nKontor"]
    return Message(
        to=letter.to,
        subject=subject,
        text="\n\n".join(part for part in parts if part) + "\n",
        html=_html(language, body, letter.link, words),
        language=language,
    )


def _html(language: str, body: str, link: str, words: Words) -> str:
    address = escape(link, quote=True)
    button = f'<p><a href="{address}">{escape(words.button)}</a></p><p>{address}</p>'
    after = f"<p>{escape(words.after)}</p>" if words.after else ""
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8"></head><body>'
        f"<p>{escape(body)}</p>{button if link else ''}{after}<p>Kontor</p></body></html>"
    )


def _plain(name: str) -> str:
    """Keep a stranger's words from looking like ours: one short line, nothing a reader links."""
    one_line = "".join(sign if sign.isprintable() else " " for sign in name)
    one_line = re.sub(r"([.:@/])(?=\S)", r"\1 ", one_line)
    return one_line[:_MAX_NAME].strip() or "Kontor"
