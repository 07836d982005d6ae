"""How a page lies before the reader: CropBox and rotation as one affine map."""

from __future__ import annotations

import ctypes
import math
from dataclasses import dataclass
from typing import Any

_SCALE = 1000
_REACH = 1000.0
_QUARTER = math.pi / 2
_LARGEST_SIDE = 14_400.0


@dataclass(frozen=True, slots=True)
class View:
    """Maps PDF user space to points from the top-left corner of the visible page."""

    width: float
    height: float
    angle: float
    xx: float
    xy: float
    x: float
    yx: float
    yy: float
    y: float

    def box(
        self, left: float, bottom: float, right: float, top: float
    ) -> tuple[float, float, float, float] | None:
        """Return a rectangle as x0, y0, x1, y1 from the top left; None if it is not finite."""
        xa = self.xx * left + self.xy * bottom + self.x
        xb = self.xx * right + self.xy * top + self.x
        ya = self.yx * left + self.yy * bottom + self.y
        yb = self.yx * right + self.yy * top + self.y
        if not (math.isfinite(xa + xb) and math.isfinite(ya + yb)):
            return None
        return min(xa, xb), min(ya, yb), max(xa, xb), max(ya, yb)


def view_of(page: Any) -> View:
    """Ask pdfium where three points of the page appear, and derive the map from them."""
    import pypdfium2.raw as pdfium

    width, height = page.get_size()
    width = min(max(width, 1.0), _LARGEST_SIDE)
    height = min(max(height, 1.0), _LARGEST_SIDE)

    def shown(x: float, y: float) -> tuple[float, float]:
        across, down = ctypes.c_int(), ctypes.c_int()
        pdfium.FPDF_PageToDevice(
            page.raw, 0, 0, int(width * _SCALE), int(height * _SCALE), 0, x, y, across, down
        )
        return across.value / _SCALE, down.value / _SCALE

    origin, right, up = shown(0, 0), shown(_REACH, 0), shown(0, _REACH)
    return View(
        width=width,
        height=height,
        # The page is turned clockwise, angles of characters are counted anticlockwise.
        angle=(page.get_rotation() // 90) * _QUARTER,
        xx=(right[0] - origin[0]) / _REACH,
        xy=(up[0] - origin[0]) / _REACH,
        x=origin[0],
        yx=(right[1] - origin[1]) / _REACH,
        yy=(up[1] - origin[1]) / _REACH,
        y=origin[1],
    )
