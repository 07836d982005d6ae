"""Citations as every transport shows them."""

from __future__ import annotations

from uuid import UUID

from pydantic import BaseModel, ConfigDict


class CellBody(BaseModel):
    """A cell of a table with the headers it stands under; rows and columns count from 0.

    ``start`` and ``end`` are its place in the text, ``box`` is ``[x0, y0, x1, y1]`` on ``page``.
    ``is_asked`` marks the cells that share most words, headers included, with the question.
    """

    model_config = ConfigDict(from_attributes=True)

    table: int
    row: int
    column: int
    row_span: int
    column_span: int
    row_header: str
    column_header: str
    text: str
    start: int
    end: int
    page: int | None
    box: tuple[float, float, float, float] | None
    is_asked: bool


class CitationBody(BaseModel):
    """Proof of a sentence: ``quote`` is the cited version's text from ``start`` to ``end``.

    Positions are those of its ``reading``; ``cells`` are the cells of tables the quote touches.
    ``is_erased``: the document has been erased since, and the quote with it.
    """

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    number: int
    document_id: UUID
    version_id: UUID
    title: str
    heading_path: list[str]
    page: int | None
    boxes: list[dict[str, object]]
    start: int
    end: int
    quote: str
    reading: int
    cells: list[CellBody]
    is_erased: bool = False
