"""Page images: drawn while a file is read, one by one later, never fatal."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from pypdfium2 import PdfDocument

from shared.ingestion.parsers.page_images import FOLDER, PageImages, draw_page
from shared.ingestion.parsers.pdf.parser import PdfParser
from shared.ingestion.parsers.port import Source
from shared.kernel.errors import InvalidError, NotFoundError
from tests.unit.ingestion.pictures import encoded, printed, scanned_pdf

LETTERS = "abcdefghijklmnopqrstuvw"


@pytest.fixture
def pdf(tmp_path: Path) -> Path:
    return scanned_pdf(
        tmp_path / "pages.pdf", [f"Page {letter * 5} says this." for letter in LETTERS]
    )


def test_reading_leaves_a_thumbnail_beside_the_text(pdf: Path, tmp_path: Path) -> None:
    files = tmp_path / "files"
    files.mkdir()
    source = Source(path=pdf, media_type="application/pdf", filename="a.pdf", files=files)
    PdfParser().parse(source)
    assert [path.name for path in (files / FOLDER).iterdir()] == ["thumbnail.webp"]
    with Image.open(files / FOLDER / "thumbnail.webp") as small:
        assert small.size[0] == pytest.approx(320, abs=1)
        assert min(small.convert("L").getextrema()) < 200


def test_the_first_pages_are_drawn_too_when_asked_for(pdf: Path, tmp_path: Path) -> None:
    images = PageImages(tmp_path, most=2)
    with PdfDocument(pdf) as document:
        for number in (1, 2, 3):
            images.draw(document[number - 1], number)
    names = sorted(path.name for path in (tmp_path / FOLDER).iterdir())
    assert names == ["0001.webp", "0002.webp", "thumbnail.webp"]
    with Image.open(tmp_path / FOLDER / "0001.webp") as page:
        assert page.size[0] == pytest.approx(960, abs=1)
        assert page.size[1] == pytest.approx(960 * 842 / 595, abs=2)


def test_a_page_of_a_tiff_can_be_drawn(tmp_path: Path) -> None:
    path = tmp_path / "pages.tiff"
    second = printed(("Second",), width=600)
    path.write_bytes(encoded(printed(), "TIFF", save_all=True, append_images=[second]))
    with Image.open(BytesIO(draw_page(path, 2))) as page:
        assert page.size[0] == 600
    with pytest.raises(NotFoundError):
        draw_page(path, 3)


def test_any_page_can_be_drawn_later(pdf: Path) -> None:
    with Image.open(BytesIO(draw_page(pdf, 23, width=400))) as page:
        assert page.format == "WEBP"
        assert page.size[0] == pytest.approx(400, abs=1)
    with pytest.raises(NotFoundError, match="no page 24"):
        draw_page(pdf, 24)


def test_what_cannot_be_drawn_is_an_error_with_a_reason(tmp_path: Path) -> None:
    torn = tmp_path / "torn.pdf"
    torn.write_bytes(b"%PDF-1.4 nothing")
    with pytest.raises(InvalidError, match="Page 1 cannot be drawn"):
        draw_page(torn, 1)
    with pytest.raises(InvalidError, match="took longer"):
        draw_page(torn, 1, timeout_s=0.001)


def test_no_more_than_asked_for_and_any_colours(tmp_path: Path) -> None:
    images = PageImages(tmp_path, most=1)
    images.keep(printed().convert("CMYK"), 1)
    images.keep(printed(), 2)
    assert sorted(p.name for p in (tmp_path / FOLDER).iterdir()) == ["0001.webp", "thumbnail.webp"]
