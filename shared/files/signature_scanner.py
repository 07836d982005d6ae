"""The malware scanner that is always there: byte patterns and hashes, through archives and PDFs.

It knows little beside the EICAR test file and what an administrator lists; its worth is that the
gate is always shut and always tested. clamd or GuardDuty know more and are asked as well.
"""

from __future__ import annotations

import bz2
import email.policy
import gzip
import hashlib
import io
import lzma
import re
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

from shared.files.decoding import decode, is_text
from shared.files.wordings import is_mail
from shared.kernel.errors import InvalidError

EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$" + rb"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
_DOS_STUB = b"This program cannot be run in DOS mode"
_PIECE = 1 << 20
_DEEPEST = 3
_MOST_BYTES = 512 * 1024 * 1024
_PDF_BYTES = 64 * 1024 * 1024
_STREAM = re.compile(rb"stream\r?\n")
_SPOOLED = 8 * 1024 * 1024
_TEXT_BYTES = 128 * 1024 * 1024
_PACKED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0")


class SignatureScanner:
    """Finds known bytes in a file, its archive members and its PDF streams."""

    def __init__(self, hashes: Path | None = None) -> None:
        self._hashes = _read_hashes(hashes) if hashes else frozenset()

    def scan(self, path: Path, *, key: str = "", version: str = "") -> str:
        """Return the name of what was found, empty when the file is clean.

        Raises InvalidError for archives nested deeper than three levels or unpacking to more
        than 512 MB: what nobody can look into is not taken.
        """
        with path.open("rb") as file:
            return self._look(file, path.name, depth=0, budget=[_MOST_BYTES])

    def _look(self, file: IO[bytes], name: str, *, depth: int, budget: list[int]) -> str:
        head = file.read(65536)
        file.seek(0)
        found = self._whole(file, head, name)
        if found:
            return found
        if head.startswith(b"%PDF-"):
            file.seek(0)
            return _in_streams(file.read(_PDF_BYTES))
        file.seek(0)
        return self._inside(file, head, depth=depth, budget=budget)

    def _inside(self, file: IO[bytes], head: bytes, *, depth: int, budget: list[int]) -> str:
        """Look at what a file holds: members, a packed file, objects, attachments."""
        if head.startswith(b"PK"):
            return self._members(file, depth=depth, budget=budget)
        if head.startswith(_PACKED):
            return self._packed(_unpacking(file, head), depth=depth, budget=budget)
        if head.startswith(b"{\\rtf"):
            return _in_objects(file.read(_TEXT_BYTES))
        if is_text(head) and is_mail(decode(head)[0].lstrip()):
            return self._attached(file.read(_TEXT_BYTES), depth=depth, budget=budget)
        return ""

    def _packed(self, unpacking: IO[bytes], *, depth: int, budget: list[int]) -> str:
        """Look into a file packed by itself (gzip, bzip2, xz)."""
        _refuse_depth(depth)
        try:
            return self._unpack(unpacking, "", depth=depth, budget=budget)
        except (OSError, EOFError, lzma.LZMAError, zlib.error):
            return ""  # damaged: no program would get more out of it

    def _attached(self, data: bytes, *, depth: int, budget: list[int]) -> str:
        """Look into the parts of an e-mail."""
        _refuse_depth(depth)
        message = email.message_from_bytes(data, policy=email.policy.compat32)
        for part in message.walk():
            body = part.get_payload(decode=True) if not part.is_multipart() else None
            if isinstance(body, bytes) and body:
                found = self._unpack(
                    io.BytesIO(body), part.get_content_type(), depth=depth, budget=budget
                )
                if found:
                    return found
        return ""

    def _whole(self, file: IO[bytes], head: bytes, name: str) -> str:
        """Look through the bytes as they are; in a text, only its beginning is a test file."""
        if head.startswith(EICAR):
            return "EICAR test file"
        wanted = [] if is_text(head) else [(EICAR, "EICAR test file")]
        if "embeddings/" in name:
            wanted.append((_DOS_STUB, "embedded program"))
        digest = hashlib.sha256()
        last = b""
        while piece := file.read(_PIECE):
            digest.update(piece)
            window = last + piece
            for pattern, what in wanted:
                if pattern in window:
                    return what
            last = piece[-len(EICAR) :]
        return "listed file" if digest.hexdigest() in self._hashes else ""

    def _members(self, file: IO[bytes], *, depth: int, budget: list[int]) -> str:
        try:
            with zipfile.ZipFile(file) as archive:
                _refuse_depth(depth)
                for entry in archive.infolist():
                    found = self._member(archive, entry, depth=depth, budget=budget)
                    if found:
                        return found
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError):
            # Detection judges broken and locked archives; here they hold nothing to find.
            return ""
        return ""

    def _member(
        self, archive: zipfile.ZipFile, entry: zipfile.ZipInfo, *, depth: int, budget: list[int]
    ) -> str:
        if entry.is_dir():
            return ""
        with archive.open(entry) as member:
            return self._unpack(member, entry.filename, depth=depth, budget=budget)

    def _unpack(self, member: IO[bytes], name: str, *, depth: int, budget: list[int]) -> str:
        """Unpack within what is left of the budget, and look at what came out."""
        with tempfile.SpooledTemporaryFile(_SPOOLED) as unpacked:
            while piece := member.read(_PIECE):
                budget[0] -= len(piece)
                if budget[0] < 0:
                    raise InvalidError(
                        "This file unpacks to more than 512 MB, as archive bombs do.",
                        hint="Split it into several.",
                    )
                unpacked.write(piece)
            unpacked.seek(0)
            return self._look(unpacked, name, depth=depth + 1, budget=budget)


def _unpacking(file: IO[bytes], head: bytes) -> IO[bytes]:
    if head.startswith(b"BZh"):
        return bz2.BZ2File(file)
    if head.startswith(b"\xfd7zXZ"):
        return lzma.LZMAFile(file)
    return cast("IO[bytes]", gzip.GzipFile(fileobj=file, mode="rb"))


def _refuse_depth(depth: int) -> None:
    if depth >= _DEEPEST:
        raise InvalidError(
            f"Archives are nested more than {_DEEPEST} levels deep in this file.",
            hint="Unpack the inner ones and put them in by themselves.",
        )


def _in_objects(rtf: bytes) -> str:
    """Look at the objects in an RTF file: their bytes are written as hexadecimal digits."""
    digits = re.sub(rb"[\s{}]+", b"", rtf).lower()
    for pattern, what in ((EICAR, "EICAR test file"), (_DOS_STUB, "embedded program")):
        if pattern.hex().encode() in digits:
            return what
    return ""


def _in_streams(data: bytes) -> str:
    """Look through a PDF's compressed streams, up to 64 MB of them."""
    for words in _unpacked_streams(data):
        if EICAR in words:
            return "EICAR test file"
        if words.startswith(b"MZ") and _DOS_STUB in words:
            return "embedded program"
    return ""


def _unpacked_streams(data: bytes) -> Iterator[bytes]:
    left = _PDF_BYTES
    for match in _STREAM.finditer(data):
        if left <= 0:
            return
        try:
            words = zlib.decompressobj().decompress(data[match.end() :], left)
        except zlib.error:
            continue  # not compressed, or by another filter
        left -= len(words)
        yield words


def _read_hashes(path: Path) -> frozenset[str]:
    """Read SHA-256 sums, one a line; words after the first and lines with # are comments."""
    lines = path.read_text("utf-8").splitlines()
    return frozenset(
        line.split()[0].lower() for line in lines if line.strip() and not line.startswith("#")
    )
