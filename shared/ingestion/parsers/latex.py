"""LaTeX documents through docling's backend; nothing is run and no other file is read."""

from __future__ import annotations

import re
from importlib.util import find_spec

from shared.files.decoding import read_text
from shared.ingestion.drafting import Draft
from shared.ingestion.model import ParsedDocument
from shared.ingestion.parsers.docling_tree import TreeWriter, converted
from shared.ingestion.parsers.originals import Originals
from shared.ingestion.parsers.port import Source

_AUTHOR = re.compile(r"\\author\{([^{}]{1,300})\}")


class LatexParser:
    """Reads LaTeX sources."""

    name = "docling-latex"
    version = "2.142.1-1"
    media_types = frozenset({"application/x-latex"})

    def available(self) -> tuple[bool, str]:
        """Whether docling's LaTeX backend is installed."""
        is_there = find_spec("docling") is not None and find_spec("pylatexenc") is not None
        return is_there, "Install docling-slim[format-latex]."

    def parse(self, source: Source) -> ParsedDocument:
        """Read the file; raises InvalidError when it cannot be made sense of."""
        from docling.backend.latex.backend import LatexDocumentBackend
        from docling.datamodel.backend_options import LatexBackendOptions
        from docling.datamodel.base_models import InputFormat

        text, encoding = read_text(source.path, filename=source.filename)
        tree = converted(
            text.encode("utf-8", "replace"),
            filename=source.filename,
            input_format=InputFormat.LATEX,
            backend=LatexDocumentBackend,
            options=LatexBackendOptions(parse_timeout=None),
        )
        draft = Draft()
        TreeWriter(tree, draft, Originals(())).write()
        source.progress(1, 1)
        author = _AUTHOR.search(text)
        return draft.finish(
            title="",
            filename=source.filename,
            parser=self.name,
            parser_version=self.version,
            metadata={"author": author.group(1) if author else "", "encoding": encoding},
        )
