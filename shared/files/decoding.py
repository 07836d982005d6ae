"""From bytes to characters: which encoding a text file is in, without asking a model."""

from __future__ import annotations

import codecs
from pathlib import Path

from shared.kernel.errors import InvalidError

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_DAMAGE_SHARE = 0.1
_CONTROL_SHARE = 0.02
# Bytes no text holds: control characters other than tab, line feeds, form feed and escape.
_CONTROLS = bytes(set(range(32)) - {9, 10, 12, 13, 27})


def decode(data: bytes) -> tuple[str, str]:
    """Decode text; returns the characters and the encoding's name.

    Order: a byte order mark, UTF-16 without one (zero bytes on one side), UTF-8, UTF-8 with a few
    damaged bytes, Windows-1252, Latin-1. Never fails.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data.decode(encoding, "replace"), encoding
    wide = _unmarked_utf16(data)
    if wide:
        return data.decode(wide, "replace"), wide
    try:
        return data.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        pass
    mended = data.decode("utf-8", "replace")
    damaged = mended.count("\ufffd")
    whole = sum(1 for character in mended if character > "\x7f") - damaged
    if damaged <= _DAMAGE_SHARE * whole:
        return mended, "utf-8"
    try:
        return data.decode("cp1252"), "cp1252"
    except UnicodeDecodeError:
        return data.decode("latin-1"), "latin-1"


def is_text(head: bytes) -> bool:
    """Tell text from binary data by its first bytes: hardly any control characters."""
    if not head:
        return True
    if any(head.startswith(mark) for mark, _ in _MARKS) or _unmarked_utf16(head):
        return True
    controls = len(head) - len(head.translate(None, _CONTROLS))
    return head.count(0) == 0 and controls <= _CONTROL_SHARE * len(head)


def read_text(path: Path, *, filename: str) -> tuple[str, str]:
    """Read a text file whole; returns its characters and encoding.

    Raises InvalidError when the file is empty or holds binary data.
    """
    data = path.read_bytes()
    if not data.strip():
        raise InvalidError(f"“{filename}” is empty.", hint="Put in a file with words in it.")
    if not is_text(data[:65536]):
        raise InvalidError(
            f"“{filename}” is named like a text file but holds binary data.",
            hint="Check the file, or give it the extension of its real format.",
        )
    return decode(data)


def _unmarked_utf16(data: bytes) -> str:
    """Return the byte order of Western UTF-16 text without a mark, or an empty string."""
    sample = data[:4096]
    half = len(sample) // 2
    if half < 8:  # noqa: PLR2004 - too little to tell
        return ""
    even, odd = sample[0 : 2 * half : 2].count(0), sample[1 : 2 * half : 2].count(0)
    if odd > 0.7 * half and even < 0.05 * half:
        return "utf-16-le"
    if even > 0.7 * half and odd < 0.05 * half:
        return "utf-16-be"
    return ""
