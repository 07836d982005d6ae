"""Electronic letters, whatever program wrote them: head, body, pictures and attachments."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from shared.files.cleaning import clean, one_line
from shared.ingestion.drafting import Draft
from shared.ingestion.model import FormField
from shared.ingestion.parsers.attachments import Attachments, size_in_words
from shared.ingestion.parsers.pictures import Pictures
from shared.ingestion.parsers.port import Source
from shared.ingestion.parsers.webpage import write_page
from shared.kernel.errors import InvalidError

_STRUCTURE = re.compile(r"<(?:h[1-6]|ul|ol|th)\b", re.IGNORECASE)
_TAG = re.compile(r"<(?:style|script)\b.*?</(?:style|script)>|<[^>]+>", re.DOTALL | re.IGNORECASE)
_BLANK = re.compile(r"\n[ \t]*\n\s*")
_QUOTE = re.compile(r"^[ \t]*>+[ \t]?", re.MULTILINE)
_ENOUGH = 0.3  # share of the page's words that the plain words must have to stand for it


@dataclass(frozen=True, slots=True)
class Enclosure:
    """A file in a letter; ``is_inline`` pictures belong to the body."""

    name: str
    content: bytes
    media_type: str = ""
    is_inline: bool = False


@dataclass(slots=True)
class Letter:
    """A letter as it was read: ``head`` holds what is shown above the body, in order."""

    subject: str = ""
    head: dict[str, str] = field(default_factory=dict)
    plain: str = ""
    page: str = ""
    enclosures: list[Enclosure] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def write_letter(letter: Letter, draft: Draft, source: Source) -> None:
    """Write a letter: its subject as heading, its head, its body, the list of what is enclosed."""
    draft.warnings += letter.warnings
    draft.heading(letter.subject, level=1)
    lines = [f"{name}: {one_line(value)}" for name, value in letter.head.items() if value.strip()]
    draft.paragraph("\n".join(lines))
    draft.fields += [FormField(name, one_line(value)) for name, value in letter.head.items()]
    _write_body(letter, draft)
    pictures = Pictures(source.files, draft)
    attachments = Attachments(source.files, draft)
    for one in letter.enclosures:
        if one.is_inline and one.media_type.startswith("image/"):
            pictures.keep(one.content, description=one.name)
        elif one.content:
            attachments.keep(one.name, one.content, media_type=one.media_type)
    attachments.finish()
    if draft.attachments:
        draft.paragraph("Attachments:")
    for kept in draft.attachments:
        draft.list_item(f"{kept.name} ({size_in_words(kept.size_bytes)})")


def _write_body(letter: Letter, draft: Draft) -> None:
    """Write the body: the page where it has structure or the plain words fall short of it."""
    seen = _TAG.sub(" ", letter.page)
    is_short = len(letter.plain.split()) < _ENOUGH * len(seen.split())
    if letter.page and (is_short or _STRUCTURE.search(letter.page)):
        try:
            if write_page(letter.page, draft, filename="The message"):
                return
        except InvalidError:
            if not letter.plain.strip():
                raise
    for words, is_quote in _paragraphs(letter.plain or seen):
        draft.paragraph(words, kind="quote" if is_quote else "paragraph")


def _paragraphs(text: str) -> Iterator[tuple[str, bool]]:
    for paragraph in _BLANK.split(clean(text)):
        lines = paragraph.split("\n")
        is_quote = all(line.lstrip().startswith(">") for line in lines if line.strip())
        yield (_QUOTE.sub("", paragraph) if is_quote else paragraph), is_quote
