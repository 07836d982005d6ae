"""Text, Markdown and CSV become plain readable text with structure, whatever their encoding."""

from __future__ import annotations

import pytest

from shared.ingestion.model import ParsedDocument
from shared.kernel.errors import InvalidError, TooLargeError


def kinds(document: ParsedDocument) -> list[tuple[str, str]]:
    return [(b.kind, document.text[b.start : b.end]) for b in document.blocks]


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "cp1252"]
)
def test_text_in_any_usual_encoding_reads_the_same(read, encoding: str) -> None:
    text = "Grüße aus Köln – schön, daß es „läuft“.\r\n\r\nZweiter Absatz über Äpfel."
    document = read(text.encode(encoding), "text/plain", "grüße.txt")
    assert document.text == text.replace("\r\n", "\n")
    assert document.language == "de"


def test_nul_surrogates_and_decomposed_letters_become_canonical(read) -> None:
    document = read("Cafe\u0301 \u200bNach\u00adnahme\u00a05\u202f€", "text/plain", "a.txt")
    assert document.text == "Café Nachnahme 5 €"


def test_plain_text_headings_lists_and_paragraphs_are_found(read) -> None:
    document = read(
        "VERTRAG\n\nKapitel 2 Pflichten\n\n§ 5 Miete\n\nDie Miete\nist fällig.\n\n"
        "- eins\n- zwei\n  geht weiter\n\nAnhang\n======\n\nEnde.",
        "text/plain",
        "v.txt",
    )
    assert kinds(document) == [
        ("heading", "VERTRAG"),
        ("heading", "Kapitel 2 Pflichten"),
        ("heading", "§ 5 Miete"),
        ("paragraph", "Die Miete\nist fällig."),
        ("list_item", "- eins"),
        ("list_item", "- zwei\ngeht weiter"),
        ("heading", "Anhang"),
        ("paragraph", "Ende."),
    ]
    assert document.blocks[3].heading_path == ("VERTRAG", "Kapitel 2 Pflichten", "§ 5 Miete")
    assert document.blocks[7].heading_path == ("Anhang",)
    assert document.title == "VERTRAG"


@pytest.mark.parametrize("content", [b"", b"  \n\n ", b"\n"])
def test_an_empty_text_file_is_refused_by_name(read, content: bytes) -> None:
    with pytest.raises(InvalidError, match=r"“leer\.txt” is empty"):
        read(content, "text/plain", "leer.txt")


def test_binary_data_named_as_text_is_refused(read) -> None:
    with pytest.raises(InvalidError, match="holds binary data"):
        read(b"MZ\x00\x01\x02" * 40, "text/plain", "a.txt")


MARKDOWN = """---
title: "Handbuch"
---
# Erster *Teil*

Ein **fetter** Satz mit [Verweis](http://x.test) und `code`.
Weiter & mehr.

1. eins
2. zwei
   - innen

> Zitat

```python
x = 1
y = 2
```

| Name | Wert |
|------|------|
| A    | `1`  |
| B\\|C |      |

<!-- weg --><p>Roh &amp; gut</p>

## Zweiter Teil

![Bild](b.png)
"""


def test_markdown_keeps_words_and_structure_and_drops_the_signs(read) -> None:
    document = read(MARKDOWN, "text/markdown", "h.md")
    assert kinds(document) == [
        ("heading", "Erster Teil"),
        ("paragraph", "Ein fetter Satz mit Verweis und code. Weiter & mehr."),
        ("list_item", "1. eins"),
        ("list_item", "2. zwei"),
        ("list_item", "- innen"),
        ("quote", "Zitat"),
        ("code", "x = 1\ny = 2"),
        ("table", "Name | Wert\nA | 1\nB|C |"),
        ("paragraph", "Roh & gut"),
        ("heading", "Zweiter Teil"),
        ("paragraph", "Bild"),
    ]
    assert document.title == "Handbuch"
    assert [b.level for b in document.blocks][2:5] == [0, 0, 1]
    assert document.blocks[-1].heading_path == ("Erster Teil", "Zweiter Teil")


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_csv_with_any_separator_is_one_table_with_a_header(read, separator: str) -> None:
    rows = [["Name", "Ort", "Betrag"], ["Müller", "Köln", '"1 200"'], ["Ay", "", "7"]]
    content = "\n".join(separator.join(row) for row in rows).encode("cp1252")
    document = read(content, "text/csv", "kunden.csv")
    (table,) = document.tables
    assert (table.row_count, table.column_count) == (3, 3)
    assert document.text.split("\n")[1] == "Müller | Köln | 1 200"
    header = [document.text[c.start : c.end] for c in table.cells if c.is_header]
    assert header == ["Name", "Ort", "Betrag"]
    assert document.title == "kunden"


def test_a_csv_field_may_hold_separators_and_line_breaks(read) -> None:
    document = read('a,b\n"x, y","one\ntwo"\n', "text/csv", "a.csv")
    assert document.text == "a | b\nx, y | one two"


def test_a_table_of_more_than_a_million_cells_is_too_large(read) -> None:
    with pytest.raises(TooLargeError, match="1,000,000 cells"):
        read("1,2,3,4,5,6,7,8,9,10\n" * 100_001, "text/csv", "big.csv")


def test_an_unclosed_giant_csv_field_is_a_broken_file(read) -> None:
    with pytest.raises(InvalidError, match="cannot be read as CSV"):
        read('a,b\n"' + "x" * 1_100_000, "text/csv", "a.csv")
