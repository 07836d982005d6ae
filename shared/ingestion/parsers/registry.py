"""Which parser reads which media type; a parser's module is loaded when it is first needed."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import cast

from shared.files.formats import (
    DOC,
    DOCX,
    MSG,
    ODP,
    ODS,
    ODT,
    PPT,
    PPTX,
    XLS,
    XLSX,
    supported_formats,
)
from shared.ingestion.parsers.port import Parser
from shared.kernel.errors import UnsupportedError

_PARSERS: Mapping[str, str] = MappingProxyType(
    {
        "text/plain": "plain:PlainTextParser",
        "text/markdown": "markdown:MarkdownParser",
        "text/csv": "delimited:DelimitedParser",
        "text/html": "webpage:WebPageParser",
        "text/asciidoc": "asciidoc:AsciiDocParser",
        "application/x-latex": "latex:LatexParser",
        "application/jats+xml": "jats:JatsParser",
        "application/epub+zip": "epub:EpubParser",
        "text/x-rst": "restructured:RestructuredParser",
        "text/vtt": "subtitles:SubtitleParser",
        "application/x-subrip": "subtitles:SubtitleParser",
        "application/json": "json_data:JsonParser",
        "application/xml": "xml_data:XmlParser",
        "application/rtf": "legacy.rtf:RtfParser",
        "message/rfc822": "letters.mail:MailParser",
        "application/zip": "archive:ArchiveParser",
        DOC: "legacy.office:LegacyParser",
        XLS: "legacy.office:LegacyParser",
        PPT: "legacy.office:LegacyParser",
        MSG: "letters.outlook:OutlookParser",
        DOCX: "word:WordParser",
        XLSX: "sheets.workbook:WorkbookParser",
        PPTX: "presentation:PresentationParser",
        ODT: "opendocument:OpenDocumentParser",
        ODS: "sheets.open_sheets:OpenSheetsParser",
        ODP: "opendocument:OpenDocumentParser",
        "application/pdf": "pdf.parser:PdfParser",
        "image/png": "image:ImageParser",
        "image/jpeg": "image:ImageParser",
        "image/tiff": "image:ImageParser",
        "image/webp": "image:ImageParser",
        "image/gif": "image:ImageParser",
        "image/bmp": "image:ImageParser",
    }
)


def supported_media_types() -> tuple[str, ...]:
    """Return the media types that have a parser."""
    return tuple(_PARSERS)


def parser_for(media_type: str) -> Parser:
    """Return the parser of a media type.

    Raises UnsupportedError when there is none or when its dependencies are missing here.
    """
    place = _PARSERS.get(media_type)
    if place is None:
        raise UnsupportedError(
            f"Files of type {media_type} cannot be read yet.",
            hint=f"Supported are {supported_formats()}.",
        )
    module, name = place.split(":")
    parser = cast("Parser", getattr(import_module(f"shared.ingestion.parsers.{module}"), name)())
    is_available, reason = parser.available()
    if not is_available:
        raise UnsupportedError(
            f"Files of type {media_type} cannot be read here: {reason}",
            hint=f"Supported are {supported_formats()}.",
        )
    return parser
