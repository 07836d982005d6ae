"""Rich text as tokens: groups, control words and characters of an RTF file.

Follows the RTF 1.9.1 specification; nothing in it is run, fetched or unpacked.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

_TOKEN = re.compile(
    rb"\\([a-zA-Z]{1,32})(-?\d{1,10})? ?|\\'([0-9a-fA-F]{2})|\\([^a-zA-Z])|([{}])"
    rb"|[\r\n]+|([^\\{}\r\n]+)"
)
_CHARSETS = {
    0: "cp1252", 77: "mac_roman", 128: "cp932", 129: "cp949", 134: "gbk", 136: "big5",
    161: "cp1253", 162: "cp1254", 163: "cp1258", 177: "cp1255", 178: "cp1256", 186: "cp1257",
    204: "cp1251", 222: "cp874", 238: "cp1250",
}  # fmt: skip
_CHARACTERS = {
    "tab": "\t", "line": "\n", "lquote": "‘", "rquote": "’", "ldblquote": "“", "rdblquote": "”",
    "bullet": "•", "endash": "–", "emdash": "—", "emspace": " ", "enspace": " ", "qmspace": " ",
    "softline": "\n",
}  # fmt: skip
_SIGNS = {b"~": "\u00a0", b"_": "-", b"-": "", b"\n": "\\par", b"\r": "\\par"}
_UNSEEN = frozenset(
    {"colortbl", "stylesheet", "fonttbl", "info", "pict", "header", "headerl", "headerr",
     "headerf", "footer", "footerl", "footerr", "footerf", "object", "themedata", "datastore",
     "colorschememapping", "latentstyles", "listtable", "listoverridetable", "rsidtbl",
     "generator", "xmlnstbl", "fldinst", "filetbl", "revtbl", "annotation", "atnid", "atnauthor",
     "atndate", "atnref", "bkmkstart", "bkmkend", "tc", "xe", "private", "comment", "nonshppict"}
)  # fmt: skip
_TOLD = frozenset({"info", "stylesheet", "fldinst"})
_SEEN = frozenset({"", "footnote", "listtext", "pntext"})
_DEEPEST = 500
_PREBUFFER = (
    b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern "
    b"\\fscript \\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0"
    b"\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx"
)
_COMPRESSED, _PLAIN = 0x75465A4C, 0x414C454D


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of rich text: a control word with its number, a group's edge, or characters."""

    kind: Literal["word", "open", "close", "text"]
    text: str
    number: int | None = None
    destination: str = ""


@dataclass(frozen=True, slots=True)
class _State:
    """What a group inherits and gives back at its end."""

    destination: str = ""
    is_hidden: bool = False
    encoding: str = "cp1252"
    skipped: int = 1


