"""Markdown (CommonMark with tables): the words and their structure, none of the signs.

docling's own Markdown backend reached .836 text similarity against its references, markdown-it
is the CommonMark reference's port and linear in time, so it is read directly.
"""

from __future__ import annotations

import html
import re
from importlib.util import find_spec
from typing import TYPE_CHECKING

from shared.files.decoding import read_text
from shared.ingestion.drafting import CellText, Draft
from shared.ingestion.model import BlockKind, ParsedDocument
from shared.ingestion.parsers.port import Source

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markdown_it.token import Token

_FRONT = re.compile(r"\A---[ \t]*\n(.*?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_FIELD = re.compile(r"^([A-Za-z][\w-]{0,40}):[ \t]*(\S.*)$", re.MULTILINE)
_UNSEEN = re.compile(r"<!--.*?-->|<(script|style)\b.*?</\1\s*>", re.DOTALL | re.IGNORECASE)
_BREAK = re.compile(r"<(?:br|/p|/div|/li|/tr)\b[^>]*>", re.IGNORECASE)
_TAG = re.compile(r"</?[A-Za-z][^<>]*>")


class MarkdownParser:
    """Reads Markdown files, front matter included."""

    name = "markdown-it"
    version = "2"
    media_types = frozenset({"text/markdown"})

    def available(self) -> tuple[bool, str]:
        """Whether markdown-it-py is installed."""
        return find_spec("markdown_it") is not None, "Install markdown-it-py."

    def parse(self, source: Source) -> ParsedDocument:
        """Read the file; raises InvalidError when it is empty or binary."""
        from markdown_it import MarkdownIt

        raw, encoding = read_text(source.path, filename=source.filename)
        body, fields = _front_matter(raw.replace("\r\n", "\n"))
        tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(body)
        _Walk().through(tokens, draft := Draft())
        source.progress(1, 1)
        return draft.finish(
            title=fields.get("title", ""),
            filename=source.filename,
            parser=self.name,
            parser_version=self.version,
            metadata={**fields, "encoding": encoding},
        )


def _front_matter(text: str) -> tuple[str, dict[str, str]]:
    """Split YAML front matter off; only its plain ``key: value`` lines are kept."""
    match = _FRONT.match(text.lstrip("\ufeff"))
    if not match:
        return text, {}
    pairs = _FIELD.findall(match.group(1))
    return text.lstrip("\ufeff")[match.end() :], {k.lower(): v.strip("\"' ") for k, v in pairs}


class _Walk:
    """Walks the flat token stream, remembering the lists and quotes it stands in."""

    def __init__(self) -> None:
        self._markers: list[str] = []
        self._quotes = 0
        self._level = 0

    def through(self, tokens: Sequence[Token], draft: Draft) -> None:
        index = 0
        while index < len(tokens):
            if tokens[index].type == "table_open":
                index = _write_table(tokens, index, draft)
            else:
                self._step(tokens[index], draft)
            index += 1

    def _step(self, token: Token, draft: Draft) -> None:
        match token.type:
            case "blockquote_open" | "blockquote_close":
                self._quotes += token.nesting
            case "heading_open":
                self._level = int(token.tag[1:])
            case "heading_close":
                self._level = 0
            case "list_item_open":
                # info is the item's number, markup its delimiter; bullets have no number
                self._markers.append(f"{token.info}{token.markup}" if token.info else "-")
            case "list_item_close":
                self._markers.pop()
            case "inline":
                self._write(token, draft)
            case "fence" | "code_block":
                draft.paragraph(token.content, kind="code")
            case "html_block":
                draft.paragraph(_without_tags(token.content))
            case _:
                pass

    def _write(self, token: Token, draft: Draft) -> None:
        words = inline_text(token)
        before = draft.block_count
        if self._level:
            draft.heading(words, level=self._level)
        elif self._markers:
            draft.list_item(words, marker=self._markers[-1], depth=len(self._markers) - 1)
            self._markers[-1] = ""
        else:
            kind: BlockKind = "quote" if self._quotes else "paragraph"
            draft.paragraph(words, kind=kind)
        if draft.block_count > before:
            for label, target in _links(token):
                draft.link(label, target)


def _write_table(tokens: Sequence[Token], index: int, draft: Draft) -> int:
    """Write the table that opens at ``index``; returns the index of its end."""
    cells: list[CellText] = []
    row = -1
    column = 0
    while tokens[index].type != "table_close":
        token = tokens[index]
        if token.type == "tr_open":
            row, column = row + 1, 0
        elif token.type in {"th_open", "td_open"}:
            words = inline_text(tokens[index + 1])
            cells.append(CellText(row=row, column=column, text=words, is_header=token.tag == "th"))
            column += 1
        index += 1
    draft.table(cells)
    return index


def inline_text(token: Token) -> str:
    """Return the words of an inline token: link texts and image descriptions, no markup."""
    words: list[str] = []
    for child in token.children or ():
        match child.type:
            case "softbreak":
                words.append(" ")
            case "hardbreak":
                words.append("\n")
            case "image":
                words.append(inline_text(child))
            case "html_inline":
                words.append("\n" if _BREAK.match(child.content) else "")
            case _:
                words.append(child.content)
    return "".join(words)


def _links(token: Token) -> list[tuple[str, str]]:
    """Return the words of an inline token that lead somewhere, and where."""
    found: list[tuple[str, str]] = []
    words: list[str] = []
    target = ""
    for child in token.children or ():
        if child.type == "link_open":
            target, words = str(child.attrGet("href") or ""), []
        elif child.type == "link_close":
            found.append(("".join(words), target))
        else:
            words.append(inline_text(child) if child.type == "image" else child.content)
    return found


def _without_tags(markup: str) -> str:
    """Return the words of an HTML block inside Markdown."""
    seen = _TAG.sub("", _BREAK.sub("\n", _UNSEEN.sub("", markup)))
    return re.sub(r"\n\s*\n+", "\n", html.unescape(seen)).strip()
