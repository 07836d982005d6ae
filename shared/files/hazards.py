"""What a file would do in the program it was made for: said as warnings, never done here.

Nothing of it is run, opened or fetched by a reader, so the document is taken; whoever downloads
the original should know. Macros are told by the parsers of office files themselves.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from shared.files.formats import DOCX, PPTX, XLSX

_OFFICE = frozenset({DOCX, PPTX, XLSX})
_MOST_BYTES = 32 * 1024 * 1024
_RELATIONSHIP = re.compile(rb"<(?:\w+:)?Relationship\b[^>]*>")
_EXTERNAL = re.compile(rb"""TargetMode\s*=\s*["']External["']""")
_ELSEWHERE = re.compile(rb"""\bTarget\s*=\s*["'](?:https?:|ftp:|file:////|\\\\)""", re.IGNORECASE)
# Relationships whose target a program loads by itself; hyperlinks wait for a click.
_LOADED = re.compile(
    rb"/(?:attachedTemplate|oleObject|frame|subDocument|externalLinkPath|image)[\"']"
)
_DDE = re.compile(rb"\bDDEAUTO\b|<(?:\w+:)?ddeLink\b")
_DDE_PARTS = re.compile(r"word/(?:document|header|footer)|xl/externalLinks/")
_OBJECTS = re.compile(r"/(?:embeddings|activeX)/")
_OBJECT_STREAM = re.compile(rb"/ObjStm\b.{0,400}?stream\r?\n", re.DOTALL)
_PDF_SIGNS = (
    (re.compile(rb"/(?:JavaScript|JS)\b"), "The PDF holds scripts; they were not run."),
    (re.compile(rb"/Launch\b"), "The PDF wants to start a program; it was not started."),
    (re.compile(rb"/EmbeddedFiles?\b"), "The PDF holds attached files."),
)


def hazards(path: Path, media_type: str) -> tuple[str, ...]:
    """Return a sentence for each thing a person should know before opening the original."""
    if media_type in _OFFICE:
        return tuple(dict.fromkeys(_in_office(path)))
    if media_type == "application/pdf":
        return _in_pdf(path)
    return ()


def _in_office(path: Path) -> Iterator[str]:
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            name = entry.filename
            if _OBJECTS.search(name):
                yield "The file holds embedded objects; they were not opened."
            if name.endswith(".rels") and _loads(_beginning(archive, entry)):
                yield "The file loads parts from another place; nothing was loaded."
            if _DDE_PARTS.match(name) and _DDE.search(_beginning(archive, entry)):
                yield "The file asks other programs for data (DDE); they were not asked."


def _loads(relationships: bytes) -> bool:
    return any(
        _EXTERNAL.search(each) and _ELSEWHERE.search(each) and _LOADED.search(each)
        for each in _RELATIONSHIP.findall(relationships)
    )


def _beginning(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    with archive.open(entry) as member:
        return member.read(_MOST_BYTES)


def _in_pdf(path: Path) -> tuple[str, ...]:
    """Look at a PDF's names as they stand and in its compressed object streams.

    Names written with escapes (``/J#53``) are seen as well. An encrypted PDF shows little.
    """
    with path.open("rb") as file:
        data = file.read(_MOST_BYTES)
    parts = [_named(data), *map(_named, _object_streams(data))]
    return tuple(said for sign, said in _PDF_SIGNS if any(sign.search(part) for part in parts))


def _object_streams(data: bytes) -> Iterator[bytes]:
    left = _MOST_BYTES
    for match in _OBJECT_STREAM.finditer(data):
        if left <= 0:
            return
        try:
            words = zlib.decompressobj().decompress(data[match.end() :], left)
        except zlib.error:
            continue  # damaged, or by another filter
        left -= len(words)
        yield words


def _named(data: bytes) -> bytes:
    """Return PDF syntax with the ``#xx`` escapes of its names resolved (ISO 32000-1, 7.3.5)."""
    return re.sub(rb"#([0-9A-Fa-f]{2})", lambda match: bytes([int(match[1], 16)]), data)
