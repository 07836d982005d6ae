"""reStructuredText through docutils; file insertion and raw passages are off."""

from __future__ import annotations

import re
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from shared.files.decoding import read_text
from shared.ingestion.drafting import CellText, Draft
from shared.ingestion.model import BlockKind, ParsedDocument
from shared.ingestion.parsers.port import Source
from shared.kernel.errors import InvalidError

if TYPE_CHECKING:
    from docutils import nodes

_ADMONITIONS = frozenset(
    {"attention", "caution", "danger", "error", "hint", "important", "note", "tip", "warning"}
)
_KINDS: dict[str, BlockKind] = {
    "paragraph": "paragraph", "line": "paragraph", "attribution": "paragraph",
    "literal_block": "code", "doctest_block": "code", "math_block": "formula",
    "footnote": "footnote", "citation": "footnote", "caption": "caption",
}  # fmt: skip
# Sphinx's roles and directives that docutils does not know: their words are kept.
_ROLE = re.compile(r":(?:[a-z]+:)?[a-z]+:`~?([^`<]+?)(?:\s*<[^`>]+>)?`")
_UNSEEN = frozenset(
    {"comment", "substitution_definition", "target", "system_message", "problematic", "raw",
     "pending", "image", "docinfo", "topic_contents", "meta"}
)  # fmt: skip
_SETTINGS = {
    "file_insertion_enabled": False, "raw_enabled": False, "_disable_config": True,
    "report_level": 5, "halt_level": 5, "input_encoding": "unicode", "doctitle_xform": False,
    "syntax_highlight": "none", "smart_quotes": False, "line_length_limit": 1_000_000,
}  # fmt: skip


class RestructuredParser:
    """Reads reStructuredText."""

    name = "docutils"
    version = "0.23-1"
    media_types = frozenset({"text/x-rst"})

    def available(self) -> tuple[bool, str]:
        """Whether docutils is installed."""
        return find_spec("docutils") is not None, "Install docutils."

    def parse(self, source: Source) -> ParsedDocument:
        """Read the file; raises InvalidError when it cannot be made sense of."""
        from docutils.core import publish_doctree

        text, encoding = read_text(source.path, filename=source.filename)
        try:
            tree = publish_doctree(
                _ROLE.sub(r"\1", text),
                source_path=source.filename,
                settings_overrides={**_SETTINGS, "warning_stream": False},
            )
        except RecursionError:
            raise
        except Exception as error:  # docutils raises whatever a directive trips over
            raise InvalidError(
                f"“{source.filename}” cannot be read as reStructuredText.",
                hint="Check it with a docutils program.",
            ) from error
        draft = Draft()
        _Walk(draft).children(tree, level=1)
        source.progress(1, 1)
        return draft.finish(
            title="",
            filename=source.filename,
            parser=self.name,
            parser_version=self.version,
            metadata={**_docinfo(tree), "encoding": encoding},
        )


class _Walk:
    """Walks docutils' tree and writes it."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft

    def children(self, node: nodes.Element, *, level: int, depth: int = 0) -> None:
        """Write what a node holds."""
        for child in node.children:
            self._node(child, level, depth)

    def _node(self, node: Any, level: int, depth: int) -> None:
        name = type(node).__name__
        if name in _KINDS:
            words = node.astext() if name.endswith("_block") else _words(node)
            self._draft.paragraph(words, kind=_KINDS[name])
            self._links(node)
        elif name in _ADMONITIONS:
            self._draft.paragraph(f"{name.capitalize()}: {_words(node)}")
        elif name not in _UNSEEN:
            self._inner(name, node, level, depth)

    def _inner(self, name: str, node: Any, level: int, depth: int) -> None:
        match name:
            case "title" | "subtitle" | "rubric":
                self._draft.heading(_words(node), level=max(1, level - 1))
                self._links(node)
            case "bullet_list" | "enumerated_list":
                self._list(node, level, depth)
            case "definition_list_item":
                self._definition(node, level, depth)
            case "field":
                self._draft.paragraph(f"{_words(node[0])}: {_words(node[1])}")
            case "option_list_item":
                self._draft.list_item(f"{_words(node[0])}  {_words(node[1])}", depth=depth)
            case "block_quote":
                self._quote(node, level, depth)
            case "table":
                self._table(node)
            case _:
                deeper = level + 1 if name == "section" else level
                self.children(node, level=deeper, depth=depth)

    def _list(self, node: Any, level: int, depth: int) -> None:
        first = int(node.get("start", 1))
        for number, item in enumerate(node.children, first):
            marker = f"{number}." if type(node).__name__ == "enumerated_list" else "-"
            for child in item.children:
                if type(child).__name__ == "paragraph":
                    self._draft.list_item(_words(child), marker=marker, depth=depth)
                    self._links(child)
                    marker = ""
                else:
                    self._node(child, level, depth + 1)

    def _definition(self, node: Any, level: int, depth: int) -> None:
        terms = [_words(c) for c in node.children if type(c).__name__ in {"term", "classifier"}]
        self._draft.list_item(" : ".join(terms), depth=depth)
        for child in node.children:
            if type(child).__name__ == "definition":
                self.children(child, level=level, depth=depth + 1)

    def _quote(self, node: Any, level: int, depth: int) -> None:
        if all(type(child).__name__ == "paragraph" for child in node.children):
            for child in node.children:
                self._draft.paragraph(_words(child), kind="quote")
        else:
            self.children(node, level=level, depth=depth)

    def _table(self, node: Any) -> None:
        from docutils import nodes

        for title in (c for c in node.children if isinstance(c, nodes.title)):
            self._draft.paragraph(_words(title), kind="caption")
        cells: list[CellText] = []
        taken: set[tuple[int, int]] = set()
        for number, row in enumerate(node.findall(nodes.row)):
            column = 0
            is_header = isinstance(row.parent, nodes.thead)
            for entry in row.children:
                while (number, column) in taken:
                    column += 1
                down, across = entry.get("morerows", 0) + 1, entry.get("morecols", 0) + 1
                taken |= {(number + r, column + c) for r in range(down) for c in range(across)}
                cells.append(CellText(number, column, _words(entry), down, across, is_header))
                column += across
        self._draft.table(cells)

    def _links(self, node: Any) -> None:
        from docutils import nodes

        for reference in node.findall(nodes.reference):
            self._draft.link(reference.astext(), str(reference.get("refuri", "")))


def _words(node: Any) -> str:
    """Return a node's words: paragraphs on lines of their own, images by their description."""
    name = type(node).__name__
    if name == "Text":
        return str(node.astext())
    if name == "image":
        return str(node.get("alt", ""))
    if name in {"system_message", "comment", "footnote_reference", "raw"}:
        return ""
    glue = "" if name in {"paragraph", "title", "term", "line"} or _is_inline(node) else "\n"
    return glue.join(_words(child) for child in node.children)


def _is_inline(node: Any) -> bool:
    from docutils import nodes

    return isinstance(node, nodes.Inline | nodes.TextElement)


def _docinfo(tree: Any) -> dict[str, str]:
    from docutils import nodes

    found: dict[str, str] = {}
    for info in tree.findall(nodes.docinfo):
        for child in info.children:
            found[type(child).__name__] = child.astext()
    return {key: found[key] for key in ("author", "date", "version") if key in found}
