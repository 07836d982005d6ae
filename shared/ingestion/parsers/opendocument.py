"""OpenDocument texts and presentations through docling's backend."""

from __future__ import annotations

from importlib.util import find_spec

from shared.files.formats import ODP, ODT
from shared.ingestion.drafting import Draft
from shared.ingestion.model import ParsedDocument
from shared.ingestion.parsers.docling_tree import TreeWriter, converted
from shared.ingestion.parsers.originals import Originals, open_paragraphs
from shared.ingestion.parsers.packages import (
    damaged,
    opened_package,
    package_properties,
    package_warnings,
)
from shared.ingestion.parsers.pictures import Pictures
from shared.ingestion.parsers.port import Source

_BACKENDS = {ODT: "Odt", ODP: "Odp"}


class OpenDocumentParser:
    """Reads .odt and .odp; in presentations a block's page is its slide's number."""

    name = "docling-opendocument"
    version = "2.142.1-1"
    media_types = frozenset(_BACKENDS)

    def available(self) -> tuple[bool, str]:
        """Whether docling's OpenDocument backend is installed."""
        is_there = find_spec("docling") is not None and find_spec("odfdo") is not None
        return is_there, "Install docling-slim[format-opendocument]."

    def parse(self, source: Source) -> ParsedDocument:
        """Read the file; raises InvalidError when it is damaged or holds no text."""
        from docling.backend import opendocument_backend
        from docling.datamodel.backend_options import DeclarativeBackendOptions
        from docling.datamodel.base_models import InputFormat
        from lxml.etree import LxmlError  # type: ignore[import-untyped]

        draft = Draft()
        with opened_package(source.path, source.filename) as archive:
            try:
                properties = package_properties(archive)
                draft.warnings += package_warnings(archive)
                originals = Originals(open_paragraphs(archive))
            except (KeyError, LxmlError, OSError, EOFError, ValueError) as error:
                raise damaged(source.filename) from error
        source.progress(1, 3)
        kind = _BACKENDS[source.media_type]
        tree = converted(
            source.path.read_bytes(),
            filename=source.filename,
            input_format=InputFormat[kind.upper()],
            backend=getattr(opendocument_backend, f"{kind}DocumentBackend"),
            options=DeclarativeBackendOptions(),
        )
        source.progress(2, 3)
        is_paged = source.media_type == ODP
        pictures = Pictures(source.files, draft)
        TreeWriter(tree, draft, originals, pictures, is_paged=is_paged).write()
        source.progress(3, 3)
        return draft.finish(
            title=properties.pop("title", ""),
            filename=source.filename,
            parser=self.name,
            parser_version=self.version,
            page_count=(len(tree.pages) or None) if is_paged else None,
            metadata=properties,
        )
