"""Presentations: a block's page is its slide, notes are notes, pictures and tables are kept."""

from __future__ import annotations

import io
import struct
from contextlib import suppress

import pytest
from PIL import Image
from pptx import Presentation
from pptx.util import Inches

from shared.files.formats import PPT, PPTX
from shared.ingestion.export import document_to_markdown
from shared.ingestion.parsers import pictures
from shared.kernel.errors import InvalidError
from tests.unit.ingestion.old_office import old_slides
from tests.unit.ingestion.specimens import saved


def picture(colour: str = "red", size: tuple[int, int] = (80, 60)) -> io.BytesIO:
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, "PNG")
    buffer.seek(0)
    return buffer


@pytest.fixture
def deck():
    deck = Presentation()
    first = deck.slides.add_slide(deck.slide_layouts[1])
    first.shapes.title.text = "Ziele"
    first.placeholders[1].text_frame.text = "Wachsen"
    first.notes_slide.notes_text_frame.text = "Langsam sprechen."
    second = deck.slides.add_slide(deck.slide_layouts[6])
    box = second.shapes.add_textbox(Inches(1), Inches(1), Inches(6), Inches(1))
    run = box.text_frame.paragraphs[0].add_run()
    run.text = "Mehr hier"
    run.hyperlink.address = "https://example.org/mehr"
    second.shapes.add_picture(picture(), Inches(1), Inches(3))
    return deck


def test_blocks_know_their_slide_and_what_is_a_note(read, deck) -> None:
    document = read(saved(deck), PPTX, "ziele.pptx")
    found = [(b.kind, b.page, document.text[b.start : b.end]) for b in document.blocks]
    assert found == [
        ("heading", 1, "Ziele"),
        ("list_item", 1, "- Wachsen"),
        ("note", 1, "Langsam sprechen."),
        ("paragraph", 2, "Mehr hier"),
    ]
    # A slide without a title does not stand under the one before it.
    assert document.blocks[3].heading_path == ()
    assert document.page_count == 2
    (link,) = document.links
    assert document.text[link.start : link.end] == "Mehr hier"
    assert link.target == "https://example.org/mehr"
    assert "<!--\nLangsam sprechen.\n-->" in document_to_markdown(document)


def test_pictures_lie_beside_with_their_slide(read, deck, tmp_path) -> None:
    document = read(saved(deck), PPTX, "ziele.pptx")
    (figure,) = document.figures
    assert (figure.page, figure.width_px, figure.height_px) == (2, 80, 60)
    with Image.open(tmp_path / "files" / figure.file) as kept:
        assert kept.size == (80, 60)


def test_no_more_pictures_are_taken_than_the_limit(
    read, deck, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "MAX_PICTURES", 1)
    slide = deck.slides[1]
    slide.shapes.add_picture(picture("blue"), Inches(3), Inches(3))
    slide.shapes.add_picture(picture("green", (20, 20)), Inches(3), Inches(3))
    document = read(saved(deck), PPTX, "ziele.pptx")
    assert len(document.figures) == 1
    assert document.warnings == ("Only the first 1 pictures were taken out of the file.",)


def test_an_old_presentation_reads_slide_by_slide(read) -> None:
    slides = [("Ziele", "Wachsen\rSparen", "Langsam sprechen."), ("Wege", "Zu Fuß", "")]
    document = read(old_slides(slides), PPT, "alt.ppt")
    found = [(b.kind, b.page, document.text[b.start : b.end]) for b in document.blocks]
    assert found == [
        ("heading", 1, "Ziele"), ("list_item", 1, "- Wachsen"), ("list_item", 1, "- Sparen"),
        ("note", 1, "Langsam sprechen."), ("heading", 2, "Wege"), ("paragraph", 2, "Zu Fuß"),
    ]  # fmt: skip


def test_a_table_of_an_old_slide_is_found_by_its_edges_and_stands_where_it_stood(read) -> None:
    table = [["Klasse", ""], ["A", "B"]]
    document = read(old_slides([("Ziele", "Wachsen", "")], table=table), PPT, "alt.ppt")
    found = [(b.kind, document.text[b.start : b.end]) for b in document.blocks]
    assert found == [
        ("heading", "Ziele"), ("paragraph", "Wachsen"), ("table", "Klasse\nA | B"),
    ]  # fmt: skip
    assert document.tables[0].cells[0].column_span == 2


@pytest.mark.parametrize("place", range(0, 900, 100))
def test_a_broken_old_presentation_is_damaged_or_read(read, place: int) -> None:
    data = bytearray(old_slides([("Ziele", "Wachsen", "")]))
    data[512 + place : 512 + place + 4] = struct.pack("<I", 0xFFFFFFF0)
    with suppress(InvalidError):
        assert read(bytes(data), PPT, "alt.ppt").text
