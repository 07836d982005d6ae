"""The original spelling of paragraphs, to mend what a converter's formatting runs pulled apart.

docling returns a paragraph with bold or linked words as separate pieces without the white space
between them: "H", "2", "O". The source still knows whether that was "H2O", and a citation must
show what the document says, so pieces are looked up by their letters alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any
from zipfile import ZipFile

from shared.files.cleaning import clean, one_line

_SPACE = re.compile(r"\s+")
_CLOSING = re.compile(r"[.,;:!?…)\]}”“’»%]")
_OPENING = ("(", "[", "{", "„", "«", "‚", "/")

_WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_STRICT_WORD = "{http://purl.oclc.org/ooxml/wordprocessingml/main}"
_SLIDE_PARAGRAPH = "{http://schemas.openxmlformats.org/drawingml/2006/main}p"
_OPEN_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
_OPEN_PARAGRAPHS = frozenset({f"{_OPEN_TEXT}p", f"{_OPEN_TEXT}h"})
_WORD_BREAKS = frozenset({"br", "cr", "tab"})
_PAGE_UNSEEN = frozenset({"script", "style", "template", "noscript", "head"})
_PAGE_BLOCKS = frozenset(
    re.findall(
        r"\w+",
        """address article aside blockquote body br caption center dd details dialog div dl dt
    fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 header hr html legend li main menu nav
    ol option p pre section select summary table tbody td textarea tfoot th thead tr ul""",
    )
)


class Originals:
    """Paragraphs of the source, found again by their letters without white space."""

    def __init__(self, paragraphs: Iterable[str]) -> None:
        self._known: dict[str, str] = {}
        for paragraph in paragraphs:
            words = one_line(paragraph)
            self._known.setdefault(_letters(words), words)

    def joined(self, pieces: Sequence[str]) -> str:
        """Return the pieces as the source spells them, or joined by the rules of punctuation."""
        known = self._known.get(_letters(clean("".join(pieces))))
        return known if known is not None else _by_punctuation(pieces)


def word_paragraphs(archive: ZipFile) -> list[str]:
    """Return the text of every paragraph of a Word document's body."""
    from lxml import etree  # type: ignore[import-untyped]

    paragraphs: list[str] = []
    with archive.open("word/document.xml") as part:
        events = etree.iterparse(part, events=("end",), resolve_entities=False, no_network=True)
        for _, element in events:
            if element.tag in {f"{_WORD}p", f"{_STRICT_WORD}p"}:
                paragraphs.append(_word_text(element))
    return paragraphs


def slide_paragraphs(archive: ZipFile) -> list[str]:
    """Return the text of every paragraph on a presentation's slides."""
    from lxml import etree

    paragraphs: list[str] = []
    for name in archive.namelist():
        if name.startswith("ppt/slides/") and name.endswith(".xml"):
            with archive.open(name) as part:
                events = etree.iterparse(part, resolve_entities=False, no_network=True)
                for _, element in events:
                    if element.tag == _SLIDE_PARAGRAPH:
                        paragraphs.append(_word_text(element))
    return paragraphs


def open_paragraphs(archive: ZipFile) -> list[str]:
    """Return the text of every paragraph and heading of an OpenDocument file."""
    from lxml import etree

    paragraphs: list[str] = []
    with archive.open("content.xml") as part:
        events = etree.iterparse(part, resolve_entities=False, no_network=True)
        for _, element in events:
            if element.tag in _OPEN_PARAGRAPHS:
                paragraphs.append(open_text(element))
    return paragraphs


def open_text(element: Any) -> str:
    """Return the words of an OpenDocument paragraph (version 1.3 part 3, section 6.1)."""
    words = [element.text or ""]
    for child in element:
        name = child.tag.rsplit("}", 1)[-1] if isinstance(child.tag, str) else ""
        if name in {"s", "tab", "line-break"}:
            words.append(" ")
        elif name not in {"note", "annotation", "frame"}:
            words.append(open_text(child))
        words.append(child.tail or "")
    return "".join(words)


def page_paragraphs(root: Any) -> list[str]:
    """Return the text between the block elements of a web page, in order."""
    from lxml import etree

    paragraphs: list[str] = []
    held: list[str] = []
    hidden = 0
    for event, element in etree.iterwalk(root, events=("start", "end", "comment", "pi")):
        tag = element.tag if isinstance(element.tag, str) else ""
        if tag in _PAGE_BLOCKS:
            paragraphs.append("".join(held))
            held.clear()
        if event == "start":
            hidden += tag in _PAGE_UNSEEN
            held += [element.text or ""] if not hidden else []
        else:
            hidden -= event == "end" and tag in _PAGE_UNSEEN
            held += [element.tail or ""] if not hidden else []
    paragraphs.append("".join(held))
    return [paragraph for paragraph in paragraphs if paragraph.strip()]


def _word_text(paragraph: Any) -> str:
    words: list[str] = []
    for element in paragraph.iter():
        name = element.tag.rsplit("}", 1)[-1] if isinstance(element.tag, str) else ""
        if name == "t":
            words.append(element.text or "")
        elif name in _WORD_BREAKS:
            words.append(" ")
        elif name == "noBreakHyphen":
            words.append("-")
    return "".join(words)


def _letters(words: str) -> str:
    return _SPACE.sub("", words)


def _by_punctuation(pieces: Sequence[str]) -> str:
    joined = ""
    for piece in pieces:
        words = one_line(piece)
        if joined and words and not _CLOSING.match(words) and not joined.endswith(_OPENING):
            joined += " "
        joined += words
    return joined
