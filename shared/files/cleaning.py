"""Canonical characters: the one spelling in which every format's text is kept and compared."""

from __future__ import annotations

import re
import unicodedata

# Control characters except newline and tab; the invisible ones that split words for a search
# (soft hyphen, zero-width space, word joiner, byte order mark, directional marks and isolates);
# the code points that are no characters. Zero-width joiner and non-joiner stay: scripts and
# emoji need them.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x84\x86-\x9f\u00ad\u061c\u200b\u200e\u200f\u202a-\u202e"
    "\u2060-\u2064\u2066-\u2069\ufeff\ufffe\uffff]"
)
_NEWLINES = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_SPACES = re.compile("[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]")
# Printed ligatures: typesetting, not spelling (Unicode block FB00, Latin part).
_LIGATURES = str.maketrans(
    {"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "ſt", "ﬆ": "st"}
)
_SURROGATE = re.compile("[\ud800-\udfff]")
_RUN = re.compile(r"\s+")


def clean(text: str) -> str:
    """Return the text in canonical characters, line structure kept.

    Newlines become ``\\n``, every Unicode space an ordinary one, invisible and control characters
    and lone surrogates go, ligatures are spelt out, and what is left is NFC normalised (Unicode
    Annex 15).
    """
    if _SURROGATE.search(text):
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "ignore")
    text = _INVISIBLE.sub("", _NEWLINES.sub("\n", text))
    return unicodedata.normalize("NFC", _SPACES.sub(" ", text).translate(_LIGATURES))


def one_line(text: str) -> str:
    """Return the text cleaned, with every run of white space made one space, ends trimmed."""
    return _RUN.sub(" ", clean(text)).strip()


def tidy_lines(text: str) -> str:
    """Return the text cleaned, lines kept but trimmed at their right, no blank lines around."""
    return "\n".join(line.rstrip() for line in clean(text).split("\n")).strip("\n")
