"""Pictures of printed pages, made here: lines of words in black on white."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont
from reportlab.pdfgen.canvas import Canvas

LINES = (
    "Rental agreement for the flat",
    "The notice period for the tenant is three months.",
    "Notice has to be given in writing, by registered mail.",
    "The deposit amounts to three monthly rents.",
)


def printed(lines: Sequence[str] = LINES, *, size_px: int = 34, width: int = 1240) -> Image.Image:
    """Return a page with the lines; the first stands larger, as a heading does."""
    image = Image.new("L", (width, 1754), 255)
    draw = ImageDraw.Draw(image)
    y = 140
    for number, line in enumerate(lines):
        size = size_px * (1.7 if number == 0 else 1.0)
        draw.text((120, y), line, fill=0, font=ImageFont.load_default(size=size))
        y += round(size * (2.4 if number == 0 else 1.5))
    return image


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    """Return the picture as a file of the given kind."""
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def scanned_pdf(path: Path, pages: Sequence[Image.Image | str]) -> Path:
    """Write a PDF of A4 pages: pictures as a scanner leaves them, strings as printed text."""
    canvas = Canvas(str(path), pagesize=(595, 842))
    for number, page in enumerate(pages):
        if isinstance(page, str):
            canvas.setFont("Helvetica", 11)
            canvas.drawString(72, 770, page)
        else:
            picture = path.with_name(f"{path.stem}-{number}.png")
            page.save(picture)
            is_wide = page.width > page.height
            canvas.setPageSize((842, 595) if is_wide else (595, 842))
            canvas.drawImage(str(picture), 0, 0, *((842, 595) if is_wide else (595, 842)))
        canvas.showPage()
        canvas.setPageSize((595, 842))
    canvas.save()
    return path
