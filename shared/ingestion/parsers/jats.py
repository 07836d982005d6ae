"""JATS articles (the XML of journals) through docling's backend."""

from __future__ import annotations

from importlib.util import find_spec

from shared.ingestion.drafting import Draft
from shared.ingestion.model import ParsedDocument
from shared.ingestion.parsers.docling_tree import TreeWriter, converted
from shared.ingestion.parsers.originals import Originals
from shared.ingestion.parsers.port import Source


class JatsParser:
    """Reads scientific articles in JATS XML."""

    name = "docling-jats"
    version = "2.142.1-1"
    media_types = frozenset({"application/jats+xml"})

    def available(self) -> tuple[bool, str]:
        """Whether docling's web backends are installed."""
        is_there = find_spec("docling") is not None and find_spec("bs4") is not None
        return is_there, "Install docling-slim[format-web]."

    def parse(self, source: Source) -> ParsedDocument:
        """Read the file; raises InvalidError when it is damaged or holds no text."""
        from docling.backend.xml.jats_backend import JatsDocumentBackend
        from docling.datamodel.backend_options import JatsBackendOptions
        from docling.datamodel.base_models import InputFormat

        tree = converted(
            source.path.read_bytes(),
            filename=source.filename,
            input_format=InputFormat.XML_JATS,
            backend=JatsDocumentBackend,
            options=JatsBackendOptions(),
        )
        source.progress(1, 2)
        draft = Draft()
        TreeWriter(tree, draft, Originals(())).write()
        source.progress(2, 2)
        return draft.finish(
            title="",
            filename=source.filename,
            parser=self.name,
            parser_version=self.version,
        )
