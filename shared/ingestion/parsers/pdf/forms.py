"""Form fields of a PDF (AcroForm): their values, and the words they show on the page."""

from __future__ import annotations

import ctypes
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from shared.ingestion.model import FormField
from shared.ingestion.parsers.pdf.geometry import Word, overlap
from shared.ingestion.parsers.pdf.view import View

_MOST_WIDGETS = 5_000
_LONGEST = 20_000
_IS_PASSWORD = 1 << 13
_USUAL_SIZE = 10.0
_LETTER_WIDTH = 0.5
_LEVEL = 0.4
_TICKED, _EMPTY = "☒", "☐"


@dataclass(frozen=True, slots=True)
class FilledForm:
    """What the fields of one page say, and as which words."""

    fields: tuple[FormField, ...] = ()
    words: tuple[Word, ...] = ()


class FormReader:
    """Reads the fields of a document's pages; knows nothing where there is no form."""

    def __init__(self, document: Any) -> None:
        import pypdfium2.raw as pdfium

        self._pdfium = pdfium
        # XFA forms carry their values in the same fields for programs that do not know XFA.
        if document.get_formtype() != pdfium.FORMTYPE_NONE:
            document.init_forms()
        self._form = document.formenv

    def read(self, page: Any, view: View, number: int) -> FilledForm:
        """Return what the fields of a page say; passwords are left out."""
        if self._form is None:
            return FilledForm()
        pdfium = self._pdfium
        fields: dict[str, FormField] = {}
        words: list[Word] = []
        for index in range(min(pdfium.FPDFPage_GetAnnotCount(page.raw), _MOST_WIDGETS)):
            annotation = pdfium.FPDFPage_GetAnnot(page.raw, index)
            if not annotation:
                continue
            try:
                if pdfium.FPDFAnnot_GetSubtype(annotation) != pdfium.FPDF_ANNOT_WIDGET:
                    continue
                name, value, shown = self._widget(annotation)
                if value or name not in fields:
                    fields[name] = FormField(name, value, number)
                words += self._words(annotation, shown, view)
            finally:
                pdfium.FPDFPage_CloseAnnot(annotation)
        kept = tuple(field for name, field in fields.items() if name)
        return FilledForm(kept, tuple(words))

    def _widget(self, annotation: Any) -> tuple[str, str, str]:
        """Return a field's name, its value, and what the page shows of it."""
        pdfium = self._pdfium
        kind = pdfium.FPDFAnnot_GetFormFieldType(self._form.raw, annotation)
        name = self._text(pdfium.FPDFAnnot_GetFormFieldName, annotation)
        if kind in {pdfium.FPDF_FORMFIELD_CHECKBOX, pdfium.FPDF_FORMFIELD_RADIOBUTTON}:
            if not pdfium.FPDFAnnot_IsChecked(self._form.raw, annotation):
                return name, "", _EMPTY
            value = self._text(pdfium.FPDFAnnot_GetFormFieldExportValue, annotation)
            return name, value or "Yes", _TICKED
        written = {
            pdfium.FPDF_FORMFIELD_TEXTFIELD,
            pdfium.FPDF_FORMFIELD_COMBOBOX,
            pdfium.FPDF_FORMFIELD_LISTBOX,
        }
        flags = pdfium.FPDFAnnot_GetFormFieldFlags(self._form.raw, annotation)
        is_secret = kind == pdfium.FPDF_FORMFIELD_TEXTFIELD and flags & _IS_PASSWORD
        if kind not in written or is_secret:
            return "", "", ""
        value = self._text(pdfium.FPDFAnnot_GetFormFieldValue, annotation)
        return name, value, value

    def _text(self, ask: Any, annotation: Any) -> str:
        length = ask(self._form.raw, annotation, None, 0)
        if not 2 < length <= _LONGEST:  # noqa: PLR2004 - the end mark alone takes two bytes
            return ""
        buffer = (ctypes.c_ushort * (length // 2 + 1))()
        ask(self._form.raw, annotation, buffer, length)
        text = bytes(buffer)[: length - 2].decode("utf-16-le", errors="replace")
        return text.replace("\r\n", "\n").replace("\r", "\n").strip()

    def _words(self, annotation: Any, shown: str, view: View) -> Iterator[Word]:
        """Yield what a field shows as words in its rectangle."""
        rectangle = self._pdfium.FS_RECTF()
        if not shown or not self._pdfium.FPDFAnnot_GetRect(annotation, rectangle):
            return
        box = view.box(rectangle.left, rectangle.bottom, rectangle.right, rectangle.top)
        if box is None:
            return
        x0, y0, x1, y1 = box
        lines = [line for line in shown.splitlines() if line.strip()]
        step = (y1 - y0) / len(lines)
        size = max(4.0, min(step, _USUAL_SIZE))
        for row, line in enumerate(lines):
            top = y0 + row * step + (step - size) / 2
            across = x0
            scale = min(1.0, (x1 - x0) / max(1.0, len(line) * size * _LETTER_WIDTH))
            for word in line.split():
                width = max(1.0, len(word) * size * _LETTER_WIDTH * scale)
                yield Word(word, across, top, across + width, top + size, size,
                           is_bold=False, turn=0, font="", order=0)  # fmt: skip
                across += width + 0.3 * size * scale


def filled_in(words: Sequence[Word], shown: Sequence[Word]) -> list[Word]:
    """Return a page's words with those of its fields behind the labels they stand beside."""
    behind: defaultdict[int, list[Word]] = defaultdict(list)
    for word in shown:
        level = [
            (other.x1, at)
            for at, other in enumerate(words)
            if other.x0 <= word.x0 and overlap(other, word) > _LEVEL * (other.y1 - other.y0)
        ]
        above = [(other.y1, at) for at, other in enumerate(words) if other.y1 <= word.y0 + 1]
        behind[max(level or above, default=(0.0, -1))[1]].append(word)
    joined = list(behind[-1])
    for at, word in enumerate(words):
        joined += [word, *behind[at]]
    return [replace(word, order=order) for order, word in enumerate(joined)]
