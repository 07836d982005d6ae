"""AsciiDoc through docling's backend; includes are not followed."""

from __future__ import annotations

import re
from importlib.util import find_spec

from shared.files.decoding import read_text
from shared.ingestion.drafting import Draft
from shared.ingestion.model import ParsedDocument
from shared.ingestion.parsers.docling_tree import TreeWriter, converted
from shared.ingestion.parsers.originals import Originals
from shared.ingestion.parsers.port import Source

_ATTRIBUTE = re.compile(
    r"^:(author|description|keywords|revdate|email):[ \t]*(\S.*)$", re.MULTILINE
)


class AsciiDocParser:
    """Reads AsciiDoc files."""

    name = "docling-asciidoc"
    version = "2.142.1-1"
    media_types = frozenset({"text/asciidoc"})

    def available(self) -> tuple[bool, str]:
        """Whether docling is installed."""
        return find_spec("docling") is not None, "Install docling-slim[convert-core]."

    def parse(self, source: Source) -> ParsedDocument:
        """Read the file; raises InvalidError when it is empty or binary."""
        from docling.backend.asciidoc_backend import AsciiDocBackend
        from docling.datamodel.backend_options import AsciiDocBackendOptions
        from docling.datamodel.base_models import InputFormat

        text, encoding = read_text(source.path, filename=source.filename)
        tree = converted(
            text.encode("utf-8", "replace"),
            filename=source.filename,
            input_format=InputFormat.ASCIIDOC,
            backend=AsciiDocBackend,
            options=AsciiDocBackendOptions(),
        )
        draft = Draft()
        TreeWriter(tree, draft, Originals(text.split("\n"))).write()
        source.progress(1, 1)
        found = dict(_ATTRIBUTE.findall(text[:10_000]))
        return draft.finish(
            title="",
            filename=source.filename,
            parser=self.name,
            parser_version=self.version,
            metadata={**found, "encoding": encoding},
        )
