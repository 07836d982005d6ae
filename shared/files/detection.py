"""What a file really is: magic bytes and archive contents against its name and what was claimed.

Decides by the bytes, then insists that name and claim agree, so nothing dangerous or unreadable
gets as far as a parser. Reads the first 64 KiB, the last 64 KiB and an archive's directory,
whatever the file's size.
"""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

from shared.files.archives import inspect_archive, looks_like_archive
from shared.files.cleaning import one_line
from shared.files.decoding import decode, is_text
from shared.files.formats import FORMATS, XLS, media_type_of_name, supported_formats
from shared.files.signatures import (
    OLE,
    PASSWORD,
    PROGRAM,
    by_magic,
    by_members,
    by_streams,
)
from shared.files.wordings import by_words, has_traps
from shared.kernel.errors import InvalidError, UnsupportedError

_HEAD = 65536
_TAIL = 22 + 65535  # where a zip archive's end record may stand: with the longest comment
_LONGEST_MIMETYPE = 200
# Claims that say nothing: browsers and command lines send them for anything.
_SILENT = frozenset(
    {"", "application/octet-stream", "binary/octet-stream", "application/x-www-form-urlencoded",
     "multipart/form-data", "application/zip", "application/x-zip-compressed"}
)  # fmt: skip
_ARCHIVE_END = b"PK\x05\x06"
_PDF_WITHIN = 1024
_XML = frozenset({"application/xml", "application/jats+xml"})
_SCRIPT = re.compile(rb"#![ \t]*/")
_PAGE_START = re.compile(rb"\s*<(?:html|!doctype|script|\?php)", re.IGNORECASE)
# Families whose members may be named like each other: what lies in them decides.
_FAMILIES = ("image/", "text/", "application/vnd.oasis.")


def detect(path: Path, *, filename: str, claimed: str = "") -> str:
    """Return the media type of a file, checked against its name and the claimed type.

    Raises UnsupportedError for a type that cannot be read, InvalidError for a file that is
    empty, broken, disguised, encrypted or dangerous; each says what the file is.
    """
    name = one_line(filename.rsplit("/", 1)[-1])[:120] or "The file"
    size = path.stat().st_size
    with path.open("rb") as stream:
        head = stream.read(_HEAD)
        stream.seek(max(0, size - _TAIL))
        tail = stream.read(_TAIL)
    if not head.strip(b"\0 \t\r\n"):
        raise InvalidError(f"“{name}” is empty.", hint="Put in a file with words in it.")
    expected = media_type_of_name(filename)
    found = _by_bytes(path, head, tail, name=name) or _by_text(head, expected, name=name)
    _agree(found, expected=expected, claimed=claimed, name=name)
    return found


def _by_bytes(path: Path, head: bytes, tail: bytes, *, name: str) -> str:
    """Return the type of a binary file, empty for text."""
    if head.startswith(OLE):
        return _ole_type(path, name)
    if looks_like_archive(head):
        return _archive_type(path, head, name)
    what = by_magic(head, is_text=is_text(head))
    if what:
        _refuse_double(what, head, tail, name)
        return _readable(what, name)
    if b"%PDF-" in head[:_PDF_WITHIN]:
        _check_pdf(head, tail, name)
        return "application/pdf"
    if not is_text(head):
        raise _unknown(name)
    if _SCRIPT.match(head):
        raise _unreadable(PROGRAM, name)
    return ""


def _unknown(name: str) -> InvalidError | UnsupportedError:
    promised = media_type_of_name(name)
    if promised:
        return InvalidError(
            f"“{name}” is named like {_title(promised)} but its contents are not: it is damaged or "
            "something else.",
            hint="Open it in its own program, save it again and put that in.",
        )
    return UnsupportedError(
        f"“{name}” is in a format that is not known here.",
        hint=f"Supported are {supported_formats()}.",
    )


def _refuse_double(what: str, head: bytes, tail: bytes, name: str) -> None:
    """Refuse an image that is something else as well (a polyglot)."""
    if not what.startswith("image/"):
        return
    if _ARCHIVE_END in tail:
        raise _double(name, "an image and an archive", "Save the image again.")
    lowered = (head + tail).lower()
    if b"%pdf-" in head[:_PDF_WITHIN] or b"<script" in lowered or b"<?php" in lowered:
        raise _double(name, "an image and a program", "Save the image again.")


def _check_pdf(head: bytes, tail: bytes, name: str) -> None:
    """Refuse a PDF that is something else as well."""
    before = head[: head.find(b"%PDF-")]
    after = tail[tail.rfind(b"%%EOF") :] if b"%%EOF" in tail else b""
    if (
        _ARCHIVE_END in after
        or _ends_archive(tail)
        or b"PK\x03\x04" in before
        or before.startswith(b"MZ")
    ):
        raise _double(name, "a PDF and an archive", "Save the document again as a plain PDF.")
    if _PAGE_START.match(before):
        raise _double(name, "a PDF and a web page", "Save the document again as a plain PDF.")


