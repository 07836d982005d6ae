"""Bodies of what is inside a version: text, differences, pages, pictures; and addresses."""

from __future__ import annotations

from uuid import UUID

from pydantic import BaseModel, Field

from functions.documents.schemas import FromRow


class TextBody(BaseModel):
    """A version's canonical text, as one of its readings has it."""

    version_id: UUID
    reading: int
    text: str


class DownloadBody(BaseModel):
    """An address that works for ``expires_in`` seconds."""

    url: str = Field(examples=["https://kontor-prod-media.s3.amazonaws.com/uploads/…"])
    expires_in: int = Field(examples=[300])


class PieceBody(FromRow):
    """Words that stayed (``equal``), came (``added``) or went (``removed``)."""

    kind: str = Field(examples=["added"])
    text: str


class SideBody(FromRow):
    """Where a block is in one of the two texts, in characters; and its page."""

    start: int
    end: int
    page: int | None


class ChangeBody(FromRow):
    """A block that was added, removed or changed, word by word."""

    kind: str = Field(examples=["changed"])
    block: str = Field(examples=["paragraph"])
    heading_path: list[str]
    old: SideBody | None
    new: SideBody | None
    pieces: list[PieceBody]


class DifferenceBody(BaseModel):
    """What changed between two versions' texts.

    ``similarity`` is the share of words that are the same. ``changes`` ends after ``limit``; the
    counts are of all of them. ``unified`` is the line by line form, if it was asked for.
    """

    old_version: int
    new_version: int
    similarity: float = Field(examples=[0.97])
    added: int
    removed: int
    changed: int
    words_added: int
    words_removed: int
    changes: list[ChangeBody]
    is_cut: bool
    unified: str | None = None


class PageBody(BaseModel):
    """A page: its size in points; how sure its recognised words are (0 to 1), if they were."""

    number: int
    width: float = Field(examples=[595.3])
    height: float = Field(examples=[841.9])
    confidence: float | None
    has_image: bool


class PageList(BaseModel):
    """A version's pages in order; none where its format has no pages."""

    items: list[PageBody]


class FigureBody(BaseModel):
    """A picture in the document: where it stands, and a short-lived address of its file.

    ``box`` is x0, y0, x1, y1 in points from the page's top left corner.
    """

    page: int | None
    box: tuple[float, float, float, float] | None
    width_px: int
    height_px: int
    media_type: str = Field(examples=["image/png"])
    caption: str
    description: str
    url: str
    expires_in: int


class FigureList(BaseModel):
    """A version's pictures in order."""

    items: list[FigureBody]
