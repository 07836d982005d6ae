"""Word documents (.docx and its macro and template relatives) through docling's backend."""

from __future__ import annotations

import zipfile
from importlib.util import find_spec

from shared.ingestion.drafting import Draft
from shared.ingestion.formats import DOCX
from shared.ingestion.model import ParsedDocument
from shared.ingestion.parsers.docling_tree import TreeWriter, converted
from shared.ingestion.parsers.originals import Originals, word_paragraphs
from shared.ingestion.parsers.port import Source
from shared.kernel.errors import InvalidError

_PROPERTIES = "docProps/core.xml"
_KEPT = {"title": "title", "creator": "author", "subject": "subject", "keywords": "keywords",
         "created": "created", "modified": "modified"}  # fmt: skip
_LARGEST_PROPERTIES = 1 << 20


class WordParser:
    """Reads Word documents; macros and pictures are never opened."""

    name = "docling-docx"
    version = "2.142.1-1"
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

        try:
            with zipfile.ZipFile(source.path) as archive:
                properties = _properties(archive)
                originals = Originals(word_paragraphs(archive))
        except (zipfile.BadZipFile, KeyError, LxmlError, OSError, EOFError) as error:
            raise InvalidError(
                f"“{source.filename}” is damaged: the main part of the document cannot be read.",
                hint="Open it in Word, save it again and put that in.",
            ) from error
        source.progress(1, 3)
        tree = converted(
            source.path.read_bytes(),
            filename=source.filename,
            input_format=InputFormat.DOCX,
            backend=MsWordDocumentBackend,
            options=MsWordBackendOptions(),
        )
        source.progress(2, 3)
        draft = Draft()
        TreeWriter(tree, draft, originals).write()
        source.progress(3, 3)
        return draft.finish(
            title=properties.get("title", ""),
            filename=source.filename,
            parser=self.name,
            parser_version=self.version,
            metadata=properties,
        )


def _properties(archive: zipfile.ZipFile) -> dict[str, str]:
    """Return the document's core properties (ECMA-376 part 2, section 11)."""
    from lxml import etree  # type: ignore[import-untyped]

    if _PROPERTIES not in archive.namelist():
        return {}
    with archive.open(_PROPERTIES) as part:
        data = part.read(_LARGEST_PROPERTIES)
    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError:
        # Properties are an extra: a document with broken ones is still a document.
        return {}
    found = {}
    for element in root.iter():
        name = element.tag.rsplit("}", 1)[-1] if isinstance(element.tag, str) else ""
        if name in _KEPT and (element.text or "").strip():
            found[_KEPT[name]] = str(element.text)
    return found
