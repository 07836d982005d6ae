"""Whether a quoted sentence holds a known answer: same words in the same order.

Normalised as SQuAD's own scorer does, with the German articles beside the English ones: case,
punctuation and articles do not count.
"""

from __future__ import annotations

import re
import unicodedata

_ARTICLES = frozenset(
    {
        *("a", "an", "the"),
        *("der", "die", "das", "den", "dem", "des"),
        *("ein", "eine", "einen", "einem", "einer", "eines"),
    }
)
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")


def normal_words(text: str) -> list[str]:
    """Return the words that count, folded."""
    folded = unicodedata.normalize("NFKC", text).lower().replace("’", "'")
    return [word for word in _WORD.findall(folded) if word not in _ARTICLES]


def holds(text: str, answer: str) -> bool:
    """Tell whether ``text`` holds ``answer``; signs without words are looked for as they are."""
    sought = " ".join(normal_words(answer))
    if not sought:
        return bool(answer.strip()) and answer.strip() in text
    return f" {sought} " in f" {' '.join(normal_words(text))} "
