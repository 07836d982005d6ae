"""Warnings about what a file would do elsewhere: seen, said, and silent for harmless files."""

from __future__ import annotations

import zlib
from pathlib import Path

import pytest

from shared.files.formats import DOCX, XLSX
from shared.files.hazards import hazards
from shared.files.wordings import has_traps
from tests.security.conftest import word, zipped

RELATIONS = "word/_rels/settings.xml.rels"


def relations(kind: str, target: str) -> bytes:
    return (
        f'<Relationships><Relationship Id="r1" Type="http://schemas.openxmlformats.org/'
        f'officeDocument/2006/relationships/{kind}" Target="{target}" TargetMode="External"/>'
        f"</Relationships>"
    ).encode()


def object_stream(syntax: bytes) -> bytes:
    packed = zlib.compress(syntax)
    return (
        b"%PDF-1.7\n1 0 obj\n<</Type /ObjStm /Filter /FlateDecode /N 1>>\nstream\n"
        + packed
        + b"\nendstream\n%%EOF\n"
    )


@pytest.mark.parametrize(
    ("data", "media_type", "words"),
    [
        (word(**{RELATIONS: relations("attachedTemplate", "https://x.example/t.dotm")}), DOCX,
         "loads parts"),
        (word(**{RELATIONS: relations("oleObject", "\\\\x.example\\share\\a")}), DOCX,
         "loads parts"),
        (word(**{"word/embeddings/a.bin": b"x"}), DOCX, "embedded objects"),
        (word(**{"word/header1.xml": b"<w:instrText>DDEAUTO c:\\x</w:instrText>"}), DOCX, "DDE"),
        (zipped({"xl/externalLinks/externalLink1.xml": b"<ddeLink ddeService='cmd'/>"}), XLSX,
         "DDE"),
        (b"%PDF-1.7\n<</S/JavaScript/JS(app.alert\\(1\\))>>", "application/pdf", "scripts"),
        (b"%PDF-1.7\n<</S/J#61vaScript>>", "application/pdf", "scripts"),
        (object_stream(b"1 0 <</S /Launch /F (calc.exe)>>"), "application/pdf", "start a program"),
        (b"%PDF-1.7\n<</Names<</EmbeddedFiles 3 0 R>>>>", "application/pdf", "attached files"),
    ],
)  # fmt: skip
def test_what_a_file_would_do_is_said(
    tmp_path: Path, data: bytes, media_type: str, words: str
) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)
    assert [words in said for said in hazards(path, media_type)] == [True]


def test_named_characters_and_pictures_in_xml_are_no_traps() -> None:
    start = '<?xml version="1.0"?><!DOCTYPE x ['
    assert not has_traps(
        start + '<!ENTITY auml "&#228;"><!ENTITY p SYSTEM "p.tif" NDATA TIF>]><x/>'
    )
    assert has_traps(start + '<!ENTITY p SYSTEM "file:///etc/passwd">]><x>&p;</x>')
    assert has_traps(start + '<!ENTITY % p PUBLIC "-//X" "http://x.example/p">%p;]><x/>')


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (word(), DOCX),
        (word(**{RELATIONS: relations("hyperlink", "https://x.example/")}), DOCX),
        (word(**{RELATIONS: relations("attachedTemplate", "file:///C:/Normal.dotm")}), DOCX),
        (b"%PDF-1.7\n(a /word about /JavaScripture)", "application/pdf"),
        (b"JavaScript", "text/plain"),
    ],
)
def test_harmless_files_bring_no_warning(tmp_path: Path, data: bytes, media_type: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)
    assert hazards(path, media_type) == ()
