"""Follow-ups and questions of several parts in words that stand alone, by rules.

The words of the question before are carried over. A fragment replaces what it answers to in that
question ("für Mieter" by "für Vermieter", "employees" by "employers"), anything else is asked
with the earlier question's topic behind it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from shared.inference.language import detect_language
from shared.inference.model import Role
from shared.inference.stemming import stem
from shared.understanding.followups import CONTINUATION, leans_on_history
from shared.understanding.model import QUESTION_WORDS, RELATIONAL, VERBS, words_of

MOST_PARTS = 3
LONGEST_CONDENSED = 1000
_WORD = re.compile(r"[\w§][\w'’-]*\w|[\w§]")
_PHRASE = re.compile(r"^(?P<preposition>\w+) (?P<rest>.+)$")
_LEAD = re.compile(
    r"^(?:(?:in |seit |bis |ab |von |until |since |for )?(?:wer|wen|wem|was|wann|wo|warum|wieso"
    r"|weshalb|wie(?: (?:lange?|viele?|oft|hoch|weit|groß|teuer))?|who|what|when|where|why"
    r"|how(?: (?:long|much|many|often|far|old))?))\b\s*",
    re.IGNORECASE,
)
_FUNCTION_WORDS = words_of(
    """der die das den dem des ein eine einen einem einer eines und oder aber kein keine keinen man
    ich du er sie es wir ihr mich mir dich dir sich uns euch mein meine meinen dein sein seine für
    bei mit nach von vor zu zum zur über unter gegen ohne in im an am auf aus seit bis ab denn noch
    auch dann so nicht nur ja nein bitte viel viele lange lang hoch oft wird dass ob wenn als sehr
    the a an and or but no some any i you he she it we they me my your his her its our their this
    that these those for with after before from to about under against without in on at since of by
    until there please long much many often not only also then if as very exactly dieser diese
    dieses diesem diesen davon dafür dabei damit"""
)
_SPLIT = re.compile(
    r"(?<=[?])\s+(?=\w)"
    r"|[,;]?\s+(?:und|and|sowie)\s+(?=(?:(?:in |seit |bis |ab |until |since |for )?"
    r"(?:wer|wen|wem|wann|wo|warum|wieso|weshalb|wie|welche[rsnm]?|was|womit|wofür|wodurch"
    r"|who|when|where|why|how|which|what)\b))",
    re.IGNORECASE,
)


def by_rules(question: str, history: Sequence[tuple[Role, str]]) -> str:
    """Carry the topic of the last question that has one over into a follow-up."""
    before = next((text for role, text in reversed(history) if role == "user"), "")
    before = " ".join(before.split()).rstrip("?!. ")
    text = " ".join(question.split())
    if not before:
        return text
    rest = CONTINUATION.sub("", text).strip().rstrip("?!. ")
    if not rest:
        return f"{before}?"[:LONGEST_CONDENSED]
    if _is_bare(rest):
        condensed = _replaced(before, rest) or _asked_anew(before, rest) or f"{before}, {rest}"
    else:
        condensed = _with_topic(rest, before, history)
    return f"{condensed[: LONGEST_CONDENSED - 1]}?"


def _is_bare(rest: str) -> bool:
    """Whether a follow-up is no sentence of its own."""
    return not any(word.lower() in VERBS for word in _WORD.findall(rest))


def _asked_anew(before: str, rest: str) -> str:
    """Ask the question before with other question words: "wann?", "seit wann genau?"."""
    words = [word.lower() for word in _WORD.findall(rest)]
    if not words or not _LEAD.match(rest) or content_words(_LEAD.sub("", rest)):
        return ""
    body = _LEAD.sub("", before)
    return f"{rest} {body[:1].lower()}{body[1:]}" if body else ""


def _replaced(before: str, rest: str) -> str:
    """Put a fragment in the place of what it answers to; empty when nothing fits."""
    phrase = _PHRASE.match(rest)
    if phrase and phrase["preposition"].lower() in _FUNCTION_WORDS:
        # Up to the next verb or preposition: "für den Vermieter" takes the place of "für Mieter".
        same = re.compile(
            rf"\b{re.escape(phrase['preposition'])}\b(?: (?:der|die|das|den|dem|einen?|einem|einer"
            r"|eines|the|an?))?(?: [\w§-]+){1,2}?(?=$|[ ,])",
            re.IGNORECASE,
        )
        found = same.search(before)
        if found:
            return f"{before[: found.start()]}{rest}{before[found.end() :]}"
    counterparts = [
        (word, other)
        for word in content_words(rest)
        for other in content_words(before)
        if _are_counterparts(word, other)
    ]
    if len(counterparts) == 1 and len(content_words(rest)) == 1:
        word, other = counterparts[0]
        return re.sub(rf"\b{re.escape(other)}\b", lambda _: word, before, count=1)
    return ""


def _are_counterparts(word: str, other: str) -> bool:
    """Whether two words are cut from one cloth: Mieter/Vermieter, employees/employers."""
    one, two = word.lower(), other.lower()
    if root_of(one) == root_of(two):
        return False
    shorter = min(len(one), len(two))
    ending = next((n for n in range(shorter) if one[-1 - n] != two[-1 - n]), shorter)
    beginning = next((n for n in range(shorter) if one[n] != two[n]), shorter)
    return ending >= max(5, shorter - 2) or beginning >= max(6, shorter - 5)


def _with_topic(rest: str, before: str, history: Sequence[tuple[Role, str]]) -> str:
    """Put what the question before was about behind a follow-up that is a sentence."""
    asked = {root_of(word) for word in content_words(rest)}
    topic = [word for word in _topic(before) if root_of(word) not in asked]
    names = _names_of_answer(before, history) if re.match(r"(?i)wer|who", before) else []
    topic += [name for name in names if name not in topic]
    return f"{rest} ({' '.join(topic)})" if topic else rest


def _topic(question: str) -> list[str]:
    """Return what a question is about: in German its nouns, where it has any; else its words."""
    named = content_words(question)
    first = question.partition(" ")[0]
    nouns = [word for word in named if word[0].isupper() or not word[0].isalpha()]
    if detect_language(question) == "de" and any(word != first for word in nouns):
        return nouns
    return named


def _names_of_answer(before: str, history: Sequence[tuple[Role, str]]) -> list[str]:
    """Return the person the last answer names: "who …?" is followed by "when was she …?"."""
    answer = next((text for role, text in reversed(history) if role == "assistant"), "")
    found = re.search(r"[A-ZÄÖÜ][\w.-]+(?: (?:von|van|de|der) )?(?: [A-ZÄÖÜ][\w.-]+)+", answer)
    return found.group().split() if found else []


def content_words(text: str) -> list[str]:
    """Return the words that say what a text is about, as written, each once."""
    words: dict[str, str] = {}
    for word in _WORD.findall(text):
        lowered = word.lower()
        if lowered not in _FUNCTION_WORDS | VERBS | QUESTION_WORDS:
            words.setdefault(lowered, word)
    return list(words.values())


def root_of(word: str) -> str:
    """Return a word's stem in the language it looks to be of."""
    lowered = word.lower()
    return stem(lowered, "de") if detect_language(word) == "de" else stem(lowered, "en")


def split_parts(question: str) -> tuple[str, ...]:
    """Return the questions a question is made of; nothing when it is one.

    It is parted where a new question begins: behind a question mark, or at "und" or "and" before
    a question word. Every part must ask for something it names; a part that leans on the one
    before it ("and when does it end?") is condensed against it.
    """
    pieces = [piece.strip(" ,;") for piece in _SPLIT.split(" ".join(question.split()))]
    pieces = [piece for piece in pieces if piece]
    if not 1 < len(pieces) <= MOST_PARTS:
        return ()
    if not all(_names_something(piece) for piece in pieces):
        return ()
    parts: list[str] = []
    for piece in pieces:
        whole = f"{piece[0].upper()}{piece[1:].rstrip('?')}?"
        is_leaning = parts and leans_on_history(piece)
        parts.append(by_rules(whole, [("user", parts[-1])]) if is_leaning else whole)
    return tuple(parts)


def _names_something(piece: str) -> bool:
    words = [word.lower() for word in _WORD.findall(piece)]
    has_verb = any(word in VERBS for word in words)
    named = [word for word in content_words(piece) if word.lower() not in RELATIONAL]
    return (bool(named) and len(words) > 2) or (has_verb and len(words) > 2)  # noqa: PLR2004
