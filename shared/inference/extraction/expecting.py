"""What a question wants of a field: which words its label should have, and what its value is."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from shared.inference.extraction.measures import asks_for_money
from shared.inference.extraction.questions import (
    FUNCTION_WORDS,
    Kind,
    focus_of,
    holds_moment,
    kind_of,
)
from shared.inference.stemming import words

# One word for what labels and questions call by many; the first stands for the others.
_ALIASES = """
    number no nr num nummer numbers nummern; phone tel telefon telephone telefonnummer; mail email
    emails mails; from sender absender sent send sends;
    km kilometer kilometers kilometre kilometres; author autor wrote written writer verfasser
    verfasst schrieb; company firma unternehmen; birth birthday geburt geburtsdatum geboren born;
    address adresse anschrift sitz; vat umsatzsteuer mehrwertsteuer ust mwst"""
_ALIAS = {form: forms[0] for forms in map(str.split, _ALIASES.split(";")) for form in forms}

# German nouns of strong verbs are read as those: "Rückgabe" as "zurückgeben".
_DEVERBAL = (("gabe", "geben"), ("nahme", "nehmen"), ("fahrt", "fahren"), ("kunft", "kommen"))

# Labels that answer a question word by themselves: "who", "where", "when", "how much".
_MONEY = re.compile(r"\w*(?:preis|betrag|kosten|beitrag|summe|price|cost|amount|fee|total)s?")
_LABELS: Mapping[str, re.Pattern[str]] = {
    "person": re.compile(r"name|author|from|contact|ansprechpartner|publisher"),
    "place": re.compile(r"ort|stadt|city|country|land|address|sitz|location|state|town"),
    "date": re.compile(r"\w*(?:datum|date)|day|year|jahr"),
    "money": _MONEY,
    "number": re.compile(r"\w*menge|anzahl|quantity|qty|count"),
}
_GENERIC = """
    total gesamt overall number count amount name names called date day address named many much
    betrag beitrag preis price cost amount fee gebühr
    stand stands kind type time year years value wert angabe gibt laut document dokument file
    datei"""
_GENERIC_WEIGHT = dict.fromkeys(_GENERIC.split(), 0.3)
_ASKING_WORDS = """
    wann hoch lange lang oft weit groß teuer alt tief long far high old big large often tall seit
    bis"""
_ASKING = frozenset(_ASKING_WORDS.split())
_VERB = re.compile(r"\w{3,}(?:ed|ing)")
_VERBS = """
    live lives work works belong belongs cover covers wohnt wohnen cost costs mean means stand
    stands counted made seen found given taken sold bought held kept done use uses get gets"""
_VERB_WEIGHT = 0.5
_FIGURE_WEIGHT = 1.2
_LONGEST_VALUE = 300
_LONGEST_FIGURE = 12  # words
_WORDY = 0.02
_DIGIT = re.compile(r"\d")
_ONLY_DATE = re.compile(r"\d{1,2}\.\s?\d{1,2}\.\s?\d{2,4}|\d{4}-\d{2}-\d{2}")
_WHICH = re.compile(r"\b(?:which|welche[rnsm]?)\b", re.IGNORECASE)
_HOW_MANY = re.compile(r"\b(?:how many|wie ?viele?[nr]?)\s+(\w+(?:\s+\w+)?)")
_CAPITAL = re.compile(r"[A-ZÄÖÜ][a-zäöüß.]")
_COST_WORDS = "kostet kosten kostete gekostet cost costs price preis teuer"
_COST = frozenset(_COST_WORDS.split())


@dataclass(frozen=True, slots=True)
class Wanted:
    """A question as fields are held against it: its words by weight, and the kind of value."""

    words: Mapping[str, float]
    kind: Kind
    is_money: bool
    counted: tuple[str, ...] = ()
    focus: tuple[str, ...] = ()

    @property
    def bonus(self) -> float:
        """What a label is worth that names only the kind of value: all, where that is asked for."""
        return 1.0 if self.is_money or self.counted else _VERB_WEIGHT

    def worth(self, value: str) -> float:
        """Say how well a value of the right kind is put: figures and dates stand alone."""
        is_short = self.kind in {"number", "date"}
        return 1 - _WORDY * min(_LONGEST_FIGURE, len(value.split()) - 1) if is_short else 1.0

    def counts(
        self,
        label: Sequence[str],
        beside: Sequence[str],
        are_same: Callable[[str, str], bool],
    ) -> bool:
        """Whether a field names what is counted, or what a "which" asks for.

        The thing counted is the label; what a "which" asks for may be the row, too.
        """
        for things, said in ((self.counted, label), (self.focus, [*label, *beside])):
            if things and not any(are_same(thing, word) for thing in things for word in said):
                return False
        return True

    def repeats(self, value: tuple[str, ...]) -> bool:
        """Whether a value says nothing but what the question has said."""
        return all(word in self.words for word in value)

    def is_label(self, word: str) -> bool:
        """Whether a word of a label names the kind of value that is asked for."""
        if self.kind == "number" and not self.is_money and not self.counted:
            return False
        pattern = _LABELS.get("money" if self.is_money else self.kind)
        return pattern is not None and pattern.fullmatch(word) is not None

    def is_grammar(self, word: str) -> bool:
        """Whether a word of a label says nothing about what it labels."""
        return word in FUNCTION_WORDS

    @property
    def is_list(self) -> bool:
        """Whether several things may be asked for: what, which, how."""
        return self.kind in {"other", "manner", "definition", "name"}

    def may_stand_in(self, line: str) -> bool:
        """Whether a whole line could hold such a value."""
        if self.kind == "date":
            return holds_moment(line)
        return self.kind != "number" or bool(_DIGIT.search(line))

    def fits(self, value: str) -> bool:
        """Whether a value is of the kind that is asked for."""
        if not value or len(value) > _LONGEST_VALUE:
            return False
        if self.kind == "date":
            return holds_moment(value)
        if self.kind == "number" or self.is_money:
            if len(value.split()) > _LONGEST_FIGURE:
                return False
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
    return Wanted(
        found, kind_of(question, language), is_money, _counted(question), _focus(question)
    )


def _counted(question: str) -> tuple[str, ...]:
    """Return the words right behind "how many" that could name what is counted."""
    match = _HOW_MANY.search(question.lower())
    if match is None:
        return ()
    return tuple(canonical(each) for each in words(match[1]) if each not in FUNCTION_WORDS)


def _focus(question: str) -> tuple[str, ...]:
    """Return what a "which" asks for; behind a "what" anything may stand."""
    is_which = _WHICH.search(question)
    return tuple(map(canonical, focus_of(question))) if is_which else ()


def _said(question: str) -> list[str]:
    """Split a question into its words as they are written."""
    return [word for part in re.findall(r"[\w'’]+", question) for word in _parts(part)]


def _parts(written: str) -> list[str]:
    lowered = words(written)
    is_telling = len(written) > 1 or written.isdigit()
    return [written[: len(lowered[0])]] if lowered and is_telling else []


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
    if word in _ALIAS:
        return _ALIAS[word]
    for noun, verb in _DEVERBAL:
        if word.endswith(noun) and len(word) > len(noun) + 1:
            made = word.removesuffix(noun) + verb
            return f"zu{made}" if made.startswith("rück") else made
    return word
