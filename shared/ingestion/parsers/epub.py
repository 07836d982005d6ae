"""EPUB books through docling's backend: its chapters in the order of the spine."""

from __future__ import annotations

import re
from importlib.util import find_spec
from typing import Any

from shared.ingestion.drafting import Draft
from shared.ingestion.model import ParsedDocument
from shared.ingestion.parsers.docling_tree import TreeWriter, converted
from shared.ingestion.parsers.originals import Originals, page_paragraphs
from shared.ingestion.parsers.packages import damaged, opened_package, properties_of
from shared.ingestion.parsers.pictures import Pictures
from shared.ingestion.parsers.port import Source

_PAGE = re.compile(r"\.x?html?$", re.IGNORECASE)
_LARGEST_PAGE = 10 * 1024 * 1024


class EpubParser:
    """Reads EPUB books."""

    name = "docling-epub"
    version = "2.142.1-1"
    media_types = frozenset({"application/epub+zip"})

    def available(self) -> tuple[bool, str]:
        """Whether docling's web backends are installed."""
        is_there = find_spec("docling") is not None and find_spec("bs4") is not None
        return is_there, "Install docling-slim[format-web]."

    def parse(self, source: Source) -> ParsedDocument:
        """Read the file; raises InvalidError when it is damaged or holds no text."""
        from docling.backend.epub_backend import EpubDocumentBackend
        from docling.datamodel.backend_options import EpubBackendOptions
        from docling.datamodel.base_models import InputFormat

        draft = Draft()
        pictures = Pictures(source.files, draft)
        with opened_package(source.path, source.filename) as archive:
            try:
                properties, originals = _inside(archive)
                _keep_pictures(archive, pictures)
            except (KeyError, OSError, EOFError, ValueError) as error:
                raise damaged(source.filename) from error
        source.progress(1, 3)
        tree = converted(
            source.path.read_bytes(),
            filename=source.filename,
            input_format=InputFormat.EPUB,
            backend=EpubDocumentBackend,
            options=EpubBackendOptions(),
        )
        source.progress(2, 3)
        TreeWriter(tree, draft, originals).write()
        source.progress(3, 3)
        return draft.finish(
            title=properties.pop("title", ""),
            filename=source.filename,
            parser=self.name,
            parser_version=self.version,
            metadata=properties,
        )


def _inside(archive: Any) -> tuple[dict[str, str], Originals]:
    """Return the book's properties and the paragraphs of all its pages."""
    from lxml import html  # type: ignore[import-untyped]
    from lxml.etree import LxmlError  # type: ignore[import-untyped]

    properties: dict[str, str] = {}
    paragraphs: list[str] = []
    for name in archive.namelist():
        if name.endswith(".opf"):
            properties = properties or properties_of(archive.read(name))
        elif _PAGE.search(name) and archive.getinfo(name).file_size <= _LARGEST_PAGE:
            try:
                root = html.document_fromstring(archive.read(name))
            except (LxmlError, ValueError):
                # Only the spelling of formatted words is lost; docling reads the page itself.
                continue
            paragraphs += page_paragraphs(root)
    return properties, Originals(paragraphs)


def _keep_pictures(archive: Any, pictures: Pictures) -> None:
    for member in archive.infolist():
        name = member.filename
        is_picture = name.lower().endswith((".png", ".jpg", ".jpeg", ".gif", ".webp"))
        if is_picture and member.file_size <= _LARGEST_PAGE:
            pictures.keep(archive.read(name), description=name.rsplit("/", 1)[-1])
