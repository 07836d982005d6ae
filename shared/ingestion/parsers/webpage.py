"""Web pages (HTML files) through docling's backend; nothing a page refers to is ever fetched."""

from __future__ import annotations

import codecs
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from shared.files.decoding import decode
from shared.ingestion.drafting import Draft
from shared.ingestion.model import ParsedDocument
from shared.ingestion.parsers.docling_tree import TreeWriter, converted
from shared.ingestion.parsers.originals import Originals, page_paragraphs
from shared.ingestion.parsers.pictures import Pictures
from shared.ingestion.parsers.port import Source
from shared.kernel.errors import InvalidError

_CHARSET = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?\s*([\w.:-]{2,40})", re.IGNORECASE)
_DECLARATION = re.compile(r"\A\s*<\?xml[^>]*\?>")
_SURROGATE = re.compile("[\ud800-\udfff\0]")
# libxml2 itself stops at 256 levels and drops what lies deeper.
_DEEPEST = 240
_KEPT = frozenset({"author", "description", "keywords", "date"})


class WebPageParser:
    """Reads HTML files."""

    name = "docling-html"
    version = "2.142.1-2"
    media_types = frozenset({"text/html"})

    def available(self) -> tuple[bool, str]:
        """Whether docling's web backends are installed."""
        is_there = find_spec("docling") is not None and find_spec("bs4") is not None
        return is_there, "Install docling-slim[format-web]."

    def parse(self, source: Source) -> ParsedDocument:
        """Read the file; raises InvalidError when it is empty or holds no text."""
        markup = page_text(source.path.read_bytes())
        root = _parsed(_SURROGATE.sub("", markup), source.filename)
        source.progress(1, 3)
        draft = Draft()
        write_page(markup, draft, filename=source.filename, files=source.files)
        source.progress(3, 3)
        return draft.finish(
            title=root.findtext(".//title") or "",
            filename=source.filename,
            parser=self.name,
            parser_version=self.version,
            metadata=_metadata(root),
        )


def write_page(markup: str, draft: Draft, *, filename: str, files: Path | None = None) -> bool:
    """Write a page onto a draft, its pictures into ``files``; False when it holds nothing.

    Raises InvalidError when it cannot be read or is nested too deeply.
    """
    from docling.backend.html_backend import HTMLDocumentBackend
    from docling.datamodel.backend_options import HTMLBackendOptions
    from docling.datamodel.base_models import InputFormat

    markup = _SURROGATE.sub("", markup)
    root = _parsed(markup, filename)
    tree = converted(
        # The mark tells every reader below that this is UTF-8 now, whatever the page says.
        codecs.BOM_UTF8 + markup.encode(),
        filename=filename,
        input_format=InputFormat.HTML,
        backend=HTMLDocumentBackend,
        # The title tag is metadata here. Words before the first heading are words: docling
        # would drop them as furniture.
        options=HTMLBackendOptions(add_title=False, infer_furniture=False),
    )
    before = draft.block_count
    pictures = None if files is None else Pictures(files, draft)
    originals = Originals(page_paragraphs(root))
    has_heading = next(root.iter("h1", "h2", "h3", "h4", "h5", "h6"), None) is not None
    TreeWriter(tree, draft, originals, pictures, skips_logos=has_heading).write()
    return draft.block_count > before


def page_text(data: bytes) -> str:
    """Decode a page: byte order mark, declared charset (as browsers read it), then guessing."""
    declared = _CHARSET.search(data[:4096])
    if declared and not data.startswith(
        (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    ):
        name = declared.group(1).decode("ascii").lower()
        # Browsers read Latin-1 and ASCII as Windows-1252 (WHATWG Encoding, section 4.2).
        name = "cp1252" if name in {"iso-8859-1", "latin1", "ascii", "us-ascii"} else name
        try:
            return data.decode(name)
        except (LookupError, UnicodeDecodeError):
            pass
    return decode(data)[0]


def _parsed(markup: str, filename: str) -> Any:
    from lxml import html  # type: ignore[import-untyped]
    from lxml.etree import LxmlError  # type: ignore[import-untyped]

    try:
        root = html.document_fromstring(_DECLARATION.sub("", markup))
    except (LxmlError, ValueError) as error:
        raise InvalidError(
            f"“{filename}” holds no readable page.", hint="Save the page again as HTML."
        ) from error
    # docling's walk is quadratic in the depth: 5,000 nested elements took half a minute.
    if _depth(root) > _DEEPEST:
        raise InvalidError(
            f"“{filename}” is nested too deeply to be read.", hint="Simplify it and try again."
        )
    return root


def _depth(root: Any) -> int:
    from lxml import etree

    depth = deepest = 0
    for event, _ in etree.iterwalk(root, events=("start", "end")):
        depth += 1 if event == "start" else -1
        deepest = max(deepest, depth)
    return deepest


def _metadata(root: Any) -> dict[str, str]:
    found = {}
    for element in root.iter("meta"):
        name = (element.get("name") or "").lower()
        if name in _KEPT and element.get("content"):
            found[name] = str(element.get("content"))
    return found
