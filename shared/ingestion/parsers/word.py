"""Word documents (.docx and its macro and template relatives) through docling's backend."""

from __future__ import annotations

import zipfile
from importlib.util import find_spec

from shared.files.formats import DOCX
from shared.ingestion.drafting import Draft
from shared.ingestion.model import ParsedDocument
from shared.ingestion.parsers.docling_tree import TreeWriter, converted
from shared.ingestion.parsers.originals import Originals, word_paragraphs
from shared.ingestion.parsers.packages import (
    as_plain,
    opened_package,
    package_properties,
    package_warnings,
)
from shared.ingestion.parsers.pictures import Pictures
from shared.ingestion.parsers.port import Source
from shared.kernel.errors import InvalidError


class WordParser:
    """Reads Word documents; macros are never run."""

    name = "docling-docx"
    version = "2.142.1-2"
    media_types = frozenset({DOCX})

    def available(self) -> tuple[bool, str]:
        """Whether docling's office backends are installed."""
        is_there = find_spec("docling") is not None and find_spec("docx") is not None
        return is_there, "Install docling-slim[format-office]."

    def parse(self, source: Source) -> ParsedDocument:
        """Read the file; raises InvalidError when it is damaged or holds no text."""
        from docling.backend.msword_backend import MsWordDocumentBackend
        from docling.datamodel.backend_options import MsWordBackendOptions
        from docling.datamodel.base_models import InputFormat
        from lxml.etree import LxmlError  # type: ignore[import-untyped]

        draft = Draft()
        try:
            with opened_package(source.path, source.filename) as archive:
                properties = package_properties(archive)
                draft.warnings += package_warnings(archive)
                originals = Originals(word_paragraphs(archive))
                data = as_plain(source.path, archive)
        except (zipfile.BadZipFile, KeyError, LxmlError, OSError, EOFError) as error:
            raise InvalidError(
                f"“{source.filename}” is damaged: the main part of the document cannot be read.",
                hint="Open it in Word, save it again and put that in.",
            ) from error
        source.progress(1, 3)
        tree = converted(
            data,
            filename=source.filename,
            input_format=InputFormat.DOCX,
            backend=MsWordDocumentBackend,
            options=MsWordBackendOptions(),
        )
        source.progress(2, 3)
        TreeWriter(tree, draft, originals, Pictures(source.files, draft)).write()
        source.progress(3, 3)
        return draft.finish(
            title=properties.pop("title", ""),
            filename=source.filename,
            parser=self.name,
            parser_version=self.version,
            metadata=properties,
        )
