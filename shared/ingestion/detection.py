"""What a file really is: magic bytes and archive contents against its name and what was claimed.

Decides by the bytes, then insists that name and claim agree, so nothing dangerous or unreadable
gets as far as a parser. Reads the first 64 KiB, the last 64 KiB and an archive's directory,
whatever the file's size.
"""

from __future__ import annotations

import re
from pathlib import Path

from shared.ingestion.archives import OFFICE_PARTS, inspect_archive, looks_like_archive
from shared.ingestion.cleaning import one_line
from shared.ingestion.decoding import decode, is_text
from shared.ingestion.formats import DOCX, supported_formats
from shared.kernel.errors import InvalidError, UnsupportedError

_HEAD = 65536
_TAIL = 65536
_EXTENSIONS = {
    "txt": "text/plain", "text": "text/plain", "log": "text/plain",
    "md": "text/markdown", "markdown": "text/markdown", "mdown": "text/markdown",
    "html": "text/html", "htm": "text/html", "xhtml": "text/html",
    "csv": "text/csv", "tsv": "text/csv",
    "docx": DOCX, "docm": DOCX, "dotx": DOCX, "dotm": DOCX,
    "pdf": "application/pdf",
}  # fmt: skip
_CLAIMS = {
    "text/x-markdown": "text/markdown",
    "text/tab-separated-values": "text/csv",
    "application/csv": "text/csv",
    "application/vnd.ms-excel": "text/csv",
    "application/xhtml+xml": "text/html",
    "application/x-pdf": "application/pdf",
    "application/vnd.ms-word.document.macroenabled.12": DOCX,
    "application/vnd.openxmlformats-officedocument.wordprocessingml.template": DOCX,
    "application/vnd.ms-word.template.macroenabled.12": DOCX,
}
# Claims that say nothing: browsers and command lines send them for anything.
_SILENT = frozenset(
    {"", "application/octet-stream", "binary/octet-stream", "application/x-www-form-urlencoded",
     "multipart/form-data", "application/zip", "application/x-zip-compressed"}
)  # fmt: skip
_TEXTS = frozenset({"text/plain", "text/markdown", "text/csv", "text/html"})

