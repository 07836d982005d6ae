"""Files inside files: taken out into the folder beside, within limits, for a life of their own."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from shared.files.cleaning import one_line
from shared.files.formats import media_type_of_name
from shared.ingestion.drafting import Draft
from shared.ingestion.model import Attachment

MAX_ATTACHMENTS = 1_000
MAX_BYTES = 512 * 1024 * 1024
_LONGEST_NAME = 200
_UNSAFE = re.compile(r'[\x00-\x1f\x7f<>:"|?*]')
_JUNK = re.compile(r"(?:^|/)(?:__MACOSX/|\.DS_Store$|Thumbs\.db$|desktop\.ini$|\._)", re.IGNORECASE)


class Attachments:
    """Takes the files of one mail or archive out of it, in their order."""

    def __init__(self, folder: Path, draft: Draft) -> None:
        self._folder = folder
        self._draft = draft
        self._bytes = 0
        self._names: set[str] = set()
        self.left_out = 0

    def keep(self, name: str, content: bytes | Iterable[bytes], *, media_type: str = "") -> bool:
        """Keep a file; False when the limits are reached and it is left out.

        Names that repeat get a number, so that each stays a document of its own.
        """
        if len(self._draft.attachments) >= MAX_ATTACHMENTS:
            self.left_out += 1
            return False
        kept = self._unique(safe_name(name))
        file = f"attachment-{len(self._draft.attachments) + 1:04d}"
        size = 0
        with (self._folder / file).open("wb") as stream:
            for piece in (content,) if isinstance(content, bytes) else content:
                size += len(piece)
                if self._bytes + size > MAX_BYTES:
                    break
                stream.write(piece)
        if self._bytes + size > MAX_BYTES:
            (self._folder / file).unlink()
            self.left_out += 1
            return False
        self._bytes += size
        self._names.add(kept.lower())
        self._draft.attachments.append(
            Attachment(kept, file, size, media_type or media_type_of_name(kept))
        )
        return True

    def finish(self) -> None:
        """Say how many files were left out, if any."""
        if self.left_out:
            self._draft.warnings.append(
                f"{self.left_out:,} of the files inside were left out: at most {MAX_ATTACHMENTS:,} "
                f"files and {MAX_BYTES // 1024**2} MB are taken out of one file."
            )

    def _unique(self, name: str) -> str:
        stem, dot, extension = name.rpartition(".")
        if not stem or "/" in extension:
            stem, dot, extension = name, "", ""
        kept, number = name, 1
        while kept.lower() in self._names:
            number += 1
            kept = f"{stem} ({number}){dot}{extension}"
        return kept


def is_junk(name: str) -> bool:
    """Whether a file is only what an operating system leaves in folders."""
    return bool(_JUNK.search(name))


def safe_name(name: str) -> str:
    """Return a name that stays inside: no way up, no root, no control characters."""
    parts = [
        _UNSAFE.sub("_", one_line(part))[-_LONGEST_NAME:].rstrip(" .") if part.strip(" .") else ""
        for part in name.replace("\\", "/").split("/")
    ]
    return "/".join(part for part in parts if part) or "unnamed"


def size_in_words(size: int) -> str:
    """Return a size as people say it."""
    if size < 1000:  # noqa: PLR2004
        return f"{size} bytes"
    for unit in ("KB", "MB"):
        size_in_unit = size / (1000 if unit == "KB" else 1000**2)
        if size_in_unit < 1000:  # noqa: PLR2004
            return f"{size_in_unit:.1f} {unit}"
    return f"{size / 1000**3:.1f} GB"
