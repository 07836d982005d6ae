"""The formats that can be read: one row each, the only list of them.

Detection, the parsers' registry, the workflow and every sentence that names formats read it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Reader = Literal["office", "pages", "legacy"]
"""Which reading function carries the libraries of a format: they do not fit into one Lambda.

``pages`` reads PDF and images, ``legacy`` the formats of the nineties, ``office`` all others.
"""

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
ODT = "application/vnd.oasis.opendocument.text"
ODS = "application/vnd.oasis.opendocument.spreadsheet"
ODP = "application/vnd.oasis.opendocument.presentation"
DOC = "application/msword"
XLS = "application/vnd.ms-excel"
PPT = "application/vnd.ms-powerpoint"
MSG = "application/vnd.ms-outlook"


@dataclass(frozen=True, slots=True)
class Format:
    """One readable format.

    ``title`` completes “… is …” for one file, ``name`` stands in a list of formats.
    ``extensions`` are lower case, the usual one first. ``is_text`` formats are told apart by
    their words and their names, all others by their bytes.
    """

    media_type: str
    name: str
    title: str
    extensions: tuple[str, ...]
    is_text: bool = False
    reader: Reader = "office"


_ROWS = (
    Format("text/plain", "plain text", "plain text", ("txt", "text", "log"), is_text=True),
    Format("text/markdown", "Markdown", "Markdown", ("md", "markdown", "mdown"), is_text=True),
    Format("text/html", "HTML", "a web page (HTML)", ("html", "htm", "xhtml"), is_text=True),
    Format("text/csv", "CSV and TSV", "a CSV table", ("csv", "tsv", "tab"), is_text=True),
    Format("text/asciidoc", "AsciiDoc", "AsciiDoc", ("adoc", "asciidoc", "asc"), is_text=True),
    Format("text/x-rst", "reStructuredText", "reStructuredText", ("rst", "rest"), is_text=True),
    Format("application/x-latex", "LaTeX", "a LaTeX document", ("tex", "latex"), is_text=True),
    Format("text/vtt", "WebVTT", "subtitles (WebVTT)", ("vtt",), is_text=True),
    Format("application/x-subrip", "SubRip", "subtitles (SubRip)", ("srt",), is_text=True),
    Format(
        "application/json", "JSON", "JSON data", ("json", "jsonl", "ndjson", "geojson"),
        is_text=True,
    ),
    Format("application/xml", "XML", "an XML file", ("xml", "nxml"), is_text=True),
    Format("application/jats+xml", "JATS", "a JATS article (XML)", ("jats",), is_text=True),
    Format("application/rtf", "RTF", "an RTF document", ("rtf",), is_text=True),
    Format("message/rfc822", "e-mail (.eml)", "an e-mail", ("eml",), is_text=True),
    Format(MSG, "Outlook (.msg)", "an Outlook message (.msg)", ("msg",)),
    Format(DOCX, "Word (.docx)", "a Word document (.docx)", ("docx", "docm", "dotx", "dotm")),
    Format(
        PPTX, "PowerPoint (.pptx)", "a PowerPoint presentation (.pptx)",
        ("pptx", "pptm", "potx", "potm", "ppsx", "ppsm"),
    ),
    Format(XLSX, "Excel (.xlsx)", "an Excel workbook (.xlsx)", ("xlsx", "xlsm", "xltx", "xltm")),
    Format(ODT, "OpenDocument (.odt, .ods, .odp)", "an OpenDocument text", ("odt", "ott")),
    Format(ODS, "", "an OpenDocument spreadsheet", ("ods", "ots")),
    Format(ODP, "", "an OpenDocument presentation", ("odp", "otp")),
    Format("application/epub+zip", "EPUB", "an EPUB book", ("epub",)),
    Format("application/zip", "zip archives", "a zip archive", ("zip",)),
    Format(
        DOC, "old Office (.doc, .xls, .ppt)", "an old Word document (.doc)", ("doc", "dot"),
        reader="legacy",
    ),
    Format(XLS, "", "an old Excel workbook (.xls)", ("xls", "xlt"), reader="legacy"),
    Format(
        PPT, "", "an old PowerPoint presentation (.ppt)", ("ppt", "pps", "pot"), reader="legacy"
    ),
    Format("application/pdf", "PDF", "a PDF", ("pdf",), reader="pages"),
    Format(
        "image/png", "images (PNG, JPEG, TIFF, WebP, GIF, BMP)", "a PNG image", ("png",),
        reader="pages",
    ),
    Format("image/jpeg", "", "a JPEG image", ("jpg", "jpeg", "jpe"), reader="pages"),
    Format("image/tiff", "", "a TIFF image", ("tif", "tiff"), reader="pages"),
    Format("image/webp", "", "a WebP image", ("webp",), reader="pages"),
    Format("image/gif", "", "a GIF image", ("gif",), reader="pages"),
    Format("image/bmp", "", "a BMP image", ("bmp",), reader="pages"),
)  # fmt: skip

FORMATS: Mapping[str, Format] = MappingProxyType({row.media_type: row for row in _ROWS})
"""Every readable format by its media type."""

_READERS: Mapping[str, Reader] = MappingProxyType({row.reader: row.reader for row in _ROWS})
_BY_EXTENSION = {extension: row.media_type for row in _ROWS for extension in row.extensions}


def media_type_of_name(filename: str) -> str:
    """Return the media type that a file's extension promises; empty when it promises nothing."""
    extension = filename.rsplit(".", 1)[-1].lower() if "." in filename else ""
    return _BY_EXTENSION.get(extension, "")


def reader_of(media_type: str) -> Reader:
    """Return the reading function of a media type; types nobody reads go to the plain one."""
    row = FORMATS.get(media_type)
    return row.reader if row else "office"


def reader_named(name: str) -> Reader:
    """Return a reader by its stored name; unknown names mean the plain one."""
    return _READERS.get(name, "office")


def supported_formats() -> str:
    """Return the readable formats as words for a sentence."""
    names = [row.name for row in _ROWS if row.name]
    return f"{', '.join(names[:-1])} and {names[-1]}"
