"""Zip archives before anything unpacks them: bombs, traps and what they hold.

The limits follow measurements with nested, overlapping and highly compressed archives: a zip of
204 KB that unpacks to 200 MB, one of 14 KB whose overlapping entries claim 1,000 MB (which the
standard library reads without complaint), and a Word file with one member of 300 MB.
"""

from __future__ import annotations

import stat
import struct
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

from shared.kernel.errors import InvalidError, TooLargeError

MAX_ENTRIES = 10_000
MAX_UNPACKED = 512 * 1024 * 1024
MAX_RATIO = 100
_RATIO_COUNTS_FROM = 1024 * 1024
_LOCAL_HEADER = 30
_END_RECORD = 22
_ENCRYPTED = 0x1
_PIECE = 1 << 20
# Members by which a zip archive is an office file or a book.
_OFFICE_SIGNS = frozenset({"[Content_Types].xml", "mimetype"})
# Drawings and pages declare harmless entities; parsers of other parts have no use for any.
_MAY_DECLARE = (".svg", ".xhtml", ".html", ".htm")
# No office program writes entity declarations; expanding ones are how XML bombs work. XML may be
# UTF-16 as well.
_ENTITIES = tuple("<!ENTITY".encode(name) for name in ("ascii", "utf-16-le", "utf-16-be"))
_LONGEST_ENTITY = max(map(len, _ENTITIES))


def looks_like_archive(head: bytes) -> bool:
    """Whether the first bytes are those of a zip archive, an empty one included."""
    return head.startswith((b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"))


def inspect_archive(path: Path, *, name: str) -> frozenset[str]:
    """Return the names of an archive's members once it is known to be safe to unpack.

    Declared sizes are not believed: every member that matters is unpacked into nothing and
    counted. Raises InvalidError when it is broken, encrypted or booby-trapped, TooLargeError
    past 10,000 entries or 512 MB.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            _check_end(archive, path, name)
            _check_directory(entries, path.stat().st_size, name)
            _count_bytes(archive, entries, name)
            return frozenset(entry.filename for entry in entries)
    except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError) as error:
        raise InvalidError(
            f"“{name}” is damaged: its archive cannot be opened.",
            hint="Save or download it again.",
        ) from error
    except (NotImplementedError, RuntimeError, ValueError) as error:
        raise InvalidError(
            f"“{name}” is packed in a way that is not understood.", hint="Save it again."
        ) from error


def _check_end(archive: zipfile.ZipFile, path: Path, name: str) -> None:
    """Refuse what lies behind the archive's end record and its comment: nobody sees it unpacked."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _END_RECORD - len(archive.comment)))
        is_last = file.read(4) == b"PK\x05\x06"
    if not is_last:
        raise InvalidError(
            f"“{name}” holds something after its end, as malware does.",
            hint="Save the document again with its own program.",
        )


def _check_directory(entries: Sequence[zipfile.ZipInfo], size: int, name: str) -> None:
    if len(entries) > MAX_ENTRIES:
        raise TooLargeError(
            f"“{name}” holds more than {MAX_ENTRIES:,} files.", hint="Split it into several."
        )
    if sum(entry.file_size for entry in entries) > MAX_UNPACKED:
        raise _bomb(name)
    if len({entry.filename for entry in entries}) < len(entries):
        raise InvalidError(
            f"“{name}” holds two files of the same name, so programs may read different ones.",
            hint="Pack it again.",
        )
    end = 0
    for entry in sorted(entries, key=lambda e: e.header_offset):
        if entry.flag_bits & _ENCRYPTED:
            raise InvalidError(
                f"“{name}” is protected by a password.", hint="Save it without one and try again."
            )
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise InvalidError(
                f"“{name}” holds a link to another place, as malware does.",
                hint="Put in the document itself.",
            )
        parts = entry.filename.replace("\\", "/").split("/")
        if ".." in parts or entry.filename.startswith(("/", "\\")) or ":" in parts[0]:
            raise InvalidError(
                f"“{name}” holds a file that points outside the archive, as malware does.",
                hint="Put in the document itself.",
            )
        if entry.header_offset < end:
            raise _bomb(name)
        end = entry.header_offset + _LOCAL_HEADER + entry.compress_size
        if end > size or _is_dense(entry.file_size, entry.compress_size):
            raise _bomb(name)


def _count_bytes(archive: zipfile.ZipFile, entries: Sequence[zipfile.ZipInfo], name: str) -> None:
    """Unpack every member piece by piece, keeping nothing, and stop at the limits."""
    total = 0
    is_office = any(entry.filename in _OFFICE_SIGNS for entry in entries)
    for entry in entries:
        unpacked, is_judged, last = 0, is_office, b""
        with archive.open(entry) as member:
            while piece := member.read(_PIECE):
                if not unpacked:
                    is_judged = is_judged and _may_bomb(entry.filename, piece)
                unpacked += len(piece)
                total += len(piece)
                if total > MAX_UNPACKED or _is_dense(unpacked, entry.compress_size):
                    raise _bomb(name)
                if is_judged:
                    _refuse_entities(last + piece, name)
                    last = piece[-_LONGEST_ENTITY:]


def _may_bomb(member: str, beginning: bytes) -> bool:
    """Whether a member is XML, whatever its name, of a kind that declares no entities."""
    start = beginning[:64].lstrip(b"\xef\xbb\xbf\xff\xfe\0 \t\r\n")
    return start.startswith(b"<") and not member.lower().endswith(_MAY_DECLARE)


def _refuse_entities(xml: bytes, name: str) -> None:
    if any(declaration in xml for declaration in _ENTITIES):
        raise InvalidError(
            f"“{name}” declares entities in its XML, as XML bombs do.",
            hint="Save the document again with its own program.",
        )


def _is_dense(unpacked: int, packed: int) -> bool:
    return unpacked > _RATIO_COUNTS_FROM and unpacked > MAX_RATIO * max(1, packed)


def _bomb(name: str) -> InvalidError:
    return InvalidError(
        f"“{name}” would unpack to far more than it holds, as archive bombs do.",
        hint="Save the document again with its own program.",
    )
