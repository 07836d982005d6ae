"""What a task asks to be changed, read by rules: save, tag or move."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from shared.agents.outgoing import typed_urls

Tool = Literal["save_page", "tag_document", "move_document"]

_LEAD = r"^\s*(?:(?:bitte|please)\s+)?"
_QUOTES = "\"'„“”»«‚‘’"
_SAVE = re.compile(
    _LEAD + r"(?:speicher[en]*|sicher[en]*|nimm|füge|leg[en]*|save|add|keep|store)\b", re.IGNORECASE
)
_FOLDER = re.compile(
    r"\b(?:in|into|to|nach|im)\s+(?:den\s+|dem\s+|the\s+)?(?:ordner|folder)\s+(?P<folder>.+?)"
    r"(?:\s+(?:auf|ab|hinzu|ein))?\s*[.!]?\s*$",
    re.IGNORECASE,
)
_TAG = re.compile(
    _LEAD + r"(?:tagge|kennzeichne|verschlagworte|markiere|tag|label)\s+(?P<title>.+?)\s+"
    r"(?:mit|als|with|as)\s+(?:(?:dem\s+|den\s+|the\s+)?(?:tags?|schlagwort|schlagworten)\s+)?"
    r"(?P<tags>.+?)\s*[.!]?\s*$",
    re.IGNORECASE,
)
_MOVE = re.compile(
    _LEAD + r"(?:verschieb[en]*|beweg[en]*|move)\s+(?P<title>.+?)\s+"
    r"(?:in|into|to|nach)\s+(?:(?:den\s+|dem\s+|the\s+)?(?:ordner|folder)\s+)(?P<folder>.+?)"
    r"\s*[.!]?\s*$",
    re.IGNORECASE,
)
_ARTICLE = re.compile(
    r"^(?:(?:das|den|die|dem|the|my|mein(?:e|en)?)\s+)?(?:(?:dokument|document|datei|file)\s+)?",
    re.IGNORECASE,
)
_AND = re.compile(r"\s*(?:,|\bund\b|\band\b)\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Intent:
    """A change somebody asked for; ``title`` is how they call the document."""

    tool: Tool
    title: str = ""
    url: str = ""
    folder: str = ""
    tags: tuple[str, ...] = ()


def find_intent(task: str) -> Intent | None:
    """Return the change a task asks for, ``None`` when it asks for none."""
    text = " ".join(task.split())
    urls = typed_urls(text)
    if urls and _SAVE.match(text):
        place = _FOLDER.search(text.replace(urls[0], " "))
        return Intent("save_page", url=urls[0], folder=_bare(place["folder"]) if place else "")
    tag = _TAG.match(text)
    if tag is not None:
        tags = tuple(filter(None, (_bare(each) for each in _AND.split(tag["tags"]))))
        return Intent("tag_document", title=_title(tag["title"]), tags=tags)
    move = _MOVE.match(text)
    if move is not None:
        return Intent("move_document", title=_title(move["title"]), folder=_bare(move["folder"]))
    return None


def _title(text: str) -> str:
    return _bare(_ARTICLE.sub("", text, count=1))


def _bare(text: str) -> str:
    return text.strip().strip(_QUOTES).strip()
