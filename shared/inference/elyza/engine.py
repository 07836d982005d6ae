"""Talks by the rules of a script; the same conversation always goes the same way."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from shared.inference.elyza.model import Keyword, Rule, Script, script

LONGEST_COURTESY = 120
_LONGEST_HEARD = 400
_EDGES = " \t\n.,;:!?…-–—'\"()"
_GAP = re.compile(r"[\s.,;:!?…–—-]+")
_CLAUSE = re.compile(r"[.;!?\n]|,\s+(?:but|aber|doch|jedoch)\s", re.IGNORECASE)
_SLOT = re.compile(r"\{(\d)\}")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")


@dataclass(frozen=True, slots=True)
class Reply:
    """What Elyza says; ``kind`` names the courtesy it answers, or ``talk``."""

    kind: str
    text: str


def recognise(text: str, language: str, *, earlier: Sequence[str] = ()) -> Reply | None:
    """Answer a greeting, thanks and the like; ``None`` when anything else is said as well.

    A greeting with a question is a question. ``earlier`` are the speaker's messages before, which
    only vary the wording.
    """
    if len(text) > LONGEST_COURTESY:
        return None
    for tongue in dict.fromkeys((language, "de", "en")):
        spoken = script(tongue)
        left, kind = text, ""
        answers: tuple[str, ...] = ()
        while (taken := _courtesy(left, spoken)) is not None:
            left, found_kind, found = taken
            if found:  # the last thing said is what is answered: "hi, who are you?"
                kind, answers = found_kind, found
        if answers and not left.strip(_EDGES):
            return Reply(kind, _pick(answers, [*earlier, text]))
    return None


def _courtesy(text: str, spoken: Script) -> tuple[str, str, tuple[str, ...]] | None:
    """Take one courtesy, or a word that says nothing, off the front of a text."""
    text = text.lstrip(_EDGES)
    best: tuple[int, str, tuple[str, ...]] | None = None
    for courtesy in spoken.courtesies:
        match = courtesy.pattern.match(text)
        if match and _ends_word(text, match.end()) and (best is None or match.end() > best[0]):
            best = (match.end(), courtesy.kind, courtesy.answers)
    padding = spoken.padding.match(text)
    if best is None and padding and padding.end() and _ends_word(text, padding.end()):
        best = (padding.end(), "", ())
    return None if best is None else (text[best[0] :], best[1], best[2])


def _ends_word(text: str, at: int) -> bool:
    return at > 0 and (at == len(text) or not text[at].isalnum())


def talk(heard: str, language: str, *, earlier: Sequence[str] = ()) -> Reply:
    """Answer anything without stating a fact: by keyword, from memory, or by asking on.

    ``earlier`` are the speaker's messages before this one, oldest first; memory is read from them.
    """
    spoken = script(language)
    said = [*earlier, heard]
    for clause in _clauses(heard):
        for rule, match in _matching(clause, spoken):
            return Reply("talk", _assemble(rule, match, spoken, said))
    kept = _memory(earlier, spoken)
    if kept:
        return Reply("talk", kept[_turn(said, len(kept))])
    return Reply("talk", _pick(spoken.fallbacks if earlier else spoken.openings, said))


def _clauses(heard: str) -> list[str]:
    """Cut into clauses that hold a word, as they were said."""
    parts = (part.strip(_EDGES) for part in _CLAUSE.split(heard[:_LONGEST_HEARD]))
    return [part for part in parts if part]


def _matching(clause: str, spoken: Script) -> list[tuple[Rule, re.Match[str]]]:
    """Return the rules that fit, by the rank of their keyword and then as they stand."""
    words = {word.lower() for word in _WORD.findall(clause)}
    present = [keyword for keyword in spoken.keywords if words & set(keyword.words)]
    ranked: list[Keyword] = sorted(present, key=lambda keyword: -keyword.rank)
    return [
        (rule, match)
        for keyword in ranked
        for rule in keyword.rules
        if (match := rule.pattern.search(clause))
    ]


def _assemble(rule: Rule, match: re.Match[str], spoken: Script, said: Sequence[str]) -> str:
    """Fill a template with what was heard, turned round to face the speaker."""
    template = _pick(rule.answers, said)

    def part(slot: re.Match[str]) -> str:
        heard = match.group(int(slot.group(1))) or ""
        return reflect(heard.strip(_EDGES), spoken)

    return _GAP_BEFORE_MARK.sub(r"\1", " ".join(_SLOT.sub(part, template).split()))


_GAP_BEFORE_MARK = re.compile(r"\s+([.,;:!?])")


def reflect(heard: str, spoken: Script) -> str:
    """Turn "my work" into "your work"."""

    def turned(match: re.Match[str]) -> str:
        return spoken.reflections.get(match.group().lower(), match.group())

    return _WORD.sub(turned, heard)


def _memory(earlier: Sequence[str], spoken: Script) -> list[str]:
    """Return what can be come back to, latest first."""
    kept: list[str] = []
    for at in range(len(earlier) - 1, -1, -1):
        for clause in _clauses(earlier[at]):
            rules = [pair for pair in _matching(clause, spoken) if pair[0].is_kept]
            kept += [_assemble(r, m, spoken, earlier[: at + 1]) for r, m in rules[:1]]
    return list(dict.fromkeys(kept))


def _pick(answers: Sequence[str], said: Sequence[str]) -> str:
    """Choose by what was said so far: varied, and the same every time."""
    return answers[_turn(said, len(answers))]


def _turn(said: Sequence[str], count: int) -> int:
    """Count on by one with every message, from a place that the first one gives."""
    first = hashlib.sha256(" ".join(_GAP.split(said[0].lower())).encode()).digest()[0]
    return (first + len(said) - 1) % count
