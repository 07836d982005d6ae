"""The stored form of documents and chunks: compact JSON that reads back equal.

Rectangles and cells are arrays, since a long PDF has ten thousands of them. ``FORMAT`` is raised
when the shape changes; a reader refuses what it does not know.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from shared.documents.grids import Cell, grids_from_json, grids_to_json
from shared.ingestion.model import (
    Attachment,
    Block,
    Box,
    Chunk,
    Figure,
    FormField,
    Link,
    PageFacts,
    ParsedDocument,
    Table,
)
from shared.kernel.errors import InvalidError

FORMAT = 2


def document_to_json(document: ParsedDocument) -> str:
    """Write a document as JSON text."""
    return _dump(
        {
            "format": FORMAT,
            "title": document.title,
            "language": document.language,
            "page_count": document.page_count,
            "parser": document.parser,
            "parser_version": document.parser_version,
            "metadata": document.metadata,
            "warnings": document.warnings,
            "text": document.text,
            "blocks": [_block_out(block) for block in document.blocks],
            "tables": [_table_out(table) for table in document.tables],
            "figures": [asdict(figure) for figure in document.figures],
            "links": [[link.start, link.end, link.target] for link in document.links],
            "pages": [[p.number, p.width, p.height, p.confidence] for p in document.pages],
            "attachments": [asdict(attachment) for attachment in document.attachments],
            "fields": [[f.name, f.value, f.page] for f in document.fields],
        }
    )


def document_from_json(stored: str | bytes) -> ParsedDocument:
    """Read a document back; raises InvalidError when it is damaged or of another format."""
    body = _load(stored)
    try:
        return ParsedDocument(
            title=body["title"],
            language=body["language"],
            page_count=body["page_count"],
            text=body["text"],
            blocks=tuple(_block_in(block) for block in body["blocks"]),
            tables=tuple(_table_in(table) for table in body["tables"]),
            figures=tuple(Figure(**figure) for figure in body["figures"]),
            links=tuple(Link(*link) for link in body["links"]),
            pages=tuple(PageFacts(*page) for page in body["pages"]),
            attachments=tuple(Attachment(**each) for each in body["attachments"]),
            fields=tuple(FormField(*each) for each in body["fields"]),
            metadata=dict(body["metadata"]),
            parser=body["parser"],
            parser_version=body["parser_version"],
            warnings=tuple(body["warnings"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged() from error


def chunks_to_json(chunks: Iterable[Chunk]) -> str:
    """Write chunks as JSON text."""
    return _dump({"format": FORMAT, "chunks": [_chunk_out(chunk) for chunk in chunks]})


def chunks_from_json(stored: str | bytes) -> list[Chunk]:
    """Read chunks back; raises InvalidError when they are damaged or of another format."""
    body = _load(stored)
    try:
        return [_chunk_in(chunk) for chunk in body["chunks"]]
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged() from error


def boxes_to_lists(boxes: Iterable[Box]) -> list[list[float]]:
    """Write boxes as ``[page, x0, y0, x1, y1, start, end]``, to a hundredth of a point."""
    return [
        [b.page, round(b.x0, 2), round(b.y0, 2), round(b.x1, 2), round(b.y1, 2), b.start, b.end]
        for b in boxes
    ]


def boxes_from_lists(stored: Iterable[Any]) -> tuple[Box, ...]:
    """Read boxes written by ``boxes_to_lists``."""
    return tuple(
        Box(int(p), float(x0), float(y0), float(x1), float(y1), int(start), int(end))
        for p, x0, y0, x1, y1, start, end in stored
    )


def _block_out(block: Block) -> dict[str, object]:
    return {
        "kind": block.kind,
        "level": block.level,
        "span": [block.start, block.end],
        "page": block.page,
        "path": block.heading_path,
        "boxes": boxes_to_lists(block.boxes),
    }


def _block_in(stored: Any) -> Block:
    start, end = stored["span"]
    return Block(
        kind=stored["kind"],
        level=stored["level"],
        start=start,
        end=end,
        page=stored["page"],
        boxes=boxes_from_lists(stored["boxes"]),
        heading_path=tuple(stored["path"]),
    )


def _table_out(table: Table) -> dict[str, object]:
    return {
        "block": table.block,
        "size": [table.row_count, table.column_count],
        "cells": [
            [c.row, c.column, c.row_span, c.column_span, c.start, c.end, int(c.is_header)]
            for c in table.cells
        ],
    }


def _table_in(stored: Any) -> Table:
    row_count, column_count = stored["size"]
    return Table(
        block=stored["block"],
        row_count=row_count,
        column_count=column_count,
        cells=tuple(
            Cell(row, column, row_span, column_span, start, end, bool(is_header))
            for row, column, row_span, column_span, start, end, is_header in stored["cells"]
        ),
    )


def _chunk_out(chunk: Chunk) -> dict[str, object]:
    return {
        "ordinal": chunk.ordinal,
        "kind": chunk.kind,
        "text": chunk.text,
        "context": chunk.context,
        "path": chunk.heading_path,
        "pages": [chunk.page_from, chunk.page_to],
        "boxes": boxes_to_lists(chunk.boxes),
        "span": [chunk.start, chunk.end],
        "language": chunk.language,
        "tokens": chunk.token_count,
        "said": chunk.said,
        "section": [chunk.section, chunk.section_start, chunk.section_end],
        "grids": grids_to_json(chunk.grids),
    }


def _chunk_in(stored: Any) -> Chunk:
    start, end = stored["span"]
    page_from, page_to = stored["pages"]
    # Chunks of older readings know neither their section nor their cells.
    section, section_start, section_end = stored.get("section", (stored["ordinal"], start, end))
    return Chunk(
        ordinal=stored["ordinal"],
        kind=stored["kind"],
        text=stored["text"],
        context=stored["context"],
        heading_path=tuple(stored["path"]),
        page_from=page_from,
        page_to=page_to,
        boxes=boxes_from_lists(stored["boxes"]),
        start=start,
        end=end,
        language=stored["language"],
        token_count=stored["tokens"],
        said=stored.get("said", ""),
        section=section,
        section_start=section_start,
        section_end=section_end,
        grids=grids_from_json(stored.get("grids", ())),
    )


def _dump(body: dict[str, object]) -> str:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def _load(stored: str | bytes) -> Any:
    try:
        body = json.loads(stored)
    except ValueError as error:
        raise _damaged() from error
    if not isinstance(body, dict) or body.get("format") != FORMAT:
        raise _damaged()
    return body


def _damaged() -> InvalidError:
    return InvalidError(
        "The stored reading of this document is damaged or from another release.",
        hint="Read the document again.",
    )
