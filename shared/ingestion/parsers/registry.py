"""Which parser reads which media type; a parser's module is loaded when it is first needed."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import cast

from shared.ingestion.formats import DOCX, supported_formats
from shared.ingestion.parsers.port import Parser
from shared.kernel.errors import UnsupportedError

_PARSERS: Mapping[str, str] = MappingProxyType(
    {
        "text/plain": "plain:PlainTextParser",
        "text/markdown": "markdown:MarkdownParser",
        "text/csv": "delimited:DelimitedParser",
        "text/html": "webpage:WebPageParser",
        DOCX: "word:WordParser",
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
        raise UnsupportedError(f"Files of type {media_type} cannot be read here: {reason}")
    return parser
