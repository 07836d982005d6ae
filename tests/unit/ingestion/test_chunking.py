"""Chunks are exact slices that fit the model, respect structure and lose nothing."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.ingestion.chunking import chunk
from shared.ingestion.chunking.registry import CHUNKERS, chunker_named
from shared.ingestion.drafting import CellText, Draft
from shared.ingestion.model import Chunk, ParsedDocument, embedding_text
from shared.kernel.errors import InvalidError
from tests.unit.ingestion.conftest import count_words, cover, hold_together


def finished(draft: Draft) -> ParsedDocument:
    return draft.finish(title="", filename="a.txt", parser="test", parser_version="1")


def cut(document: ParsedDocument, max_tokens: int = 60) -> list[Chunk]:
    chunks = chunk(document, count_tokens=count_words, max_tokens=max_tokens)
    cover(document, chunks)
    assert all(count_words(embedding_text(c)) == c.token_count <= max_tokens for c in chunks)
    return chunks


def sentence(words: int, end: str = ".") -> str:
    return " ".join(["Wort"] * (words - 1)) + end


def test_small_neighbours_under_one_heading_share_a_chunk() -> None:
    draft = Draft()
    draft.heading("Titel", level=1)
    for number in range(4):
        draft.paragraph(f"Absatz {number} ist kurz.")
    (only,) = cut(finished(draft))
    assert only.heading_path == ("Titel",)
    assert only.context == ""
    assert only.text.startswith("Titel\n\nAbsatz 0")


def test_a_chunk_never_crosses_a_top_level_heading() -> None:
    draft = Draft()
    for title in ("Eins", "Zwei", "Drei"):
        draft.heading(title, level=1)
        draft.paragraph("Kurz.")
    assert [c.text for c in cut(finished(draft))] == [
        "Eins\n\nKurz.", "Zwei\n\nKurz.", "Drei\n\nKurz."
    ]  # fmt: skip


def test_tiny_sections_under_one_parent_share_a_chunk_and_its_path() -> None:
    draft = Draft()
    draft.heading("Teil", level=1)
    draft.paragraph(sentence(50))
    for title in ("A", "B"):
        draft.heading(title, level=2)
        draft.paragraph("Kurz.")
    _, second = cut(finished(draft))
    assert second.text == "A\n\nKurz.\n\nB\n\nKurz."
    assert (second.heading_path, second.context) == (("Teil",), "Teil")


def test_a_long_paragraph_is_cut_at_sentence_ends_and_keeps_its_context() -> None:
    draft = Draft()
    draft.heading("Teil", level=1)
    draft.heading("Kapitel", level=2)
    draft.paragraph(" ".join([sentence(20)] * 6))
    chunks = cut(finished(draft))
    assert len(chunks) > 2
    assert all(c.text.endswith("Wort.") for c in chunks)
    assert chunks[1].context == "Teil\nKapitel"
    assert chunks[1].heading_path == ("Teil", "Kapitel")


def test_a_paragraph_that_fits_one_chunk_is_not_torn_to_fill_another() -> None:
    draft = Draft()
    draft.paragraph(sentence(40))
    draft.paragraph(" ".join([sentence(20)] * 2))
    assert [c.text.count(".") for c in cut(finished(draft))] == [1, 2]


def table_of(rows: int) -> ParsedDocument:
    draft = Draft()
    cells = [CellText(0, 0, "Name", is_header=True), CellText(0, 1, "Wert", is_header=True)]
    cells += [CellText(r, c, f"z{r}s{c}") for r in range(1, rows) for c in range(2)]
    draft.table(cells)
    document = finished(draft)
    hold_together(document)
    return document


def test_a_table_that_fits_is_one_chunk() -> None:
    (only,) = cut(table_of(8))
    assert only.kind == "table"


def test_a_long_table_is_cut_between_rows_and_each_says_its_headers() -> None:
    document = table_of(60)
    chunks = cut(document)
    assert len(chunks) > 3
    lines = set(document.text.split("\n"))
    assert all(line in lines for c in chunks for line in c.text.split("\n"))
    assert {c.context for c in chunks} == {""}
    assert chunks[1].said.startswith("Name: z")
    assert all(c.said.count("Name: ") == c.said.count("Wert: ") for c in chunks)


def test_a_table_without_known_headers_repeats_its_first_row_as_context() -> None:
    draft = Draft()
    draft.table([CellText(r, c, f"{r * 7}{c}") for r in range(60) for c in range(2)])
    chunks = cut(finished(draft))
    assert {c.said for c in chunks} == {""}
    assert [c.context for c in chunks[1:]] == ["00 | 01"] * (len(chunks) - 1)


def test_a_sentence_too_long_alone_is_cut_between_words() -> None:
    draft = Draft()
    draft.paragraph(" ".join(f"w{i}" for i in range(500)))
    chunks = cut(finished(draft))
    assert all(c.text.split()[0].startswith("w") for c in chunks)
    assert len(chunks) == 9


def test_a_word_too_long_alone_is_cut_but_never_inside_a_letter() -> None:
    draft = Draft()
    draft.paragraph("n\u0308" * 300)
    document = finished(draft)
    chunks = chunk(document, count_tokens=len, max_tokens=40)
    cover(document, chunks)
    assert all(c.token_count <= 40 for c in chunks)
    assert not any(unicodedata.category(c.text[0]).startswith("M") for c in chunks)


def test_giant_headings_leave_room_for_text() -> None:
    draft = Draft()
    draft.heading(sentence(100), level=1)
    draft.heading("Innen", level=2)
    draft.paragraph(" ".join([sentence(15)] * 8))
    chunks = cut(finished(draft))
    assert chunks[-1].context == "Innen"


def test_each_word_is_counted_only_a_few_times() -> None:
    counted = 0

    def count(text: str) -> int:
        nonlocal counted
        counted += count_words(text)
        return count_words(text)

    draft = Draft()
    draft.heading("Teil", level=1)
    draft.paragraph(" ".join(f"Satz Nummer {i} steht hier." for i in range(4000)))
    document = finished(draft)
    chunk(document, count_tokens=count, max_tokens=200)
    assert counted < 5 * count_words(document.text)


def test_too_small_a_limit_is_refused() -> None:
    with pytest.raises(InvalidError, match="at least 16"):
        chunk(table_of(2), count_tokens=count_words, max_tokens=8)


words = st.text(alphabet=st.sampled_from("aÄ. \n!u\u0308😀\u200d|§1"), min_size=1, max_size=120)
pieces = st.lists(
    st.tuples(
        st.sampled_from(["heading", "paragraph", "code", "list", "table"]),
        words,
        st.integers(1, 4),
    ),
    min_size=1,
    max_size=12,
)


@given(pieces, st.integers(16, 60))
def test_whatever_the_structure_chunks_are_exact_ordered_and_complete(
    parts: list[tuple[str, str, int]], limit: int
) -> None:
    draft = Draft()
    draft.paragraph("Anfang")
    for kind, text, level in parts:
        if kind == "heading":
            draft.heading(text, level=level)
        elif kind == "list":
            draft.list_item(text, depth=level)
        elif kind == "table":
            draft.table([CellText(i, j, text) for i in range(level) for j in range(2)])
        else:
            draft.paragraph(text, kind="code" if kind == "code" else "paragraph")
    document = finished(draft)
    hold_together(document)
    chunks = chunk(document, count_tokens=len, max_tokens=limit)
    cover(document, chunks)
    assert all(c.token_count <= limit for c in chunks if len(c.text) > 12)
    for piece in chunks:
        begins_word = not document.text[: piece.start][-1:].strip()
        assert begins_word or not unicodedata.combining(piece.text[0])


@pytest.mark.parametrize("name", list(CHUNKERS))
@given(pieces, st.integers(16, 60))
def test_every_chunker_keeps_the_promises(
    name: str, parts: list[tuple[str, str, int]], limit: int
) -> None:
    draft = Draft()
    draft.paragraph("Anfang")
    for _, text, _ in parts:
        draft.paragraph(text)
    document = finished(draft)
    chunks = chunker_named(name).cut(document, count_tokens=len, max_tokens=limit, overlap_tokens=0)
    cover(document, chunks)
    assert all(c.token_count == len(embedding_text(c)) for c in chunks)
    assert all(c.section_start <= c.start < c.end <= c.section_end for c in chunks)


def test_an_unknown_chunker_is_refused_by_name() -> None:
    with pytest.raises(InvalidError, match="random"):
        chunker_named("random")
