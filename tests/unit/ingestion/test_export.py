"""Markdown export: what a document says, read back by a CommonMark reader, is what it was."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from shared.ingestion.drafting import CellText, Draft
from shared.ingestion.export import document_to_markdown
from shared.ingestion.model import Figure, Link, ParsedDocument
from tests.unit.ingestion.conftest import Read

SIGNS = [
    "# no heading",
    "> no quote",
    "1. no list",
    "- no list",
    "+ no list",
    "2 * 3 * 4 and _this_ or snake_case_name",
    "a [link](https://example.org) that is none",
    "[note]: https://example.org",
    "<b>not bold</b> & &amp; `code`",
    "a \\ backslash \\* here",
    "==\nunderlined\n---",
    "12) twelve\n13) thirteen",
]


def finished(draft: Draft) -> ParsedDocument:
    return draft.finish(title="", filename="a.md", parser="test", parser_version="1")


def written(draft: Draft) -> str:
    return document_to_markdown(finished(draft))


def test_headings_paragraphs_code_quotes_and_formulas_have_their_signs() -> None:
    draft = Draft()
    draft.heading("Title", level=1)
    draft.paragraph("Some words.")
    draft.heading("Deep", level=9)
    draft.paragraph("x = ```1```", kind="code")
    draft.paragraph("to be\nor not", kind="quote")
    draft.paragraph("E = mc^2", kind="formula")
    assert written(draft) == (
        "# Title\n\nSome words.\n\n###### Deep\n\n````\nx = ```1```\n````\n\n"
        "> to be  \n> or not\n\n$$E = mc^2$$\n"
    )


def test_lists_nest_below_their_items_and_items_go_on() -> None:
    draft = Draft()
    draft.list_item("first", marker="1.")
    draft.list_item("inner", depth=1)
    draft.list_item("goes on", marker="", depth=1)
    draft.list_item("second", marker="2.")
    draft.list_item("lettered", marker="(a)", depth=1)
    assert written(draft) == (
        "1. first\n   - inner\n\n     goes on\n2. second\n   - (a) lettered\n"
    )


def test_a_cell_that_spans_is_repeated_in_every_row_and_column() -> None:
    draft = Draft()
    draft.table(
        [
            CellText(0, 0, "Year", row_span=2, is_header=True),
            CellText(0, 1, "Sales | net", column_span=2, is_header=True),
            CellText(1, 1, "North"),
            CellText(1, 2, "South"),
            CellText(2, 0, "2020"),
            CellText(2, 1, "1"),
            CellText(2, 2, "2"),
        ]
    )
    assert written(draft) == (
        "| Year | Sales \\| net | Sales \\| net |\n| --- | --- | --- |\n"
        "| Year | North | South |\n| 2020 | 1 | 2 |\n"
    )


@pytest.mark.parametrize("words", SIGNS)
def test_words_that_look_like_signs_stay_words(words: str, read: Read) -> None:
    draft = Draft()
    draft.paragraph(words)
    again = read(written(draft), "text/markdown", "a.md")
    assert [block.kind for block in again.blocks] == ["paragraph"]
    assert again.text == finished(draft).text


def test_links_and_pictures_are_written_where_they_stand() -> None:
    draft = Draft()
    draft.paragraph("See the manual (page 3) now.")
    draft.paragraph("Figure 1: a pump", kind="caption")
    start = len("See ")
    draft.links.append(Link(start, start + len("the manual"), "https://example.org/a b?(c)"))
    draft.figures.append(Figure("p1.png", "image/png", 10, 10, block=1, description="Pump"))
    draft.figures.append(Figure("p2.png", "image/png", 10, 10))
    assert document_to_markdown(finished(draft), files="files/") == (
        "See [the manual](<https://example.org/a%20b?(c)>) (page 3) now.\n\n"
        "![Pump](files/p1.png)\n\nFigure 1: a pump\n\n![](files/p2.png)\n"
    )


def test_links_that_overlap_or_leave_their_block_do_no_harm() -> None:
    draft = Draft()
    draft.paragraph("one two three")
    draft.paragraph("four")
    document = replace(
        finished(draft),
        links=(Link(0, 7, "a"), Link(4, 13, "b"), Link(8, 17, "c"), Link(9, 9, "d")),
    )
    assert document_to_markdown(document) == "[one two](a) three\n\nfour\n"


def test_markdown_read_and_written_says_the_same(read: Read) -> None:
    source = (
        "# A\n\nText with snake_case and 3\\*4.\n\n- one\n  - two\n- three\n\n"
        "| a | b |\n| --- | --- |\n| 1 | 2 |\n\n```\ncode\n  more\n```\n"
    )
    once = read(source, "text/markdown", "a.md")
    assert document_to_markdown(once) == source
    assert not re.search(r"\n{3,}", document_to_markdown(once))
