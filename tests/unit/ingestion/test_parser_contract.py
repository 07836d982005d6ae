"""Every registered parser reads its fixture: same promises, same words, whatever the format."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.files.detection import detect
from shared.files.formats import DOCX, PPT, XLS, supported_formats
from shared.ingestion.chunking import chunk
from shared.ingestion.isolation import parse_isolated, stop_readers
from shared.ingestion.model import embedding_text
from shared.ingestion.parsers.port import Source
from shared.ingestion.parsers.registry import parser_for, supported_media_types
from shared.ingestion.serialization import document_from_json, document_to_json
from tests.unit.ingestion.conftest import DOCUMENTS, count_words, cover, hold_together
from tests.unit.ingestion.specimens import SPECIMENS

FIXTURES = {
    "text/plain": "rental-agreement.txt",
    "text/markdown": "rental-agreement.md",
    "text/csv": "rental-costs.csv",
    "text/html": "rental-agreement.html",
    DOCX: "rental-agreement.docx",
    "application/pdf": "rental-agreement.pdf",
}
# Formats without headings or tables of their own say the same words all the same.
WITHOUT_HEADINGS = {"text/vtt", "application/x-subrip", "text/csv", "application/zip"}
PICTURES = {each for each in SPECIMENS if each.startswith("image/")}
WITHOUT_TABLES = {*WITHOUT_HEADINGS, *PICTURES, "text/plain", PPT}


def fixture_file(media_type: str, folder: Path) -> Path:
    """Return the rental agreement in a format: kept as a file, or written now."""
    if media_type in FIXTURES:
        return DOCUMENTS / FIXTURES[media_type]
    extension, write = SPECIMENS[media_type]
    path = folder / f"rental-agreement.{extension}"
    path.write_bytes(write())
    return path


@pytest.fixture(scope="module", autouse=True)
def _no_child_stays() -> Iterator[None]:
    yield
    stop_readers()


def test_every_parser_has_a_fixture() -> None:
    assert set(supported_media_types()) == {*FIXTURES, *SPECIMENS}
    assert "PDF" in supported_formats()


@pytest.mark.parametrize("media_type", [*FIXTURES, *SPECIMENS])
def test_the_door_knows_every_format(media_type: str, tmp_path: Path) -> None:
    path = fixture_file(media_type, tmp_path)
    assert detect(path, filename=path.name, claimed=media_type) == media_type


@pytest.mark.parametrize("media_type", [*FIXTURES, *SPECIMENS])
def test_a_parser_keeps_the_promises_of_its_port(media_type: str, tmp_path: Path) -> None:
    path = fixture_file(media_type, tmp_path)
    files = tmp_path / "files"
    files.mkdir()
    parser = parser_for(media_type)
    assert media_type in parser.media_types
    told: list[tuple[int, int]] = []
    document = parser.parse(
        Source(
            path=path,
            media_type=media_type,
            filename=path.name,
            files=files,
            progress=lambda done, total: told.append((done, total)),
        )
    )
    hold_together(document)
    taken = [*document.figures, *document.attachments]
    assert {each.file for each in taken} == {
        each.name for each in files.iterdir() if each.is_file()
    }
    assert told
    assert told[-1][0] == told[-1][1]
    assert (document.parser, document.parser_version) == (parser.name, parser.version)
    assert document_from_json(document_to_json(document)) == document
    chunks = chunk(document, count_tokens=count_words, max_tokens=40)
    cover(document, chunks)
    assert all(count_words(embedding_text(c)) == c.token_count <= 40 for c in chunks)


@pytest.mark.parametrize(
    "media_type", sorted({*FIXTURES, *SPECIMENS} - {"text/csv", "application/zip"})
)
def test_every_format_says_the_same_under_the_same_headings(
    media_type: str, tmp_path: Path
) -> None:
    path = fixture_file(media_type, tmp_path)
    files = tmp_path / "files"
    files.mkdir()
    source = Source(path=path, media_type=media_type, filename=path.name, files=files)
    document = parse_isolated(source, memory_mb=1024, timeout_s=60)
    assert document.language == "de"
    if media_type not in {*WITHOUT_HEADINGS, XLS}:
        assert document.title.lower() == "mietvertrag über wohnraum"
    (notice,) = [
        block for block in document.blocks
        if "Kündigungsfrist beträgt" in document.text[block.start : block.end]
    ]  # fmt: skip
    if media_type not in WITHOUT_HEADINGS:
        assert "3 Kündigung" in notice.heading_path
    if media_type not in WITHOUT_TABLES:
        words = document.text[document.blocks[document.tables[-1].block].start :]
        assert words.startswith("Posten | Betrag\nGrundmiete | 780 Euro")
