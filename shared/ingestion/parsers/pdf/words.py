"""From pdfium's characters to words, in the page's own text order."""

from __future__ import annotations

import ctypes
import math
import re
import unicodedata
from dataclasses import dataclass
from typing import Any

from shared.ingestion.parsers.pdf.geometry import Word
from shared.ingestion.parsers.pdf.view import View

_BOLD = re.compile(r"bold|black|heavy|semibold|demi|-bd|cmbx|sfbx|-medi|^lmb", re.IGNORECASE)
_BOLD_WEIGHT = 650
# pdfium marks the hyphen of a word broken at a line end with one of these.
_BREAK_MARKS = frozenset({0x02, 0xFFFE})
# Fonts whose letters are pictures; the few of Wingdings that documents use.
_PI_FONT = re.compile(r"wingdings|webdings|dingbats", re.IGNORECASE)
_FIRST_SYMBOL = "\u2000"
_PICTURES = {
    "\xa8": "☐", "o": "☐", "q": "☐", "r": "☐", "\xfe": "☑", "\xfd": "☒", "x": "☒", "\xfc": "✔",
    "\xfb": "✘", "\xd8": "➢", "\xe0": "→", "\xdf": "←", "\xe8": "→", "(": "☎", "*": "•",
}  # fmt: skip
# Accents that stand alone, and what they are over a letter.
_ACCENTS = {
    "\xa8": "\u0308", "\xb4": "\u0301", "`": "\u0300", "\u02c6": "\u0302", "\u02dc": "\u0303",
    "\u02c7": "\u030c", "\xb8": "\u0327", "\u02da": "\u030a", "\xb0": "\u030a",
}  # fmt: skip
_LAM, _ALEFS = "\u0644", frozenset("\u0627\u0622\u0623\u0625")
_LOW_MARKS = frozenset("_-.,'’")
_NARROW = 0.35
_LARGEST_SIZE = 400.0
_LEAST_HEIGHT = 4.0
_FAR = 1e6
# Raised figures are notes, unless they stand after a unit: heights as shares of the type's size.
_UNIT = re.compile(r"(?:^|[^a-zA-Z])[kcdm]?m$")
_RAISED_HEIGHT, _RAISED_BY, _LEAST_BEFORE = 0.58, 0.12, 3
_QUARTER = math.pi / 2


@dataclass(slots=True)
class _Growing:
    """A word while characters are added to it."""

    text: str
    x0: float
    y0: float
    x1: float
    y1: float
    size: float
    height: float
    is_bold: bool
    turn: int
    font: str
    order: int
    last: tuple[float, float, float, float]

    def takes(self, character: str, box: tuple[float, float, float, float]) -> bool:
        """Whether a character at this place goes on with the word."""
        x0, y0, x1, y1 = box
        is_note = (
            self._is_note(box)
            if character.isdigit()
            else self.text[0].isdigit() and self._is_past_note(character, box)
        )
        if is_note:
            return False
        # The letters of a ligature share one box.
        if box == self.last or _is_right_to_left(character) or self._is_accented(character, box):
            return True
        if self.turn:
            across = max(x0 - self.x1, self.x0 - x1)
            along = max(y0 - self.y1, self.y0 - y1)
            return max(across, along) < _NARROW * self.height
        if abs(x0 - self.x1) >= _NARROW * self.height:
            return False
        if (y0 < self.y1 and y1 > self.y0) or x0 == x1:
            return True
        has_low_mark = character in _LOW_MARKS or self.text[-1] in _LOW_MARKS
        near = abs(y1 - self.y1) < self.height and abs(y0 - self.y0) < 1.2 * self.height
        return has_low_mark and near

    def _is_accented(self, character: str, box: tuple[float, float, float, float]) -> bool:
        """Whether the accent that stands last in the word belongs over a letter."""
        if self.text[-1] not in _ACCENTS:
            return False
        centre = (self.last[0] + self.last[2]) / 2
        is_over = box[0] - 1 <= centre <= box[2] + 1
        return is_over and bool(_composed(character, self.text[-1]))

    def _is_note(self, box: tuple[float, float, float, float]) -> bool:
        """Whether a small raised figure begins here: the mark of a note after a word."""
        if self.turn or len(self.text) < _LEAST_BEFORE:
            return False
        is_small = box[3] - box[1] < _RAISED_HEIGHT * self.height
        is_raised = box[3] < self.y1 - _RAISED_BY * self.height
        last = self.text[-1]
        return is_small and is_raised and not last.isdigit() and not _UNIT.search(self.text)

    def _is_past_note(self, character: str, box: tuple[float, float, float, float]) -> bool:
        """Whether the mark of a note ends here and the line's own letters go on."""
        if not character.isalpha() or self.turn:
            return False
        return box[3] > self.y1 + 2 * _RAISED_BY * self.height and box[1] >= self.y0 - 1

    def add(self, character: str, box: tuple[float, float, float, float]) -> None:
        composed = _composed(character, self.text[-1]) if self.text[-1] in _ACCENTS else ""
        if composed:
            self.text = self.text[:-1] + composed
        elif box == self.last and character == _LAM and self.text[-1] in _ALEFS:
            # The ligature of lam and alef comes in the order in which it is drawn.
            self.text = self.text[:-1] + character + self.text[-1]
        else:
            self.text += character
        self.last = box
        x0, y0, x1, y1 = box
        # Comparing is twice as fast as min and max, and this runs for every character.
        self.x0 = x0 if x0 < self.x0 else self.x0
        self.y0 = y0 if y0 < self.y0 else self.y0
        self.x1 = x1 if x1 > self.x1 else self.x1
        self.y1 = y1 if y1 > self.y1 else self.y1

    def finished(self) -> Word:
        text = _drawn(self.text) if _PI_FONT.search(self.font) else self.text
        return Word(text, self.x0, self.y0, self.x1, self.y1, self.size, self.is_bold,
                    self.turn, self.font, self.order)  # fmt: skip


