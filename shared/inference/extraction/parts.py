"""Questions that ask several things at once, taken apart so that each part gets its answer."""

from __future__ import annotations

import re

from shared.inference.extraction.questions import FUNCTION_WORDS, subject_of

MOST_PARTS = 4
_ASKS = (
    r"(?:(?:in|an|auf|für|von|mit|nach|bis|seit|ab|aus|to|for|from|by|at|on|with|since|until)\s+)?"
    r"(?:wer|wen|wem|wessen|was|wann|wo|wohin|woher|warum|weshalb|wieso|wofür|wozu|wie|welche[rnsm]?"
    r"|who|whom|whose|what|when|where|why|how|which)\b"
)
_JOINT = re.compile(rf"\s*(?:,\s*)?\b(?:und|sowie|and|as well as)\s+(?={_ASKS})", re.IGNORECASE)
_END = re.compile(r"(?<=\?)\s+")
_OPENS = re.compile(rf"^\W*{_ASKS}", re.IGNORECASE)
_REFERS = re.compile(
    r"\b(?:he|she|it|they|him|her|them|his|its|their|er|sie|es|ihn|ihm|ihr|ihre[rnms]?|sein|seine"
    r"[rnms]?|dessen|deren|dafür|davon|dort|there|this|that|diese[rnms]?)\b",
    re.IGNORECASE,
)
_NAME = re.compile(r"\b[A-ZÄÖÜ][\w-]+")
_FEWEST_WORDS = 2


def parts_of(question: str) -> list[str]:
    """Return what is asked, one question each, at most four; usually just the question.

    A part that speaks of "it", or says too little to be found alone, is given the names of the
    first part.
    """
    parts = [
        part.strip()
        for sentence in _END.split(question.strip())
        for part in _cut(sentence)
        if part.strip()
    ]
    if not 1 < len(parts) <= MOST_PARTS or not all(map(subject_of, parts)):
        return [question.strip()]
    if not all(part.endswith("?") or _OPENS.match(part) for part in parts):
        return [question.strip()]
    return [parts[0], *(_with_names(part, parts[0]) for part in parts[1:])]


def _cut(sentence: str) -> list[str]:
    """Cut at "and" before a question word, if the sentence began with one itself."""
    return _JOINT.split(sentence) if _OPENS.match(sentence) else [sentence]


def _with_names(part: str, first: str) -> str:
    if not _REFERS.search(part) and len(subject_of(part)) >= _FEWEST_WORDS:
        return part
    names = [name for name in _NAME.findall(first)[1:] if name.lower() not in FUNCTION_WORDS]
    missing = [name for name in names if name.lower() not in part.lower()]
    return f"{part.rstrip(' ?')} ({' '.join(missing)})?" if missing else part
