"""What an answer says in its own words, in German and in English."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Spoken = Literal["de", "en"]


@dataclass(frozen=True, slots=True)
class Wording:
    """The fixed sentences of one language."""

    related: str
    unknown: str
    unknown_part: str
    small_talk: str
    unsupported: str = "[unsupported]"
    part: str = "On “{part}”:"


_WORDINGS: dict[Spoken, Wording] = {
    "de": Wording(
        related="Eine sichere Antwort steht nicht in den Dokumenten. Am nächsten kommt:",
        unknown="Dazu finde ich nichts in den Dokumenten. Fragen Sie mit anderen Worten, oder"
        " laden Sie ein Dokument hoch, in dem es steht.",
        unsupported="[unbelegt]",
        part="Zu „{part}“:",
        unknown_part="Zu „{part}“ finde ich nichts in den Dokumenten. ",
        small_talk="Nur zum Plaudern, ohne Gewähr:",
    ),
    "en": Wording(
        related="The documents give no certain answer. This comes closest:",
        unknown="I find nothing about this in the documents. Ask in other words, or upload a"
        " document that says it.",
        unknown_part="I find nothing about “{part}” in the documents. ",
        small_talk="Just small talk, not a fact:",
    ),
}


def wording(language: Spoken) -> Wording:
    """Return the sentences of a language."""
    return _WORDINGS[language]


def spoken_language(question_language: str, passage_languages: list[str]) -> Spoken:
    """Choose the language to answer in: the question's, else that of the best passage."""
    for language in (question_language, *passage_languages):
        if language == "de":
            return "de"
        if language == "en":
            return "en"
    return "en"