class WordReader:
    """Reads the words of one page; ``close`` gives the text page back to pdfium."""

    def __init__(self, page: Any, view: View) -> None:
        import pypdfium2.raw as pdfium

        self._pdfium = pdfium
        self._view = view
        self._is_upright = view.xy == view.yx == 0 and view.xx > 0 > view.yy
        self._text_page = page.get_textpage()
        self._raw = self._text_page.raw
        self._edges = tuple(ctypes.c_double() for _ in range(4))
        self._name = ctypes.create_string_buffer(256)
        self._flags = ctypes.c_int()
        self._styles: dict[int | None, tuple[float, bool, str]] = {}

    def close(self) -> None:
        """Release the text page."""
        self._text_page.close()

    def words(self) -> list[Word]:
        """Return the page's words in text order."""
        words: list[Word] = []
        growing: _Growing | None = None
        for index in range(self._pdfium.FPDFText_CountChars(self._raw)):
            character = self._character(index)
            box = self._box(index) if character else None
            if character and box is None:
                continue
            if not character and growing is not None and growing.text[-1] in _ACCENTS:
                # TeX draws an accent before its letter; pdfium sees a gap between them.
                continue
            if growing is not None and box is not None and growing.takes(character, box):
                growing.add(character, box)
                continue
            if growing is not None:
                words.append(growing.finished())
            growing = self._begun(index, character, box) if box is not None else None
        if growing is not None:
            words.append(growing.finished())
        return words

    def _character(self, index: int) -> str:
        """Return the character, empty for white space and what cannot be shown."""
        code = self._pdfium.FPDFText_GetUnicode(self._raw, index)
        if code in _BREAK_MARKS:
            return "-"
        character = chr(code) if 0 < code < 0x110000 else ""  # noqa: PLR2004 - Unicode's end
        return "" if character.isspace() else character

    def _box(self, index: int) -> tuple[float, float, float, float] | None:
        left, right, bottom, top = self._edges
        if not self._pdfium.FPDFText_GetCharBox(self._raw, index, left, right, bottom, top):
            return None
        view = self._view
        if not self._is_upright:
            return view.box(left.value, bottom.value, right.value, top.value)
        # One map instead of a call for each of a page's thousands of characters.
        x0, x1 = view.xx * left.value + view.x, view.xx * right.value + view.x
        y0, y1 = view.yy * top.value + view.y, view.yy * bottom.value + view.y
        return (x0, y0, x1, y1) if -_FAR < x0 <= x1 < _FAR and -_FAR < y0 <= y1 < _FAR else None

    def _begun(
        self, index: int, character: str, box: tuple[float, float, float, float]
    ) -> _Growing:
        size, is_bold, font = self._style(index)
        angle = self._pdfium.FPDFText_GetCharAngle(self._raw, index) - self._view.angle
        return _Growing(
            text=character,
            x0=box[0],
            y0=box[1],
            x1=box[2],
            y1=box[3],
            size=size,
            height=max(size, _LEAST_HEIGHT),
            is_bold=is_bold,
            turn=round(angle / _QUARTER) % 4 if math.isfinite(angle) else 0,
            font=font,
            order=index,
            last=box,
        )

    def _style(self, index: int) -> tuple[float, bool, str]:
        """Return the size as printed, the weight and the font; one text object has one style."""
        pdfium = self._pdfium
        thing = pdfium.FPDFText_GetTextObject(self._raw, index)
        key = ctypes.cast(thing, ctypes.c_void_p).value if thing else None
        if key in self._styles:
            return self._styles[key]
        pdfium.FPDFText_GetFontInfo(self._raw, index, self._name, 256, self._flags)
        name = self._name.value.decode("latin-1")
        size = pdfium.FPDFText_GetFontSize(self._raw, index)
        matrix = pdfium.FS_MATRIX()
        if thing and pdfium.FPDFPageObj_GetMatrix(thing, matrix):
            scaled = size * math.hypot(matrix.c, matrix.d)
            size = scaled if 0 < scaled < _LARGEST_SIZE else size
        if not math.isfinite(size) or not 0 < size < _LARGEST_SIZE:
            size = _LEAST_HEIGHT
        weight = pdfium.FPDFText_GetFontWeight(self._raw, index)
        is_bold = bool(_BOLD.search(name)) or weight >= _BOLD_WEIGHT
        self._styles[key] = (round(size, 1), is_bold, name.rsplit("+", 1)[-1])
        return self._styles[key]


def _composed(letter: str, accent: str) -> str:
    """Return the one letter that a letter under an accent is, or an empty string."""
    letter = {"\u0131": "i", "\u0237": "j"}.get(letter, letter)
    made = unicodedata.normalize("NFC", letter + _ACCENTS[accent])
    return made if letter.isalpha() and len(made) == 1 else ""


def _drawn(text: str) -> str:
    """Return what letters of a font of pictures show; what is not known is a bullet."""
    return "".join(
        letter if letter >= _FIRST_SYMBOL else _PICTURES.get(letter, "•") for letter in text
    )


def _is_right_to_left(character: str) -> bool:
    return "\u0590" <= character <= "\u08ff"
