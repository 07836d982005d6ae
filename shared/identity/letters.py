"""What people are written: short letters in German and English, as text and as plain HTML.

Names come from strangers, so they are cut, lose control characters and whatever a mail program
would make a link of, and are escaped in HTML; no letter carries a link but ours.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape
from typing import Final, Literal

from shared.adapters.mail import Message

LetterKind = Literal[
    "invitation", "verify_email", "reset_password", "change_email", "password_changed",
    "email_changed", "second_factor_on", "second_factor_off",
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
class _Words:
    subject: str
    body: str
    button: str = ""
    after: str = ""


_IGNORE_EN = "If this was not you, you need not do anything."
_IGNORE_DE = "Wenn Sie das nicht waren, brauchen Sie nichts zu tun."
_ALARM_EN = "If this was not you, set a new password at once and tell your administrator."
_ALARM_DE = (
    "Wenn Sie das nicht waren, setzen Sie sofort ein neues Passwort"
    " und melden Sie sich bei Ihrer Administration."
)
WORDS: Final[dict[str, dict[str, _Words]]] = {
    "en": {
        "invitation": _Words(
            "You are invited to “{tenant}” on Kontor",
            "{name} invites you to work in “{tenant}”. Choose your name and password here:",
            "Accept the invitation",
            "The invitation is good for 7 days. If you do not know the sender, ignore it.",
        ),
        "verify_email": _Words(
            "Please confirm your e-mail address",
            "Confirm that this address is yours, then you can sign in to “{tenant}”:",
            "Confirm the address",
            "The link is good for 3 days. " + _IGNORE_EN,
        ),
        "reset_password": _Words(
            "Set a new password",
            "Somebody asked for a new password for this address in “{tenant}”. Set it here:",
            "Set a new password",
            "The link is good for one hour and once. " + _IGNORE_EN,
        ),
        "change_email": _Words(
            "Please confirm your new e-mail address",
            "Confirm that this is to be your address in “{tenant}” from now on:",
            "Confirm the new address",
            "The link is good for one day. " + _IGNORE_EN,
        ),
        "password_changed": _Words(
            "Your password was changed",
            "The password of your account in “{tenant}” was changed."
            " You were signed out on your other devices.",
            after=_ALARM_EN,
        ),
        "email_changed": _Words(
            "Your e-mail address was changed",
            "Your account in “{tenant}” has another e-mail address now.",
            after=_ALARM_EN,
        ),
        "second_factor_on": _Words(
            "Your sign-in asks for a code now",
            "A second factor was set up for your account in “{tenant}”.",
            after=_ALARM_EN,
        ),
        "second_factor_off": _Words(
            "Your sign-in asks for no code any more",
            "The second factor of your account in “{tenant}” was removed.",
            after=_ALARM_EN,
        ),
    },
    "de": {
        "invitation": _Words(
            "Einladung zu „{tenant}“ auf Kontor",
            "{name} lädt Sie ein, in „{tenant}“ mitzuarbeiten. Wählen Sie hier Namen und Passwort:",
            "Einladung annehmen",
            "Die Einladung gilt 7 Tage. Kennen Sie den Absender nicht, beachten Sie sie nicht.",
        ),
        "verify_email": _Words(
            "Bitte bestätigen Sie Ihre E-Mail-Adresse",
            "Bestätigen Sie, dass dies Ihre Adresse ist;"
            " dann können Sie sich bei „{tenant}“ anmelden:",
            "Adresse bestätigen",
            "Der Link gilt 3 Tage. " + _IGNORE_DE,
        ),
        "reset_password": _Words(
            "Neues Passwort setzen",
            "Für diese Adresse wurde in „{tenant}“ ein neues Passwort verlangt."
            " Setzen Sie es hier:",
            "Neues Passwort setzen",
            "Der Link gilt eine Stunde und einmal. " + _IGNORE_DE,
        ),
        "change_email": _Words(
            "Bitte bestätigen Sie Ihre neue E-Mail-Adresse",
            "Bestätigen Sie, dass dies künftig Ihre Adresse in „{tenant}“ sein soll:",
            "Neue Adresse bestätigen",
            "Der Link gilt einen Tag. " + _IGNORE_DE,
        ),
        "password_changed": _Words(
            "Ihr Passwort wurde geändert",
            "Das Passwort Ihres Kontos in „{tenant}“ wurde geändert."
            " Auf Ihren anderen Geräten sind Sie abgemeldet.",
            after=_ALARM_DE,
        ),
        "email_changed": _Words(
            "Ihre E-Mail-Adresse wurde geändert",
            "Ihr Konto in „{tenant}“ hat jetzt eine andere E-Mail-Adresse.",
            after=_ALARM_DE,
        ),
        "second_factor_on": _Words(
            "Ihre Anmeldung verlangt jetzt einen Code",
            "Für Ihr Konto in „{tenant}“ wurde ein zweiter Faktor eingerichtet.",
            after=_ALARM_DE,
        ),
        "second_factor_off": _Words(
            "Ihre Anmeldung verlangt keinen Code mehr",
            "Der zweite Faktor Ihres Kontos in „{tenant}“ wurde entfernt.",
            after=_ALARM_DE,
        ),
    },
}


def write(letter: Letter) -> Message:
    """Put a letter into words, in the language of whoever gets it; English for others."""
    language = letter.language if letter.language in WORDS else "en"
    words = WORDS[language][letter.kind]
    names = {"tenant": _plain(letter.tenant), "name": _plain(letter.name)}
    subject, body = words.subject.format(**names), words.body.format(**names)
    parts = [body, letter.link, words.after, "-- \nKontor"]
    return Message(
        to=letter.to,
        subject=subject,
        text="\n\n".join(part for part in parts if part) + "\n",
        html=_html(language, body, letter.link, words),
        language=language,
    )


def _html(language: str, body: str, link: str, words: _Words) -> str:
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
