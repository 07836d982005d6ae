"""Every registered parser reads its fixture: same promises, same words, whatever the format."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.ingestion.chunking import chunk
from shared.ingestion.detection import detect
from shared.ingestion.formats import DOCX, supported_formats
from shared.ingestion.isolation import parse_isolated, stop_readers
from shared.ingestion.model import embedding_text
from shared.ingestion.parsers.port import Source
from shared.ingestion.parsers.registry import parser_for, supported_media_types
from shared.ingestion.serialization import document_from_json, document_to_json
from tests.unit.ingestion.conftest import DOCUMENTS, count_words, cover, hold_together

FIXTURES = {
    "text/plain": "rental-agreement.txt",
    "text/markdown": "rental-agreement.md",
    "text/csv": "rental-costs.csv",
    "text/html": "rental-agreement.html",
    DOCX: "rental-agreement.docx",
    "application/pdf": "rental-agreement.pdf",
}


@pytest.fixture(scope="module", autouse=True)
def _no_child_stays() -> Iterator[None]:
    yield
    stop_readers()


def test_every_parser_has_a_fixture() -> None:
    assert set(supported_media_types()) == set(FIXTURES)
    assert "PDF" in supported_formats()


@pytest.mark.parametrize("media_type", FIXTURES)
def test_a_parser_keeps_the_promises_of_its_port(media_type: str, tmp_path: Path) -> None:
    path = DOCUMENTS / FIXTURES[media_type]
    assert detect(path, filename=path.name, claimed=media_type) == media_type
    parser = parser_for(media_type)
    assert media_type in parser.media_types
    told: list[tuple[int, int]] = []
    document = parser.parse(
        Source(
            path=path,
            media_type=media_type,
            filename=path.name,
            files=tmp_path,
            progress=lambda done, total: told.append((done, total)),
        )
    )
    hold_together(document)
    assert told
    assert told[-1][0] == told[-1][1]
    assert (document.parser, document.parser_version) == (parser.name, parser.version)
    assert document_from_json(document_to_json(document)) == document
    chunks = chunk(document, count_tokens=count_words, max_tokens=40)
    cover(document, chunks)
    assert all(count_words(embedding_text(c)) == c.token_count <= 40 for c in chunks)


@pytest.mark.parametrize("media_type", [m for m in FIXTURES if m != "text/csv"])
def test_every_format_says_the_same_under_the_same_headings(
    media_type: str, tmp_path: Path
) -> None:
    path = DOCUMENTS / FIXTURES[media_type]
    source = Source(path=path, media_type=media_type, filename=path.name, files=tmp_path)
    document = parse_isolated(source, memory_mb=1024, timeout_s=60)
    assert document.language == "de"
    assert document.title.lower() == "mietvertrag über wohnraum"
    (notice,) = [
        block for block in document.blocks
        if "Kündigungsfrist beträgt" in document.text[block.start : block.end]
    ]  # fmt: skip
    assert notice.heading_path[-1] == "3 Kündigung"
    if media_type != "text/plain":
        words = document.text[document.blocks[document.tables[0].block].start :]
        assert words.startswith("Posten | Betrag\nGrundmiete | 780 Euro")