class Tokens:
    """Walks over rich text; ``fonts`` tell which alphabet a byte belongs to."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._state = _State()
        self._stack: list[_State] = []
        self._fonts: dict[int, str] = {}
        self._font = 0
        self._ansi = "cp1252"
        self._skip = 0
        self._starts_group = False
        self._is_optional = False
        self._high = 0
        self._pending = b""

    def __iter__(self) -> Iterator[Token]:
        """Yield control words and characters of everything that is part of the document.

        Words inside ``info``, ``stylesheet`` and other tables carry their destination.
        """
        for match in _TOKEN.finditer(self._data):
            word, number, code, sign, brace, text = match.groups()
            if self._pending and code is None:
                yield from self._flushed()
            if brace:
                yield from self._brace(brace)
            elif word:
                yield from self._word(word.decode().lower(), number)
            elif code:
                self._byte(bytes.fromhex(code.decode()))
            elif sign:
                yield from self._sign(sign)
            elif text:
                yield from self._characters(text)
        yield from self._flushed()

    def _brace(self, brace: bytes) -> Iterator[Token]:
        self._skip = 0
        if brace == b"{":
            if len(self._stack) < _DEEPEST:
                self._stack.append(self._state)
            self._starts_group = True
            yield Token("open", "", destination=self._state.destination)
        else:
            closed = self._state.destination
            if self._stack:
                self._state = self._stack.pop()
            self._starts_group = False
            yield Token("close", "", destination=closed)

    def _word(self, word: str, number: bytes | None) -> Iterator[Token]:
        value = int(number) if number else None
        starts, self._starts_group = self._starts_group, False
        optional, self._is_optional = self._is_optional, False
        if starts and (optional or word in _UNSEEN or word in _SEEN):
            hidden = self._state.is_hidden or word not in _SEEN
            self._state = replace(self._state, destination=word, is_hidden=hidden)
        elif word == "u" and value is not None:
            yield from self._unicode(value & 0xFFFF)
            return
        elif word in _CHARACTERS:
            yield from self._said(_CHARACTERS[word])
            return
        else:
            self._change(word, value)
        yield Token("word", word, value, self._state.destination)

    def _change(self, word: str, value: int | None) -> None:
        """Follow the words that decide how characters are read and whether they are seen."""
        state = self._state
        if word == "ansicpg" and value:
            self._ansi = _known(f"cp{value}")
            self._state = replace(state, encoding=self._ansi)
        elif word == "uc":
            self._state = replace(state, skipped=max(0, min(value or 0, 10)))
        elif word == "f" and value is not None:
            self._font = value
            if state.destination != "fonttbl":
                self._state = replace(state, encoding=self._fonts.get(value, self._ansi))
        elif word == "fcharset" and value in _CHARSETS:
            self._fonts[self._font] = _CHARSETS[value]
        elif word == "shptxt":
            # The words in a drawn box, inside an instruction that is otherwise left out.
            self._state = replace(state, destination="", is_hidden=False)
        elif state.destination in _SEEN and word == "plain":
            self._state = replace(state, is_hidden=False)
        elif state.destination in _SEEN and word in {"v", "htmlrtf", "deleted"}:
            self._state = replace(state, is_hidden=value != 0)

    def _unicode(self, code: int) -> Iterator[Token]:
        """Take a UTF-16 unit; surrogates come in pairs."""
        self._skip = self._state.skipped
        if 0xD800 <= code < 0xDC00:  # noqa: PLR2004
            self._high = code
        elif 0xDC00 <= code < 0xE000:  # noqa: PLR2004
            if self._high:
                pair = struct.pack("<HH", self._high, code)
                yield from self._said(pair.decode("utf-16-le", "ignore"))
            self._high = 0
        else:
            yield from self._said(chr(code))

    def _byte(self, byte: bytes) -> None:
        """Collect bytes: in East Asian alphabets two make one character."""
        if self._skip:
            self._skip -= 1
        else:
            self._pending += byte

    def _flushed(self) -> Iterator[Token]:
        words, self._pending = self._pending.decode(self._state.encoding, "replace"), b""
        if words:
            yield from self._said(words)

    def _sign(self, sign: bytes) -> Iterator[Token]:
        if sign == b"*":
            self._is_optional = self._starts_group
        elif sign in {b"\\", b"{", b"}"}:
            yield from self._characters(sign)
        elif sign in _SIGNS:
            meaning = _SIGNS[sign]
            if meaning == "\\par":
                yield Token("word", "par", None, self._state.destination)
            elif meaning:
                yield from self._said(meaning)

    def _characters(self, text: bytes) -> Iterator[Token]:
        if self._skip:
            dropped = min(self._skip, len(text))
            self._skip -= dropped
            text = text[dropped:]
        words = text.decode(self._state.encoding, "replace")
        if words:
            yield from self._said(words)

    def _said(self, words: str) -> Iterator[Token]:
        self._starts_group = False
        if not self._state.is_hidden or self._state.destination in _TOLD:
            yield Token("text", words, destination=self._state.destination)


def _known(encoding: str) -> str:
    try:
        "".encode(encoding)
    except LookupError:
        return "cp1252"
    return encoding


def plain_words(data: bytes) -> str:
    """Return the words of rich text without any structure but paragraphs."""
    words: list[str] = []
    for token in Tokens(data):
        if token.kind == "word" and token.text in {"par", "row", "sect"}:
            words.append("\n")
        elif token.kind == "word" and token.text == "cell":
            words.append(" ")
        elif token.kind == "text" and token.destination in _SEEN:
            words.append(token.text)
    return "".join(words)


def uncompressed(data: bytes) -> bytes:
    """Unpack the rich text of an Outlook message ([MS-OXRTFCP]); broken data gives less of it."""
    if len(data) < 16:  # noqa: PLR2004 - the header
        return b""
    _, size, kind, _ = struct.unpack("<IIII", data[:16])
    if kind == _PLAIN:
        return data[16 : 16 + size]
    if kind != _COMPRESSED:
        return b""
    window = bytearray(_PREBUFFER + b"\0" * (4096 - len(_PREBUFFER)))
    write, out, position = len(_PREBUFFER), bytearray(), 16
    while position < len(data):
        control = data[position]
        position += 1
        for bit in range(8):
            if position + (control >> bit & 1) >= len(data):
                return bytes(out)
            if control >> bit & 1:
                token = data[position] << 8 | data[position + 1]
                position += 2
                read, length = token >> 4, (token & 15) + 2
                if read == write:
                    return bytes(out)
            else:
                window[write] = data[position]
                read, length = write, 1
                position += 1
            for _ in range(length):
                byte = window[read]
                window[write] = byte
                out.append(byte)
                read, write = (read + 1) & 4095, (write + 1) & 4095
    return bytes(out)
