"""Pictures in a PDF: taken out as files, each once, with its place and its caption."""

from __future__ import annotations

import ctypes
import hashlib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.ingestion.model import Box, Figure, ParsedDocument
from shared.ingestion.parsers.pdf.view import View

if TYPE_CHECKING:
    from PIL.Image import Image

# In points: smaller pictures are bullets, lines and icons.
_LEAST_SIDE = 36.0
_LEAST_SIDE_PX = 24
_FULL_PAGE = 0.85
_MOST_FIGURES = 500
_MOST_PIXELS = 40_000_000
_LONGEST_SIDE_PX = 2_000
# Past this a PNG takes longer than all of the page's words.
_MANY_PIXELS = 400_000
_QUALITY = 88
_MOST_BYTES = 25_000_000
_FORM_DEPTH = 3
_CAPTION_REACH = 50.0
_PLAIN_BITS = {8, 24}


class FigureTaker:
    """Takes pictures out of pages into a folder; a picture used again is taken once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: set[str] = set()
        self.figures: list[Figure] = []

    def take(self, page: Any, view: View, number: int) -> None:
        """Take the page's pictures; those that fill it are its background or a scan."""
        import pypdfium2 as pdfium
        from pypdfium2 import raw

        if len(self.figures) >= _MOST_FIGURES:
            return
        pictures = page.get_objects(filter=[raw.FPDF_PAGEOBJ_IMAGE], max_depth=_FORM_DEPTH)
        for picture in pictures:
            box = _box_of(raw, picture, view)
            if box is None or len(self.figures) >= _MOST_FIGURES:
                continue
            try:
                self._take(picture, box, number)
            except (pdfium.PdfiumError, OSError, ValueError):
                # A picture that cannot be decoded is no reason to lose the page's words.
                continue

    def _take(self, picture: Any, box: tuple[float, float, float, float], number: int) -> None:
        width, height = picture.get_px_size()
        if min(width, height) < _LEAST_SIDE_PX or width * height > _MOST_PIXELS:
            return
        data = _raw_data(picture)
        digest = hashlib.sha256(data).hexdigest()
        if not data or digest in self._known:
            return
        self._known.add(digest)
        stem = f"figure-{len(self.figures) + 1}"
        jpeg = _plain_jpeg(picture)
        if jpeg:
            name, media_type = f"{stem}.jpg", "image/jpeg"
            (self._folder / name).write_bytes(jpeg)
        else:
            image = _decoded(picture)
            width, height = image.size
            is_photo = image.mode in {"L", "RGB"} and width * height > _MANY_PIXELS
            name = f"{stem}.jpg" if is_photo else f"{stem}.png"
            media_type = "image/jpeg" if is_photo else "image/png"
            image.save(self._folder / name, quality=_QUALITY, compress_level=1)
        self.figures.append(Figure(name, media_type, width, height, number, *box))


def _box_of(raw: Any, picture: Any, view: View) -> tuple[float, float, float, float] | None:
    """Return where a picture lies on the visible page, None for what is no figure."""
    left, bottom, right, top = (ctypes.c_float() for _ in range(4))
    if not raw.FPDFPageObj_GetBounds(picture.raw, left, bottom, right, top):
        return None
    box = view.box(left.value, bottom.value, right.value, top.value)
    if box is None:
        return None
    x0, y0 = max(0.0, box[0]), max(0.0, box[1])
    x1, y1 = min(view.width, box[2]), min(view.height, box[3])
    is_small = x1 - x0 < _LEAST_SIDE or y1 - y0 < _LEAST_SIDE
    is_page = (x1 - x0) * (y1 - y0) > _FULL_PAGE * view.width * view.height
    if is_small or is_page:
        return None
    return round(x0, 2), round(y0, 2), round(x1, 2), round(y1, 2)


def _raw_data(picture: Any) -> bytes:
    """Return the picture's stream as the file has it, empty past 25 MB."""
    from pypdfium2 import raw

    length = raw.FPDFImageObj_GetImageDataRaw(picture.raw, None, 0)
    if not 0 < length <= _MOST_BYTES:
        return b""
    buffer = ctypes.create_string_buffer(length)
    raw.FPDFImageObj_GetImageDataRaw(picture.raw, buffer, length)
    return buffer.raw


def _plain_jpeg(picture: Any) -> bytes:
    """Return a JPEG in grey or colour as it stands; empty for others and for printing colours."""
    if picture.get_filters(skip_simple=True) != ["DCTDecode"]:
        return b""
    if picture.get_metadata().bits_per_pixel not in _PLAIN_BITS:
        return b""
    data = bytes(picture.get_data(decode_simple=True))
    return data if data.startswith(b"\xff\xd8") else b""


def _decoded(picture: Any) -> Image:
    """Return the picture decoded, at most 2,000 pixels to a side."""
    image: Image = picture.get_bitmap(render=False).to_pil()
    if max(image.size) > _LONGEST_SIDE_PX:
        image.thumbnail((_LONGEST_SIDE_PX, _LONGEST_SIDE_PX))
    return image


def with_captions(document: ParsedDocument, figures: Iterable[Figure]) -> tuple[Figure, ...]:
    """Return the figures with the caption that stands nearest below or above each."""
    captions = [
        (index, box)
        for index, block in enumerate(document.blocks)
        if block.kind == "caption"
        for box in block.boxes
    ]
    return tuple(replace(figure, block=_caption(figure, captions)) for figure in figures)


def _caption(figure: Figure, captions: Iterable[tuple[int, Box]]) -> int | None:
    near = []
    for index, box in captions:
        beside = min(box.x1, figure.x1) - max(box.x0, figure.x0)
        gap = max(box.y0 - figure.y1, figure.y0 - box.y1)
        if box.page == figure.page and beside > 0 and gap < _CAPTION_REACH:
            near.append((max(gap, 0.0), index))
    return min(near)[1] if near else None
