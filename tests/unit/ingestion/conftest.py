"""What the reading tests share: parse a file by its type, and check what must always hold."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from shared.ingestion.model import Chunk, ParsedDocument
from shared.ingestion.parsers.port import Source
from shared.ingestion.parsers.registry import parser_for

DOCUMENTS = Path(__file__).parents[2] / "fixtures" / "documents"

Read = Callable[..., ParsedDocument]


def count_words(text: str) -> int:
    """Count words and signs, about as a tokenizer would."""
    return len(re.findall(r"\w+|[^\w\s]", text))


def hold_together(document: ParsedDocument) -> None:
    """Check the promises of the model on a parsed document."""
    text = document.text
    assert "\0" not in text
    assert text == text.encode("utf-8").decode("utf-8")
    previous = 0
    for block in document.blocks:
        assert previous <= block.start < block.end <= len(text)
        assert not text[previous : block.start].strip()
        words = text[block.start : block.end]
        assert words == (words.rstrip() if block.kind == "code" else words.strip())
        assert all(block.start <= b.start < b.end <= block.end for b in block.boxes)
        assert all(b.x0 <= b.x1 and b.y0 <= b.y1 for b in block.boxes)
        previous = block.end
    assert previous == len(text)
    for table in document.tables:
        block = document.blocks[table.block]
        assert block.kind == "table"
        for cell in table.cells:
            assert block.start <= cell.start <= cell.end <= block.end
            assert cell.row + cell.row_span <= table.row_count
            assert cell.column + cell.column_span <= table.column_count


def cover(document: ParsedDocument, chunks: list[Chunk]) -> None:
    """Check that chunks are exact, ordered slices that leave out only white space."""
    position = 0
    for number, piece in enumerate(chunks):
        assert piece.ordinal == number
        assert piece.text == document.text[piece.start : piece.end]
        assert piece.start >= position
        assert not document.text[position : piece.start].strip()
        position = piece.end
    assert not document.text[position:].strip()


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Parse bytes or text as a file of the given name and type, and check what always holds."""

    def parse(content: str | bytes, media_type: str, filename: str) -> ParsedDocument:
        path = tmp_path / "input"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        files = tmp_path / "files"
        files.mkdir(exist_ok=True)
        source = Source(path=path, media_type=media_type, filename=filename, files=files)
        document = parser_for(media_type).parse(source)
        hold_together(document)
        return document

    return parse