def _ends_archive(tail: bytes) -> bool:
    """Whether an archive's end record, comment included, reaches exactly to the end of the file.

    An archive attached to a PDF ends before the PDF does; one that hides it does not.
    """
    place = tail.find(_ARCHIVE_END)
    while place >= 0:
        comment = tail[place + 20 : place + 22]
        if place + 22 + int.from_bytes(comment, "little") == len(tail) and len(comment) > 1:
            return True
        place = tail.find(_ARCHIVE_END, place + 1)
    return False


def _archive_type(path: Path, head: bytes, name: str) -> str:
    """Return the type of a zip archive, after checking it for bombs."""
    if b"%PDF-" in head[:_PDF_WITHIN]:
        raise _double(name, "an archive and a PDF", "Put in the document itself.")
    members = inspect_archive(path, name=name)
    return _readable(by_members(members, _mimetype(path, members)), name)


def _mimetype(path: Path, members: frozenset[str]) -> str:
    if "mimetype" not in members:
        return ""
    with zipfile.ZipFile(path) as archive, archive.open("mimetype") as member:
        return member.read(_LONGEST_MIMETYPE).decode("ascii", "replace").strip()


def _ole_type(path: Path, name: str) -> str:
    try:
        what = by_streams(path)
    except OSError as error:
        raise InvalidError(
            f"“{name}” is damaged: its directory cannot be read.",
            hint="Open it in its own program, save it again and put that in.",
        ) from error
    if what == PASSWORD:
        raise InvalidError(
            f"“{name}” is protected by a password.", hint="Save it without one and try again."
        )
    if not what:
        raise _unreadable("an old office document of another kind", name)
    return what


def _by_text(head: bytes, expected: str, *, name: str) -> str:
    """Return the kind of text: what the words prove, else what the name promises."""
    text, _ = decode(head)
    proven = by_words(text, expected)
    if proven in _XML and has_traps(text):
        raise InvalidError(
            f"“{name}” declares entities that expand or that fetch other files, as XML bombs do.",
            hint="Save it without a document type declaration.",
        )
    if proven:
        return proven
    if expected in FORMATS and FORMATS[expected].is_text:
        if expected in _XML | {"text/vtt", "application/rtf"}:
            raise _mismatch("other text", expected, name)
        return expected
    if expected:
        raise _mismatch("text", expected, name)
    return "text/plain"


def _readable(what: str, name: str) -> str:
    """Return a media type that has a reader; raises for everything else."""
    if what in FORMATS:
        return what
    raise _unreadable(what, name)


def _unreadable(what: str, name: str) -> UnsupportedError:
    hint = f"Supported are {supported_formats()}."
    if what == PROGRAM:
        return UnsupportedError(f"“{name}” is a program; programs are not accepted.", hint=hint)
    if what.endswith("archive"):
        hint = "Pack the files into a zip archive, or put them in one by one."
    return UnsupportedError(f"“{name}” is {what}, which cannot be read here.", hint=hint)


def _double(name: str, what: str, hint: str) -> InvalidError:
    return InvalidError(f"“{name}” is {what} at once, which is how malware is hidden.", hint=hint)


def _agree(found: str, *, expected: str, claimed: str, name: str) -> None:
    """Insist that bytes, name and claim tell the same story; within a family the bytes decide."""
    if expected and not _are_kin(found, expected):
        raise _mismatch(_title(found), expected, name)
    said = claimed.split(";", 1)[0].strip().lower()
    if said in _SILENT or said not in FORMATS or _are_kin(found, said):
        return
    if (found, said) == ("text/csv", XLS):  # what Windows calls CSV where Excel is installed
        return
    raise InvalidError(
        f"“{name}” was announced as {said[:100]} but is {_title(found)}.",
        hint="Send the right Content-Type, or none.",
    )


def _are_kin(one: str, other: str) -> bool:
    """Whether a file of one type may pass under the other's name."""
    if one == other:
        return True
    first, second = FORMATS[one], FORMATS[other]
    if first.is_text and second.is_text:
        return not {one, other} & {"text/html", "application/rtf"} or {one, other} <= _TEXTS
    return any(one.startswith(f) and other.startswith(f) for f in _FAMILIES)


_TEXTS = frozenset({"text/plain", "text/markdown", "text/html", "application/xml"})


def _mismatch(what: str, expected: str, name: str) -> InvalidError:
    return InvalidError(
        f"“{name}” is named like {_title(expected)} but is {what}.",
        hint="Check the file, or give it the extension of its real format.",
    )


def _title(media_type: str) -> str:
    return FORMATS[media_type].title
