"""A file's type is what its bytes say, and whatever lies, hides or bites is refused by name."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

import pytest

from shared.files.detection import detect
from shared.files.formats import DOCX, ODP, ODS, ODT, PPTX, XLSX
from shared.kernel.errors import InvalidError, KontorError, TooLargeError, UnsupportedError

PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer<<>>\n%%EOF\n"


def zipped(members: dict[str, bytes], *, packed: bool = True) -> bytes:
    buffer = io.BytesIO()
    method = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in members.items():
            entry = zipfile.ZipInfo(name)  # no time stamp: test ids must not change
            entry.compress_type = archive.compression
            archive.writestr(entry, data)
    return buffer.getvalue()


def opendocument(kind: str) -> bytes:
    mimetype = f"application/vnd.oasis.opendocument.{kind}".encode()
    return zipped({"mimetype": mimetype, "content.xml": b"<x/>"}, packed=False)


def book() -> bytes:
    return zipped({"mimetype": b"application/epub+zip", "META-INF/container.xml": b"<x/>"})


WORD = zipped({"[Content_Types].xml": b"<Types/>", "word/document.xml": b"<w:document/>"})


@pytest.fixture
def look(tmp_path: Path):
    def detect_bytes(data: bytes, filename: str, claimed: str = "") -> str:
        path = tmp_path / "upload"
        path.write_bytes(data)
        return detect(path, filename=filename, claimed=claimed)

    return detect_bytes


@pytest.mark.parametrize(
    ("data", "filename", "claimed", "expected"),
    [
        (b"Hallo Welt", "a.txt", "", "text/plain"),
        ("Grüße".encode("utf-16"), "a.txt", "text/plain; charset=utf-16", "text/plain"),
        ("Grüße".encode("cp1252"), "README", "application/octet-stream", "text/plain"),
        (b"# Titel", "a.md", "text/plain", "text/markdown"),
        (b"<h1>In Markdown</h1>", "a.md", "text/markdown", "text/markdown"),
        (b"a;b\n1;2\n", "a.csv", "application/vnd.ms-excel", "text/csv"),
        (b"<!doctype html><p>x", "a.html", "text/html", "text/html"),
        (b"<html><p>x", "seite", "", "text/html"),
        (b"<p>nur ein Teil</p>", "a.htm", "", "text/html"),
        (PDF, "a.pdf", "application/pdf", "application/pdf"),
        (b"\n\n" + PDF, "a.PDF", "", "application/pdf"),
        (PDF, "ohne-endung", "", "application/pdf"),
        (WORD, "a.docx", DOCX, DOCX),
        (WORD, "a.docm", "application/vnd.ms-word.document.macroEnabled.12", DOCX),
        (b"BMW baut Autos.", "auto.txt", "", "text/plain"),
        (b"MZ ist eine Zeitung.", "mz.txt", "", "text/plain"),
        (b"import os", "a.py", "", "text/plain"),
        (b"\x89PNG\r\n\x1a\n\0", "a.png", "image/png", "image/png"),
        (b"\xff\xd8\xff\xe0\0\x10", "a.png", "image/png", "image/jpeg"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "a.webp", "", "image/webp"),
        (b"{\\rtf1 hallo}", "a.rtf", "", "application/rtf"),
        (b"{\\rtf1 hallo}", "brief", "", "application/rtf"),
        (b"<?xml version='1.0'?><a/>", "a", "", "application/xml"),
        (
            b"<?xml version='1.0'?>\n<article><front/></article>",
            "a.xml",
            "",
            "application/jats+xml",
        ),
        (
            b"<?xml version='1.0'?>\n<article><front/></article>",
            "a.nxml",
            "text/xml",
            "application/jats+xml",
        ),
        (b"<?xml version='1.0'?><html><p>x</p></html>", "a.xhtml", "", "text/html"),
        (b"WEBVTT\n\n00:01.000 --> 00:02.000\nHallo", "a.vtt", "text/vtt", "text/vtt"),
        (b"WEBVTT\n\n00:01.000 --> 00:02.000\nHallo", "untertitel", "", "text/vtt"),
        (b"1\n00:00:01,000 --> 00:00:02,000\nHallo\n", "a.srt", "", "application/x-subrip"),
        (b"1\n00:00:01,000 --> 00:00:02,000\nHallo\n", "a", "", "application/x-subrip"),
        (b"From: a@b\nTo: c@d\nSubject: x\n\nHallo", "brief", "", "message/rfc822"),
        (b"From: a@b\nTo: c@d\nSubject: x\n\nHallo", "a.txt", "", "text/plain"),
        (b"Hallo", "a.eml", "message/rfc822", "message/rfc822"),
        (b'{"a": 1}', "a.json", "application/json", "application/json"),
        (b"\\documentclass{article}", "a.tex", "", "application/x-latex"),
        (b"= Titel", "a.adoc", "", "text/asciidoc"),
        (b"Titel\n=====", "a.rst", "", "text/x-rst"),
        (zipped({"a.txt": b"x"}), "a.zip", "application/zip", "application/zip"),
        (zipped({"[Content_Types].xml": b"x", "xl/workbook.xml": b"x"}), "a.xlsx", XLSX, XLSX),
        (zipped({"[Content_Types].xml": b"x", "ppt/presentation.xml": b"x"}), "a.pptx", "", PPTX),
        (opendocument("text"), "a.odt", ODT, ODT),
        (opendocument("spreadsheet"), "a.ods", "", ODS),
        (opendocument("presentation"), "a.odp", "", ODP),
        (book(), "a.epub", "", "application/epub+zip"),
    ],
)
def test_the_bytes_decide_and_the_name_agrees(
    look, data: bytes, filename: str, claimed: str, expected: str
) -> None:
    assert look(data, filename, claimed) == expected


@pytest.mark.parametrize(
    ("data", "filename", "claimed", "error", "words"),
    [
        (b"", "a.txt", "", InvalidError, "is empty"),
        (b" \n\0", "a.txt", "", InvalidError, "is empty"),
        (b"MZ\x90\0\3\0\0\0" * 9, "a.pdf", "", UnsupportedError, "is a program"),
        (b"\x7fELF\2\1\1\0" * 9, "a.txt", "", UnsupportedError, "is a program"),
        (b"#!/bin/sh\nrm -rf /", "a.txt", "", UnsupportedError, "is a program"),
        (b"\xff\xd8\xff\xe0\0\x10", "a.pdf", "", InvalidError, "named like a PDF but is a JPEG"),
        (b"\0\0\0\x18ftypmp42\0", "a.mp4", "", UnsupportedError, "video or sound"),
        (b"\x1f\x8b\x08\0\0", "a.txt.gz", "", UnsupportedError, "gzip archive"),
        (bytes(range(256)) * 4, "a.txt", "", InvalidError, "contents are not"),
        (PDF, "a.docx", "", InvalidError, r"named like a Word document \(\.docx\) but is a PDF"),
        (WORD, "a.pdf", "", InvalidError, "named like a PDF but is a Word"),
        (b"Hallo", "a.pdf", "", InvalidError, "named like a PDF but is text"),
        (b"<html>", "a.csv", "", InvalidError, "named like a CSV table but is a web page"),
        (PDF, "a.pdf", "text/plain", InvalidError, "announced as text/plain but is a PDF"),
        (b"Hallo", "a.txt", "application/pdf", InvalidError, "announced as application/pdf"),
        (PDF + zipped({"x": b"y"}), "a.pdf", "", InvalidError, "a PDF and an archive at once"),
        (b"<html><script>1</script>" + PDF, "a.pdf", "", InvalidError, "web page at once"),
        (zipped({"%PDF-1.4": b"x"}, packed=False), "a.zip", "", InvalidError, "at once"),
        (zipped({"META-INF/MANIFEST.MF": b"x"}), "a.docx", "", UnsupportedError, "program"),
        (zipped({"../x": b"x"}), "a.docx", "", InvalidError, "points outside"),
        (zipped({"word/document.xml": b"0" * 5_000_000}), "a.docx", "", InvalidError, "bombs"),
        (zipped({"a.txt": b"x"}), "a.docx", "", InvalidError, "is a zip archive"),
        (
            b"GIF89a" + b"/*" + b"x" * 99 + b"*/=1;<script>",
            "a.gif",
            "",
            InvalidError,
            "image and a",
        ),
        (b"\xff\xd8\xff\xe0" + zipped({"x": b"y"}), "a.jpg", "", InvalidError, "image and an arch"),
        (zipped({"visio/document.xml": b"x"}), "a.vsdx", "", UnsupportedError, "a Visio drawing"),
        (b"Hallo", "a.vtt", "", InvalidError, "named like subtitles"),
        (b"Hallo", "a.xml", "", InvalidError, "named like an XML file"),
        (b"ustar".rjust(262, b"x"), "a.tar", "", UnsupportedError, "tar archive"),
        (WORD[:-30], "a.docx", "", InvalidError, "damaged"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_reason(
    look, *, data: bytes, filename: str, claimed: str, error: type[KontorError], words: str
) -> None:
    with pytest.raises(error, match=words) as caught:
        look(data, filename, claimed)
    assert filename in caught.value.detail
    assert caught.value.hint


@pytest.mark.parametrize("what", ["Etwas", "WordDocument"])
def test_a_damaged_ole_directory_is_damaged(look, what: str) -> None:
    data = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600) + what.encode("utf-16-le")
    with pytest.raises(InvalidError, match="damaged"):
        look(data, "a.doc")


def test_an_encrypted_archive_is_refused(look) -> None:
    data = bytearray(WORD)
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = data.find(mark)
        data[place + offset] |= 1
    with pytest.raises(InvalidError, match="protected by a password"):
        look(bytes(data), "a.docx")


def test_an_archive_whose_entries_overlap_is_a_bomb(look) -> None:
    data = bytearray(zipped({"a": b"x" * 999, "word/document.xml": b"y" * 999}, packed=False))
    second = data.find(b"PK\x01\x02", data.find(b"PK\x01\x02") + 4)
    data[second + 42 : second + 46] = struct.pack("<I", 10)
    with pytest.raises(InvalidError, match=r"bombs|damaged"):
        look(bytes(data), "a.docx")


def test_an_archive_that_lies_about_its_sizes_is_counted_out(look) -> None:
    data = bytearray(zipped({"word/document.xml": b"0" * 9_000_000}))
    for mark, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        place = data.find(mark)
        data[place + offset : place + offset + 4] = struct.pack("<I", 500_000)
    with pytest.raises(InvalidError, match=r"bombs|damaged"):
        look(bytes(data), "a.docx")


def test_an_archive_of_too_many_files_is_too_large(look) -> None:
    members = {f"word/{i}": b"" for i in range(10_001)}
    with pytest.raises(TooLargeError, match="more than 10,000 files"):
        look(zipped(members, packed=False), "a.docx")


def test_a_large_file_is_judged_by_its_ends(look, tmp_path: Path) -> None:
    path = tmp_path / "large"
    with path.open("wb") as stream:
        stream.write(b"Hallo Welt. " * 8000)
        stream.truncate(100 * 1024 * 1024)
    assert detect(path, filename="large.txt") == "text/plain"