_PROGRAM = "a program"
_IMAGE = "an image"
# (offset, bytes, what it is). A program is refused for its own sake, all others as unreadable.
_MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (0, b"MZ", _PROGRAM), (0, b"\x7fELF", _PROGRAM), (0, b"\xca\xfe\xba\xbe", _PROGRAM),
    (0, b"\xfe\xed\xfa\xce", _PROGRAM), (0, b"\xfe\xed\xfa\xcf", _PROGRAM),
    (0, b"\xce\xfa\xed\xfe", _PROGRAM), (0, b"\xcf\xfa\xed\xfe", _PROGRAM),
    (0, b"\0asm", _PROGRAM), (0, b"dex\n", _PROGRAM), (0, b"L\0\0\0\x01\x14\x02\0", _PROGRAM),
    (0, b"\x89PNG\r\n\x1a\n", _IMAGE), (0, b"\xff\xd8\xff", _IMAGE), (0, b"GIF87a", _IMAGE),
    (0, b"GIF89a", _IMAGE), (0, b"BM", _IMAGE), (0, b"II*\0", _IMAGE), (0, b"MM\0*", _IMAGE),
    (8, b"WEBP", _IMAGE), (4, b"ftypheic", _IMAGE), (4, b"ftypavif", _IMAGE),
    (4, b"ftypmif1", _IMAGE), (0, b"8BPS", _IMAGE), (0, b"\0\0\x01\0", _IMAGE),
    (4, b"ftyp", "a video or sound recording"), (0, b"\x1aE\xdf\xa3", "a video"),
    (8, b"AVI ", "a video"), (8, b"WAVE", "a sound recording"), (0, b"ID3", "a sound recording"),
    (0, b"OggS", "a sound recording"), (0, b"fLaC", "a sound recording"),
    (0, b"\xff\xfb", "a sound recording"),
    (0, b"Rar!\x1a\x07", "a RAR archive"), (0, b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (0, b"\x1f\x8b", "a gzip archive"), (0, b"BZh", "a bzip2 archive"),
    (0, b"\xfd7zXZ\0", "an xz archive"), (0, b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
    (257, b"ustar", "a tar archive"), (0, b"SQLite format 3\0", "a SQLite database"),
    (0, b"{\\rtf", "an RTF document"), (0, b"%!PS", "a PostScript document"),
    (0, b"wOFF", "a font"), (0, b"wOF2", "a font"), (0, b"OTTO", "a font"),
    (0, b"CD001", "a disk image"), (0, b"!BDN", "an Outlook mailbox"),
)  # fmt: skip
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ARCHIVE_END = b"PK\x05\x06"
_PDF_WITHIN = 1024
_HTML = re.compile(
    r"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b",
    re.IGNORECASE | re.DOTALL,
)
_SCRIPT = re.compile(rb"#![ \t]*/")


def detect(path: Path, *, filename: str, claimed: str = "") -> str:
    """Return the media type of a file, checked against its name and the claimed type.

    Raises UnsupportedError for a type that cannot be read (yet), InvalidError for a file that
    is empty, broken, disguised, encrypted or dangerous; each says what the file is.
    """
    name = one_line(filename.rsplit("/", 1)[-1])[:120] or "The file"
    size = path.stat().st_size
    with path.open("rb") as stream:
        head = stream.read(_HEAD)
        stream.seek(max(0, size - _TAIL))
        tail = stream.read(_TAIL)
    if not head.strip(b"\0 \t\r\n"):
        raise InvalidError(f"“{name}” is empty.", hint="Put in a file with words in it.")
    expected = expected_type(filename)
    found = _by_bytes(path, head, tail, name=name)
    if not found:
        found = _text_type(head, expected=expected, name=name)
    _agree(found, expected=expected, claimed=claimed, name=name)
    return found


def expected_type(filename: str) -> str:
    """Return the media type that a file's extension promises; empty when it promises nothing."""
    extension = filename.rsplit(".", 1)[-1].lower() if "." in filename else ""
    return _EXTENSIONS.get(extension, "")


def _by_bytes(path: Path, head: bytes, tail: bytes, *, name: str) -> str:
    """Return the type of a binary file, empty for text."""
    if head.startswith(_OLE):
        raise _legacy(path, name)
    if looks_like_archive(head):
        return _archive_type(path, head, name)
    for offset, magic, what in _MAGIC:
        if head.startswith(magic, offset) and not (len(magic) == len(b"MZ") and is_text(head)):
            raise _unreadable(what, name)
    if b"%PDF-" in head[:_PDF_WITHIN]:
        _check_pdf(head, tail, name)
        return "application/pdf"
    if not is_text(head):
        raise UnsupportedError(
            f"“{name}” is in a format that is not known here.",
            hint=f"Supported are {supported_formats()}.",
        )
    if _SCRIPT.match(head):
        raise _unreadable(_PROGRAM, name)
    return ""


def _check_pdf(head: bytes, tail: bytes, name: str) -> None:
    """Refuse a PDF that is something else as well (a polyglot)."""
    before = head[: head.find(b"%PDF-")]
    if _ARCHIVE_END in tail or b"PK\x03\x04" in before or before.startswith(b"MZ"):
        raise InvalidError(
            f"“{name}” is a PDF and an archive at once, which is how malware is hidden.",
            hint="Save the document again as a plain PDF.",
        )
    if before.lstrip().lower().startswith((b"<html", b"<!doctype", b"<script")):
        raise InvalidError(
            f"“{name}” is a PDF and a web page at once, which is how malware is hidden.",
            hint="Save the document again as a plain PDF.",
        )


def _archive_type(path: Path, head: bytes, name: str) -> str:
    """Return the office type inside a zip archive, after checking it for bombs."""
    if b"%PDF-" in head[:_PDF_WITHIN]:
        raise InvalidError(
            f"“{name}” is an archive and a PDF at once, which is how malware is hidden.",
            hint="Put in the document itself.",
        )
    members = inspect_archive(path, name=name)
    if members & OFFICE_PARTS["docx"] or any(m.startswith("word/document") for m in members):
        return DOCX
    what = "a zip archive"
    for part, words in (
        ("xl/", "an Excel workbook"), ("ppt/", "a PowerPoint presentation"),
        ("META-INF/container.xml", "an EPUB book"), ("Index/", "an Apple iWork document"),
        ("META-INF/manifest.xml", "an OpenDocument file"), ("META-INF/MANIFEST.MF", _PROGRAM),
        ("classes.dex", _PROGRAM), ("visio/", "a Visio drawing"),
    ):  # fmt: skip
        if any(member.startswith(part) for member in members):
            what = words
            break
    raise _unreadable(what, name)


def _legacy(path: Path, name: str) -> UnsupportedError | InvalidError:
    """Name an OLE file: encrypted office, old Word, or another old office format."""
    with path.open("rb") as stream:
        data = stream.read(4 * 1024 * 1024)
    if "EncryptedPackage".encode("utf-16-le") in data:
        return InvalidError(
            f"“{name}” is protected by a password.", hint="Save it without one and try again."
        )
    for stream_name, what in (
        ("WordDocument", "an old Word document (.doc)"),
        ("Workbook", "an old Excel workbook (.xls)"),
        ("PowerPoint Document", "an old PowerPoint presentation (.ppt)"),
        ("__substg1.0", "an Outlook message (.msg)"),
    ):
        if stream_name.encode("utf-16-le") in data:
            return _unreadable(what, name)
    return _unreadable("an old office document", name)


def _unreadable(what: str, name: str) -> UnsupportedError:
    hint = f"Supported are {supported_formats()}."
    if what == _IMAGE:
        return UnsupportedError(
            f"“{name}” is an image; text recognition is not there yet.", hint=hint
        )
    if what == _PROGRAM:
        return UnsupportedError(f"“{name}” is a program; programs are not accepted.", hint=hint)
    if "old" in what:
        hint = "Save it in today's format (for Word: .docx) and try again."
    return UnsupportedError(f"“{name}” is {what}, which cannot be read yet.", hint=hint)


def _text_type(head: bytes, *, expected: str, name: str) -> str:
    """Return the kind of text: what the extension promises, where the words do not object."""
    text, _ = decode(head)
    is_page = bool(_HTML.match(text.lstrip("\ufeff")))
    if is_page:
        if expected in {"text/html", ""}:
            return "text/html"
        if expected not in {"text/markdown", "text/plain"}:
            raise _mismatch("a web page (HTML)", expected, name)
    if expected in _TEXTS:
        return expected
    if expected:
        raise _mismatch("text", expected, name)
    if text.lstrip("\ufeff \r\n\t").startswith("<?xml"):
        raise _unreadable("an XML file", name)
    extension = name.rsplit(".", 1)[-1].lower() if "." in name else ""
    if extension and re.fullmatch(r"[a-z0-9]{1,8}", extension) and not extension.isdigit():
        raise UnsupportedError(
            f"“{name}”: files ending in .{extension} cannot be read yet.",
            hint=f"Supported are {supported_formats()}.",
        )
    return "text/plain"


def _agree(found: str, *, expected: str, claimed: str, name: str) -> None:
    """Insist that bytes, name and claim tell the same story; among texts the name decides."""
    if expected and found != expected and not {found, expected} <= _TEXTS:
        raise _mismatch(_title(found), expected, name)
    said = claimed.split(";", 1)[0].strip().lower()
    said = _CLAIMS.get(said, said)
    if said in _SILENT or said == found:
        return
    if found in _TEXTS and said.startswith("text/"):
        return
    raise InvalidError(
        f"“{name}” was announced as {said[:100]} but is {_title(found)}.",
        hint="Send the right Content-Type, or none.",
    )


def _mismatch(what: str, expected: str, name: str) -> InvalidError:
    return InvalidError(
        f"“{name}” is named like {_title(expected)} but is {what}.",
        hint="Check the file, or give it the extension of its real format.",
    )


def _title(media_type: str) -> str:
    return {
        "text/plain": "plain text",
        "text/markdown": "Markdown",
        "text/csv": "a CSV table",
        "text/html": "a web page (HTML)",
        DOCX: "a Word document (.docx)",
        "application/pdf": "a PDF",
    }[media_type]
