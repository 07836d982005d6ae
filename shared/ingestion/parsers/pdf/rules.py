"""The straight lines drawn on a page: table borders, cell backgrounds, separators."""

from __future__ import annotations

import ctypes
from typing import Any

from shared.ingestion.parsers.pdf.geometry import Rules
from shared.ingestion.parsers.pdf.view import View

_THIN = 2.5
_LEAST_WIDTH = 8.0
_LEAST_HEIGHT = 5.0
_FULL_PAGE = 0.9
_MOST_PATHS = 20_000
_FORM_DEPTH = 3


def rules_of(page: Any, view: View) -> Rules:
    """Return the horizontal and vertical rules; outlines of boxes count as four.

    A drawing with more than 20,000 paths is a map or a chart and yields no rules.
    """
    import pypdfium2.raw as pdfium

    left, bottom, right, top = (ctypes.c_float() for _ in range(4))
    rules = Rules()
    paths = page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_PATH], max_depth=_FORM_DEPTH)
    for count, path in enumerate(paths):
        if count >= _MOST_PATHS:
            return Rules()
        if not pdfium.FPDFPageObj_GetBounds(path.raw, left, bottom, right, top):
            continue
        box = view.box(left.value, bottom.value, right.value, top.value)
        if box is not None:
            _add(rules, box, view.height)
    return rules


def _add(rules: Rules, box: tuple[float, float, float, float], page_height: float) -> None:
    x0, y0, x1, y1 = box
    width, height = x1 - x0, y1 - y0
    if height <= _THIN and width > _LEAST_WIDTH:
        rules.horizontal.append((x0, x1, (y0 + y1) / 2))
    elif width <= _THIN and height > _LEAST_HEIGHT:
        rules.vertical.append((y0, y1, (x0 + x1) / 2))
    elif width > _LEAST_WIDTH and _LEAST_HEIGHT < height < page_height * _FULL_PAGE:
        rules.horizontal.extend([(x0, x1, y0), (x0, x1, y1)])
        rules.vertical.extend([(y0, y1, x0), (y0, y1, x1)])


def has_large_picture(page: Any, view: View) -> bool:
    """Whether a picture covers at least half of the page, as on a scan."""
    import pypdfium2.raw as pdfium

    left, bottom, right, top = (ctypes.c_float() for _ in range(4))
    area = 0.0
    pictures = page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE], max_depth=_FORM_DEPTH)
    for picture in pictures:
        if pdfium.FPDFPageObj_GetBounds(picture.raw, left, bottom, right, top):
            box = view.box(left.value, bottom.value, right.value, top.value)
            area += (box[2] - box[0]) * (box[3] - box[1]) if box is not None else 0.0
    return area >= 0.5 * view.width * view.height
