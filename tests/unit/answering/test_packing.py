"""What a model reads fits its budget, holds nothing twice, and goes on where a chunk breaks off."""

from __future__ import annotations

from uuid import UUID

from shared.answering.packing import Passage, pack
from shared.answering.retrieval import fuse
from shared.kernel.ids import ChunkId, DocumentId, VersionId
from shared.search.model import Hit


def hit(
    number: int, text: str, *, start: int | None = None, version: int = 1, section: int = 0
) -> Hit:
    at = number * 1000 if start is None else start
    return Hit(
        chunk_id=ChunkId(UUID(int=number)),
        document_id=DocumentId(UUID(int=version)),
        version_id=VersionId(UUID(int=version)),
        title="T",
        heading_path=[],
        page=None,
        boxes=[],
        start=at,
        end=at + len(text),
        text=text,
        score=1.0,
        dense_score=0.0,
        lexical_score=0.0,
        language="en",
        media_type="text/plain",
        ordinal=number,
        section_start=section,
    )


def words(text: str) -> int:
    return len(text.split())


def numbers(passages: list[Passage]) -> list[list[int]]:
    return [[each.chunk_id.int for each in passage.hits] for passage in passages]


def test_hits_come_best_first_as_far_as_the_budget_goes() -> None:
    hits = [hit(n, f"word{n} " * 50, version=n) for n in (5, 2, 9)]
    packed = pack(hits, [], budget_tokens=150, count_tokens=words)
    assert numbers(packed) == [[5], [2]]
    assert numbers(pack(hits, [], budget_tokens=1, count_tokens=words)) == [[5]]


def test_copies_and_overlaps_are_taken_once() -> None:
    original = hit(1, "The very same words here.")
    copy = hit(2, "The  very same WORDS here.", version=2)
    longer = hit(3, "The very same words here and", start=original.start)
    other = hit(4, "Something else.", version=3)
    packed = pack([original, copy, longer, other], [], budget_tokens=900, count_tokens=words)
    assert numbers(packed) == [[1], [4]]


def test_neighbours_of_the_section_join_in_the_order_of_the_text() -> None:
    found = hit(5, "five")
    around = [hit(4, "four"), hit(6, "six"), hit(7, "seven"), hit(8, "eight", version=2)]
    assert numbers(pack([found], around, budget_tokens=900, count_tokens=words)) == [[4, 5, 6]]
    elsewhere = [hit(6, "six", section=9000)]
    assert numbers(pack([found], elsewhere, budget_tokens=900, count_tokens=words)) == [[5]]


def test_what_is_left_of_the_budget_goes_to_what_comes_after() -> None:
    found = hit(5, "five")
    around = [hit(4, "four " * 10), hit(6, "six " * 10)]
    assert numbers(pack([found], around, budget_tokens=36, count_tokens=words)) == [[5, 6]]


def test_rankings_are_fused_by_place() -> None:
    one, two, three = (hit(n, f"t{n}") for n in (1, 2, 3))
    assert [h.chunk_id.int for h in fuse([[one, two], [three, one]], most=9)] == [1, 3, 2]
    assert [h.chunk_id.int for h in fuse([[one, two], [three, one]], most=2)] == [1, 3]
    assert fuse([], most=3) == ()
