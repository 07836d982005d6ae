"""Words of a text as search and answers compare them: folded, and cut to their stems.

German follows CISTEM (Weißweiler and Fraser 2017, "Developing a Stemmer for German Based on a
Comparative Analysis of Publicly Available Stemmers"); English follows step 1 of Porter (1980)
with a table of irregular verbs, because questions ask "did … win" where texts say "won".
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_WORD = re.compile(r"\w+(?:['’]\w+)?")
_FOLDS = str.maketrans({"ä": "a", "ö": "o", "ü": "u", "ß": "ss"})
_SHORTEST_STEM = 3
_GRAM = 4

# Forms of one verb per entry: the first is the stem the others are read as.
_IRREGULAR = """
    become became; begin began begun; bear bore born borne; beat beaten; break broke broken;
    bring brought; build built; buy bought; catch caught; choose chose chosen; come came;
    die died dying death; do did does done; draw drew drawn; drive drove driven; eat ate eaten;
    fall fell fallen; feel felt; fight fought; find found; fly flew flown; forbid forbade
    forbidden; get got gotten; give gave given; go went gone goes; grow grew grown; have had has;
    hear heard; hold held; keep kept; know knew known; lead led; leave left; lend lent; lie lay
    lain lying; lose lost loss; make made; mean meant; meet met; pay paid; ride rode ridden; rise
    rose risen; run ran; say said; see saw seen; seek sought; sell sold sale; send sent; shake
    shook shaken; shoot shot; show showed shown; sing sang sung; sink sank sunk; sit sat; speak
    spoke spoken; spend spent; stand stood; steal stole stolen; strike struck; swear swore sworn;
    swim swam swum; take took taken; teach taught; tell told; think thought; throw threw thrown;
    understand understood; wear wore worn; win won; write wrote written; withdraw withdrew
    withdrawn; child children; man men; woman women; person people; foot feet"""
_REGULARISED = {form: forms[0] for forms in map(str.split, _IRREGULAR.split(";")) for form in forms}


def words(text: str) -> list[str]:
    """Split a text into lower-case words in order; numbers are words, possessives are dropped."""
    folded = unicodedata.normalize("NFKC", text).lower()
    return [re.split("['’]", word)[0] for word in _WORD.findall(folded)]


def stems(text: str, language: str) -> list[str]:
    """Return the stems of a text's words in order; ``simple`` only folds case."""
    return [stem(word, language) for word in words(text)]


def grams(text: str) -> set[str]:
    """Return the 4-grams inside each word, edges marked: they find compounds and misspellings."""
    found: set[str] = set()
    for word in words(text):
        marked = f" {word.translate(_FOLDS)} "
        found.update(marked[i : i + _GRAM] for i in range(max(1, len(marked) - _GRAM + 1)))
    return found


@lru_cache(maxsize=50_000)
def stem(word: str, language: str) -> str:
    """Cut one lower-case word to its stem."""
    if any(letter.isdigit() for letter in word):
        return word
    if language == "de":
        return _german(word)
    return _english(word) if language == "en" else word


def _german(word: str) -> str:
    """CISTEM without its case rule: questions and headings capitalise at random."""
    word = re.sub(r"^ge(.{4,})", r"\1", word.translate(_FOLDS))
    word = word.replace("sch", "$").replace("ei", "%").replace("ie", "&")
    word = re.sub(r"(.)\1", r"\1*", word)
    while len(word) > _SHORTEST_STEM:
        if len(word) > 5 and word.endswith(("em", "er", "nd")):  # noqa: PLR2004 - CISTEM's own
            word = word[:-2]
        elif word.endswith(("t", "e", "s", "n")):
            word = word[:-1]
        else:
            break
    word = re.sub(r"(.)\*", r"\1\1", word)
    return word.replace("%", "ei").replace("&", "ie").replace("$", "sch")


def _english(word: str) -> str:
    """Porter's step 1: plurals, -ed, -ing, final y."""
    if word in _REGULARISED:
        return _REGULARISED[word]
    word = _singular(word)
    for ending in ("ed", "ing"):
        root = word.removesuffix(ending)
        if root != word and len(root) >= _SHORTEST_STEM and re.search("[aeiouy]", root):
            word = _restored(root)
            break
    if len(word) > _SHORTEST_STEM and word.endswith("y") and word[-2] not in "aeiou":
        word = word[:-1] + "i"
    return word.removesuffix("e") if len(word) > _SHORTEST_STEM else word


def _singular(word: str) -> str:
    if word.endswith("sses"):
        return word[:-2]
    if word.endswith("ies") and len(word) > _SHORTEST_STEM + 1:
        return word[:-3] + "y"
    if word.endswith("s") and not word.endswith(("ss", "us", "is")) and len(word) > _SHORTEST_STEM:
        return word[:-1]
    return word


def _restored(root: str) -> str:
    """Undo a doubled consonant: "planned" is "plan", but "called" stays "call"."""
    if root[-1] == root[-2] and root[-1] not in "aeioulsz":
        return root[:-1]
    return root
