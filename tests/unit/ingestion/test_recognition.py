"""Text recognition: pages upright, slanted and turned; what is missing, and what shows nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from shared.ingestion.isolation import parse_isolated, stop_readers
from shared.ingestion.model import ParsedDocument
from shared.ingestion.parsers.image import ImageParser
from shared.ingestion.parsers.pdf.parser import PdfParser
from shared.ingestion.parsers.port import ReadOptions, Source
from shared.ingestion.parsers.recognition.engine import Recognizer, missing
from shared.ingestion.parsers.recognition.straightening import Pose, slant_of
from shared.kernel.errors import InvalidError, TooLargeError, UnsupportedError
from tests.unit.ingestion.conftest import hold_together
from tests.unit.ingestion.pictures import LINES, encoded, printed, scanned_pdf

PDF = "application/pdf"
WORDS = " ".join(LINES).split()


@pytest.fixture(scope="module", autouse=True)
def _no_child_stays() -> Iterator[None]:
    yield
    stop_readers()


def source_of(path: Path, media_type: str, folder: Path) -> Source:
    files = folder / "files"
    files.mkdir(exist_ok=True)
    options = ReadOptions(ocr_languages=("eng",))
    return Source(
        path=path, media_type=media_type, filename=path.name, files=files, options=options
    )


def read_pdf(folder: Path, *pages: Image.Image | str) -> ParsedDocument:
    path = scanned_pdf(folder / "scan.pdf", pages)
    document = PdfParser().parse(source_of(path, PDF, folder))
    hold_together(document)
    return document


def read_image(folder: Path, content: bytes, kind: str) -> ParsedDocument:
    path = folder / f"picture.{kind}"
    path.write_bytes(content)
    document = ImageParser().parse(source_of(path, f"image/{kind}", folder))
    hold_together(document)
    return document


def test_a_scanned_page_is_read_with_boxes_and_certainty(tmp_path: Path) -> None:
    document = read_pdf(tmp_path, printed())
    assert document.text.split() == WORDS
    heading, paragraph = document.blocks[0], document.blocks[1]
    assert (heading.kind, paragraph.kind) == ("heading", "paragraph")
    # The first line was drawn 120 pixels from the left and 140 from the top, at 150 dpi.
    box = heading.boxes[0]
    assert box.x0 == pytest.approx(120 * 0.48, abs=4)
    assert 140 * 0.48 - 2 < box.y0 < box.y1 < 215 * 0.48
    (page,) = document.pages
    assert (page.number, round(page.width), round(page.height)) == (1, 595, 842)
    assert page.confidence is not None
    assert page.confidence > 0.85
    assert not document.warnings


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_a_page_on_its_side_or_head_is_read_and_its_boxes_point_into_it(
    tmp_path: Path, turn: int
) -> None:
    document = read_pdf(tmp_path, printed().rotate(turn, expand=True))
    assert document.text.split() == WORDS
    box = document.blocks[0].boxes[0]
    width, height = (842, 595) if turn != 180 else (595, 842)
    assert (document.pages[0].width, document.pages[0].height) == pytest.approx(
        (width, height), abs=1
    )
    # Where the heading's corner at (58, 67) points lies after the turn.
    near = {90: (67, 595 - 58), 180: (595 - 58, 842 - 67), 270: (842 - 67, 58)}[turn]
    assert min(abs(box.x0 - near[0]), abs(box.x1 - near[0])) < 8
    assert min(abs(box.y0 - near[1]), abs(box.y1 - near[1])) < 8
    upright = box.y1 - box.y0 > box.x1 - box.x0
    assert upright == (turn != 180)


@pytest.mark.parametrize("slant", [-2.0, -0.6, 0.0, 1.4])
def test_a_slant_is_measured_and_undone(slant: float) -> None:
    tilted = printed().rotate(slant, Image.Resampling.BICUBIC, fillcolor=255)
    assert slant_of(tilted) == pytest.approx(-slant, abs=0.15)


def test_boxes_of_a_slanted_page_lie_on_the_slanted_words(tmp_path: Path) -> None:
    tilted = printed().rotate(2.0, Image.Resampling.BICUBIC, fillcolor=255)
    straight = read_pdf(tmp_path, printed()).blocks[0].boxes[0]
    slanted = read_pdf(tmp_path, tilted).blocks[0].boxes[0]
    # Turning anticlockwise moves what stands above and left of the middle left and down, by
    # sin 2° of its distance: the heading's centre stands 335 points above and 63 left of it.
    assert slanted.x0 - straight.x0 == pytest.approx(-11.7, abs=1.5)
    assert slanted.y0 - straight.y0 == pytest.approx(2.2, abs=1.5)


@pytest.mark.parametrize("turns", range(4))
def test_a_pose_brings_the_corners_of_a_page_back(turns: int) -> None:
    pose = Pose(turns, 0.0, 600, 800)
    upright = (800, 600) if turns % 2 else (600, 800)
    corner = pose.original(0, 0, 10, 20)
    expected = {
        0: (0, 0, 10, 20), 1: (0, 790, 20, 800), 2: (590, 780, 600, 800), 3: (580, 0, 600, 10),
    }[turns]  # fmt: skip
    assert corner == expected
    assert pose.original(0, 0, *upright) == (0, 0, 600, 800)


def test_pages_with_words_keep_them_beside_scanned_ones(tmp_path: Path) -> None:
    printed_line = "This page was printed by a program, with words of its own."
    document = read_pdf(tmp_path, printed_line, printed())
    assert document.text.startswith(printed_line)
    assert document.text.split()[-len(WORDS) :] == WORDS
    by_number = {page.number: page.confidence for page in document.pages}
    assert by_number[2] is not None
    assert by_number.get(1) is None


def test_a_scan_is_read_in_the_child_process_too(tmp_path: Path) -> None:
    path = scanned_pdf(tmp_path / "scan.pdf", [printed(("Mietvertrag", "Die Miete ist hoch."))])
    source = replace(source_of(path, PDF, tmp_path), options=ReadOptions())
    here = PdfParser().parse(source)
    there = parse_isolated(source, memory_mb=1024, timeout_s=60)
    assert there == here
    assert here.text.split() == ["Mietvertrag", "Die", "Miete", "ist", "hoch."]


def test_a_picture_without_words_says_so(tmp_path: Path) -> None:
    picture = Image.new("RGB", (800, 600), "white")
    ImageDraw.Draw(picture).ellipse((200, 150, 600, 450), fill="red")
    with pytest.raises(InvalidError, match="No text was found in the picture"):
        read_image(tmp_path, encoded(picture, "PNG"), "png")
    with pytest.raises(InvalidError, match="no text was found in them"):
        read_pdf(tmp_path, picture.convert("L"))


def test_an_empty_page_is_no_picture(tmp_path: Path) -> None:
    with pytest.raises(InvalidError, match="holds no text"):
        read_pdf(tmp_path, Image.new("L", (400, 560), 255))


def test_faint_print_is_read_with_a_warning_that_names_the_page() -> None:
    from shared.ingestion.parsers.recognition.engine import SeenPage, SeenWord
    from shared.ingestion.parsers.recognition.layout import doubtful_pages, recognised

    word = SeenWord("smudge", 0, 0, 10, 10, 10, 0, 0.5)
    page = recognised(SeenPage((word,), Pose(0, 0.0, 100, 100)), points=0.5)
    assert "page 3" in doubtful_pages({3: page})
    assert "pages 3, 7" in doubtful_pages({7: page, 3: page})
    assert not doubtful_pages({3: replace(page, confidence=0.9)})


def test_missing_models_are_a_reason_and_refuse_only_what_needs_them(tmp_path: Path) -> None:
    assert missing(("eng", "deu")) == ""
    assert "xxx.traineddata" in missing(("xxx",))
    with pytest.raises(UnsupportedError) as refused:
        Recognizer(("xxx",))
    assert "TESSDATA_DIR" in refused.value.hint
    path = scanned_pdf(tmp_path / "scan.pdf", [printed()])
    off = replace(source_of(path, PDF, tmp_path), options=ReadOptions(ocr_languages=()))
    with pytest.raises(UnsupportedError, match="text recognition is not available"):
        PdfParser().parse(off)
    mixed = scanned_pdf(tmp_path / "mixed.pdf", ["Words of its own.", printed()])
    document = PdfParser().parse(replace(off, path=mixed))
    assert document.text == "Words of its own."
    assert any("page 2" in warning for warning in document.warnings)


@pytest.mark.parametrize("kind", ["png", "jpeg", "tiff", "webp", "gif", "bmp"])
def test_every_kind_of_picture_is_read(tmp_path: Path, kind: str) -> None:
    document = read_image(tmp_path, encoded(printed(), kind.upper()), kind)
    assert document.text.split() == WORDS
    assert document.page_count == 1
    assert document.metadata["width_px"] == "1240"


def test_transparent_and_sixteen_bit_pictures_are_read_as_they_are_seen(tmp_path: Path) -> None:
    ink = printed().point(lambda value: 255 - value)
    clear = Image.new("RGBA", ink.size, (0, 0, 0, 0))
    clear.putalpha(ink)
    assert read_image(tmp_path, encoded(clear, "PNG"), "png").text.split() == WORDS
    deep = printed().convert("I").point(lambda value: value * 100 + 300).convert("I;16")
    assert read_image(tmp_path, encoded(deep, "PNG"), "png").text.split() == WORDS


def test_a_camera_held_upright_is_undone(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[274] = 6  # turned: the file lies on its side
    exif[271] = "Kontor Cameras"
    content = encoded(printed().rotate(90, expand=True), "JPEG", exif=exif, quality=90)
    document = read_image(tmp_path, content, "jpeg")
    assert document.text.split() == WORDS
    assert document.metadata["camera_maker"] == "Kontor Cameras"


def test_every_page_of_a_tiff_is_read(tmp_path: Path) -> None:
    second = printed(("Second page", "with other words on it."))
    content = encoded(printed(), "TIFF", save_all=True, append_images=[second], dpi=(300, 300))
    document = read_image(tmp_path, content, "tiff")
    assert document.page_count == 2
    assert document.blocks[-1].page == 2
    assert "with other words on it." in document.text
    assert document.pages[0].width == pytest.approx(1240 * 72 / 300, abs=0.5)


def test_too_many_pixels_and_torn_files_are_refused(tmp_path: Path) -> None:
    huge = encoded(Image.new("1", (12_000, 9_000)), "PNG")
    with pytest.raises(TooLargeError, match="50 million pixels"):
        read_image(tmp_path, huge, "png")
    with pytest.raises(InvalidError, match="damaged"):
        read_image(tmp_path, encoded(printed(), "PNG")[:3000], "png")
    with pytest.raises(InvalidError, match="damaged"):
        read_image(tmp_path, b"GIF89a nothing", "gif")
