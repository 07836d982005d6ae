"""What a question wants of a field: which words its label should have, and what its value is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from shared.inference.extraction.measures import asks_for_money
from shared.inference.extraction.questions import FUNCTION_WORDS, Kind, holds_moment, kind_of
from shared.inference.stemming import words

# One word for what labels and questions call by many; the first stands for the others.
_ALIASES = """
    number no nr num nummer numbers nummern; phone tel telefon telephone telefonnummer; mail email
    emails mails; from sender absender sent send sends; author autor wrote written writer verfasser
    verfasst schrieb; company firma unternehmen; birth birthday geburt geburtsdatum geboren born;
    address adresse anschrift sitz; vat umsatzsteuer mehrwertsteuer ust mwst"""
_ALIAS = {form: forms[0] for forms in map(str.split, _ALIASES.split(";")) for form in forms}

# Labels that answer a question word by themselves: "who", "where", "when", "how much".
_MONEY = re.compile(r"\w*(?:preis|betrag|kosten|beitrag|summe|price|cost|amount|fee|total)s?")
_LABELS: Mapping[str, re.Pattern[str]] = {
    "person": re.compile(r"name|author|from|contact|ansprechpartner|publisher"),
    "place": re.compile(r"ort|stadt|city|country|land|address|sitz|location|state|town"),
    "date": re.compile(r"\w*(?:datum|date)|day|year|jahr"),
    "money": _MONEY,
}
_GENERIC = """
    total gesamt overall number count amount name names called date day address named many much
    stand stands kind type time year years value wert angabe gibt laut document dokument file
    datei"""
_GENERIC_WEIGHT = {word: 0.3 for word in _GENERIC.split()}
_ASKING = frozenset(
    """wann hoch lange lang oft weit groß teuer alt tief long far high old big large often tall
    seit bis""".split()
)
_VERB = re.compile(r"\w{3,}(?:ed|ing)")
_VERBS = """
    live lives work works belong belongs cover covers wohnt wohnen cost costs mean means stand
    stands counted made use uses get gets"""
_VERB_WEIGHT = 0.5
_FIGURE_WEIGHT = 1.2
_LONGEST_VALUE = 300
_DIGIT = re.compile(r"\d")
_ONLY_DATE = re.compile(r"\d{1,2}\.\s?\d{1,2}\.\s?\d{2,4}|\d{4}-\d{2}-\d{2}")
_CAPITAL = re.compile(r"\b[A-ZÄÖÜ][\w.’'-]+")
_COST = frozenset("kostet kosten kostete gekostet cost costs price preis teuer".split())


@dataclass(frozen=True, slots=True)
class Wanted:
    """A question as fields are held against it: its words by weight, and the kind of value."""

    words: Mapping[str, float]
    kind: Kind
    is_money: bool

    def is_label(self, word: str) -> bool:
        """Whether a word of a label names the kind of value that is asked for."""
        pattern = _LABELS.get("money" if self.is_money else self.kind)
        return pattern is not None and pattern.fullmatch(word) is not None

    def is_grammar(self, word: str) -> bool:
        """Whether a word of a label says nothing about what it labels."""
        return word in FUNCTION_WORDS

    @property
    def is_list(self) -> bool:
        """Whether several things may be asked for: what, which, how."""
        return self.kind in {"other", "manner", "definition", "name"}

    def fits(self, value: str) -> bool:
        """Whether a value is of the kind that is asked for."""
        if not value or len(value) > _LONGEST_VALUE:
            return False
        if self.kind == "date":
            return holds_moment(value)
        if self.kind == "number":
            return bool(_DIGIT.search(value)) and not _ONLY_DATE.fullmatch(value.strip())
        if self.kind in {"person", "place"}:
            return bool(_CAPITAL.search(value))
        return True


def wanted_by(question: str, language: str) -> Wanted:
    """Take a question apart: nouns and figures weigh more than verbs and general words."""
    is_money = asks_for_money(question)
    found: dict[str, float] = {}
    for said in _said(question):
        word = canonical(said.lower())
        lowered = said.lower()
        if lowered in FUNCTION_WORDS | _ASKING or (is_money and lowered in _COST):
            continue
        found[word] = max(found.get(word, 0.0), _weight(said, word, language))
    return Wanted(found, kind_of(question, language), is_money)


def _said(question: str) -> list[str]:
    """Split a question into its words as they are written."""
    return [word for part in re.findall(r"[\w'’]+", question) for word in _parts(part)]


def _parts(written: str) -> list[str]:
    lowered = words(written)
    return [written[: len(lowered[0])]] if lowered and len(written) > 1 else []


def _weight(said: str, word: str, language: str) -> float:
    if _DIGIT.search(word):
        return _FIGURE_WEIGHT
    if word in _GENERIC_WEIGHT:
        return _GENERIC_WEIGHT[word]
    is_noun = said[:1].isupper() if language == "de" else True
    if not is_noun or word in _VERBS.split() or (language != "de" and _VERB.fullmatch(word)):
        return _VERB_WEIGHT
    return 1.0


def canonical(word: str) -> str:
    """Return the one word that stands for a lower-case word and others that mean the same."""
    return _ALIAS.get(word, word)
