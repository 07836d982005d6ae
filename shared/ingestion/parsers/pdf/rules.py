"""The straight lines drawn on a page: table borders, cell backgrounds, separators."""

from __future__ import annotations

import ctypes
from bisect import bisect_left
from collections.abc import Iterator
from typing import Any

from shared.ingestion.parsers.pdf.geometry import Rules
from shared.ingestion.parsers.pdf.view import View

_THIN = 2.5
_LEAST_WIDTH = 8.0
_LEAST_HEIGHT = 5.0
_FULL_PAGE = 0.9
_PADDING = (1.5, 8.0)
_MOST_PATHS = 20_000
_FORM_DEPTH = 3

_Box = tuple[float, float, float, float]


def rules_of(page: Any, view: View) -> Rules:
    """Return the horizontal and vertical rules; outlines of boxes count as four.

    A drawing with more than 20,000 paths is a map or a chart and yields no rules.
    """
    import pypdfium2.raw as pdfium

    left, bottom, right, top = (ctypes.c_float() for _ in range(4))
    rules = Rules()
    boxes: list[_Box] = []
    paths = page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_PATH], max_depth=_FORM_DEPTH)
    for count, path in enumerate(paths):
        if count >= _MOST_PATHS:
            return Rules()
        if not pdfium.FPDFPageObj_GetBounds(path.raw, left, bottom, right, top):
            continue
        box = view.box(left.value, bottom.value, right.value, top.value)
        if box is not None:
            boxes.append(box)
    for box in _unpadded(boxes):
        _add(rules, box, view.height)
    return rules


def _unpadded(boxes: list[_Box]) -> Iterator[_Box]:
    """Yield boxes without those that only colour a cell's words inside the cell's own box."""
    held = sorted(boxes)
    lefts = [box[0] for box in held]
    for box in held:
        x0, y0, x1, y1 = box
        if y1 - y0 > _THIN and x1 - x0 > _LEAST_WIDTH:
            first, last = bisect_left(lefts, x0 - _PADDING[1]), bisect_left(lefts, x0 - _PADDING[0])
            if any(
                _PADDING[0] <= other[2] - x1 <= _PADDING[1]
                and other[1] <= y0 + 1
                and other[3] >= y1 - 1
                for other in held[first:last]
            ):
                continue
        yield box


def _add(rules: Rules, box: _Box, page_height: float) -> None:
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
