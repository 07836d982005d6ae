"""Zip archives: a list of what is inside; each member becomes a document of its own."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator

from shared.ingestion.drafting import CellText, Draft
from shared.ingestion.model import ParsedDocument
from shared.ingestion.parsers.attachments import Attachments, is_junk, safe_name, size_in_words
from shared.ingestion.parsers.packages import opened_package
from shared.ingestion.parsers.port import Source
from shared.kernel.errors import InvalidError

_ENCRYPTED = 0x1
_UTF8 = 0x800
_PIECE = 1 << 20


class ArchiveParser:
    """Reads zip archives; the guard against bombs stands before it, at the door."""

    name = "zip"
    version = "1"
    media_types = frozenset({"application/zip"})

    def available(self) -> tuple[bool, str]:
        """Always: the standard library does it."""
        return True, ""

    def parse(self, source: Source) -> ParsedDocument:
        """Take the members out; raises InvalidError when there is none that can be opened."""
        draft = Draft()
        attachments = Attachments(source.files, draft)
        listed: list[tuple[str, int]] = []
        sealed: list[str] = []
        broken: list[str] = []
        with opened_package(source.path, source.filename) as archive:
            members = [m for m in archive.infolist() if not m.is_dir()]
            for done, member in enumerate(members, 1):
                if is_junk(_spelt(member)):
                    continue
                name = safe_name(_spelt(member))
                listed.append((name, member.file_size))
                if member.flag_bits & _ENCRYPTED:
                    sealed.append(name)
                elif not _taken(archive, member, name, attachments):
                    broken.append(name)
                if done % 50 == 0 or done == len(members):
                    source.progress(done, len(members))
        attachments.finish()
        _warn(draft, sealed, "protected by a password and could not be opened")
        _warn(draft, broken, "damaged and could not be unpacked")
        _list(draft, listed, source.filename)
        return draft.finish(
            title=source.filename.rsplit("/", 1)[-1],
            filename=source.filename,
            parser=self.name,
            parser_version=self.version,
            metadata={"files": str(len(listed))},
        )


def _spelt(member: zipfile.ZipInfo) -> str:
    """Return a member's name; old Windows programs wrote it in the DOS alphabet or in UTF-8."""
    if member.flag_bits & _UTF8:
        return member.filename
    try:
        return member.filename.encode("cp437").decode("utf-8")
    except (UnicodeEncodeError, UnicodeDecodeError):
        return member.filename


def _taken(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str, attachments: Attachments
) -> bool:
    """Take a member out; False when it is damaged. Empty files are listed only."""
    if member.file_size == 0:
        return True
    try:
        attachments.keep(name, _pieces(archive, member))
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError,
            RuntimeError) as error:  # fmt: skip
        if isinstance(error, OSError) and error.errno is not None:
            raise
        return False
    return True


def _pieces(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[bytes]:
    with archive.open(member) as stream:
        while piece := stream.read(_PIECE):
            yield piece


def _warn(draft: Draft, names: list[str], what: str) -> None:
    if names:
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""  # noqa: PLR2004
        verb = "is" if len(names) == 1 else "are"
        shown = ", ".join(f"“{name}”" for name in names[:3])
        draft.warnings.append(f"{shown}{more} {verb} {what}.")


def _list(draft: Draft, listed: list[tuple[str, int]], filename: str) -> None:
    if not listed:
        raise InvalidError(f"“{filename}” is an empty archive.", hint="Put the files in it first.")
    draft.heading(filename.rsplit("/", 1)[-1], level=1)
    cells = [CellText(0, 0, "File", is_header=True), CellText(0, 1, "Size", is_header=True)]
    for row, (name, size) in enumerate(listed, 1):
        cells += [CellText(row, 0, name), CellText(row, 1, size_in_words(size))]
    draft.table(cells)
