"""Which sentences state something that has to be proved."""

from __future__ import annotations

import re

from shared.inference.stemming import words

DECORATION = re.compile(r"^[\s>#*+\-•\d.)]*|[\s*_`]+$")
_SHORTEST_CLAIM = 3
_LABEL = re.compile(r"^(?:#+\s|\*\*[^*]+\*\*$|\|?[\s:|-]+\|?$)")
_NO_CLAIM = re.compile(
    r"\b(?:die|den|der|diese[nr]?|vorliegenden|angegebenen|bereitgestellten) "
    r"(?:dokumente[n]?|passagen|textstellen|unterlagen|quellen|auszüge[n]?)\b.*\b(?:nicht|keine?|nichts)\b"
    r"|\bdazu (?:steht|finde|gibt|liegen|liegt)\b.*\b(?:nicht|keine?|nichts)\b"
    r"|\bich (?:weiß|finde|kann|habe)\b.*\b(?:nicht|keine?|nichts)\b"
    r"|\b(?:documents?|passages?|sources?|context|excerpts?)\b.*\b(?:not|n't|no|nothing)\b"
    r"|\bI (?:do not|don't|cannot|can't|could not|couldn't|am not|found no)\b"
    r"|^(?:gerne?|natürlich|sure|of course|certainly|let me know)\b"
    r"|^(?:hier (?:ist|sind)|here (?:is|are))\b",
    re.IGNORECASE,
)


def is_claiming(sentence: str) -> bool:
    """Tell whether a sentence states something that a passage would have to support.

    Questions, headings, introductions ending in a colon, offers and admissions that nothing was
    found state nothing about the library.
    """
    text = sentence.strip()
    if _LABEL.match(text) or text.endswith(("?", ":")) or _NO_CLAIM.search(text):
        return False
    return len(words(DECORATION.sub("", text))) >= _SHORTEST_CLAIM
