"""Binary files by their first bytes, their archive's members or their OLE streams."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from pathlib import Path

from shared.files.formats import DOC, DOCX, MSG, ODP, ODS, ODT, PPT, PPTX, XLS, XLSX

PROGRAM = "a program"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
PASSWORD = "password"  # noqa: S105 - what was found, no secret

# (offset, bytes, media type or what it is in words)
MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (0, b"MZ", PROGRAM), (0, b"\x7fELF", PROGRAM), (0, b"\xca\xfe\xba\xbe", PROGRAM),
    (0, b"\xfe\xed\xfa\xce", PROGRAM), (0, b"\xfe\xed\xfa\xcf", PROGRAM),
    (0, b"\xce\xfa\xed\xfe", PROGRAM), (0, b"\xcf\xfa\xed\xfe", PROGRAM),
    (0, b"\0asm", PROGRAM), (0, b"dex\n", PROGRAM), (0, b"L\0\0\0\x01\x14\x02\0", PROGRAM),
    (0, b"\x89PNG\r\n\x1a\n", "image/png"), (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF87a", "image/gif"), (0, b"GIF89a", "image/gif"), (0, b"BM", "image/bmp"),
    (0, b"II*\0", "image/tiff"), (0, b"MM\0*", "image/tiff"), (8, b"WEBP", "image/webp"),
    (4, b"ftypheic", "a HEIC image"), (4, b"ftypavif", "an AVIF image"),
    (4, b"ftypmif1", "a HEIF image"), (0, b"8BPS", "a Photoshop image"),
    (0, b"\0\0\x01\0", "an icon"),
    (4, b"ftyp", "a video or sound recording"), (0, b"\x1aE\xdf\xa3", "a video"),
    (8, b"AVI ", "a video"), (8, b"WAVE", "a sound recording"), (0, b"ID3", "a sound recording"),
    (0, b"OggS", "a sound recording"), (0, b"fLaC", "a sound recording"),
    (0, b"\xff\xfb", "a sound recording"),
    (0, b"Rar!\x1a\x07", "a RAR archive"), (0, b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (0, b"\x1f\x8b", "a gzip archive"), (0, b"BZh", "a bzip2 archive"),
    (0, b"\xfd7zXZ\0", "an xz archive"), (0, b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
    (257, b"ustar", "a tar archive"), (0, b"SQLite format 3\0", "a SQLite database"),
    (0, b"{\\rtf", "application/rtf"), (0, b"%!PS", "a PostScript document"),
    (0, b"wOFF", "a font"), (0, b"wOF2", "a font"), (0, b"OTTO", "a font"),
    (0, b"CD001", "a disk image"), (0, b"!BDN", "an Outlook mailbox"),
)  # fmt: skip
_SHORTEST = 2

_PARTS: tuple[tuple[str, str], ...] = (
    ("word/document", DOCX), ("ppt/presentation", PPTX), ("xl/workbook", XLSX),
    ("ppt/", PPTX), ("xl/", XLSX),
    ("Index/", "an Apple iWork document"), ("visio/", "a Visio drawing"),
    ("META-INF/MANIFEST.MF", PROGRAM), ("classes.dex", PROGRAM), ("AndroidManifest.xml", PROGRAM),
)  # fmt: skip
_MIMETYPES = {
    "application/vnd.oasis.opendocument.text": ODT,
    "application/vnd.oasis.opendocument.text-template": ODT,
    "application/vnd.oasis.opendocument.spreadsheet": ODS,
    "application/vnd.oasis.opendocument.spreadsheet-template": ODS,
    "application/vnd.oasis.opendocument.presentation": ODP,
    "application/vnd.oasis.opendocument.presentation-template": ODP,
    "application/epub+zip": "application/epub+zip",
}
_STREAMS: tuple[tuple[str, str], ...] = (
    ("encryptedpackage", PASSWORD), ("encryptioninfo", PASSWORD),
    ("worddocument", DOC), ("workbook", XLS), ("book", XLS), ("powerpoint document", PPT),
    ("__properties_version1.0", MSG),
)  # fmt: skip


def by_magic(head: bytes, *, is_text: bool) -> str:
    """Return the media type or the words for a file's first bytes; empty when they say nothing.

    Two letters alone prove nothing in a text: “MZ” and “BM” begin sentences too.
    """
    for offset, magic, what in MAGIC:
        if head.startswith(magic, offset) and not (len(magic) <= _SHORTEST and is_text):
            return what
    return ""


def by_members(members: AbstractSet[str], mimetype: str) -> str:
    """Return the media type or the words for a zip archive with these members.

    ``mimetype`` is the text of the member of that name (OpenDocument, EPUB), empty without one.
    """
    if mimetype:
        return _MIMETYPES.get(mimetype, "an OpenDocument file of another kind")
    if "META-INF/container.xml" in members:
        return "application/epub+zip"
    for part, what in _PARTS:
        if any(member.startswith(part) for member in members):
            return what
    return "application/zip"


def by_streams(path: Path) -> str:
    """Return the media type for an OLE file, ``PASSWORD`` when it is locked, empty if unknown.

    Raises OSError when its directory is broken.
    """
    import olefile

    try:
        with olefile.OleFileIO(str(path)) as container:
            listed = container.listdir(streams=True, storages=False)
    except (ValueError, IndexError, TypeError, OverflowError, AttributeError) as error:
        # olefile trusts what it reads: a broken directory surfaces as any of these.
        raise OSError(str(error)) from error
    names = {entry[-1].lower() for entry in listed}
    return next((what for name, what in _STREAMS if name in names), "")
