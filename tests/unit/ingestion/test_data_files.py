"""Data, markup and archives: their structure is kept, their traps are not walked into."""

from __future__ import annotations

import io
import zipfile

import pytest

from shared.ingestion.model import ParsedDocument
from shared.ingestion.parsers import attachments
from shared.kernel.errors import InvalidError
from tests.unit.ingestion.specimens import zipped

JSON, XML, RTF, RST, ZIP = (
    "application/json", "application/xml", "application/rtf", "text/x-rst", "application/zip",
)  # fmt: skip


def words(document: ParsedDocument) -> list[tuple[str, str]]:
    return [(b.kind, document.text[b.start : b.end]) for b in document.blocks]


def test_records_are_a_table_and_objects_are_sections(read) -> None:
    data = """{"title": "Bestand", "leer": null, "lager": [
        {"art": "Schraube", "menge": 5, "farben": ["rot", "blau"]}, {"art": "Mutter", "menge": 7}],
        "ort": {"stadt": "Köln", "offen": true}}"""
    document = read(data, JSON, "a.json")
    assert words(document) == [
        ("paragraph", "title: Bestand"),
        ("heading", "lager"),
        ("table", "art | menge | farben\nSchraube | 5 | rot, blau\nMutter | 7 |"),
        ("heading", "ort"),
        ("paragraph", "stadt: Köln\noffen: true"),
    ]
    assert document.title == "Bestand"


def test_one_value_per_line_is_a_list_of_records(read) -> None:
    document = read('{"a": 1, "b": "x"}\n\n{"a": 2, "b": "y"}\n', JSON, "a.jsonl")
    assert words(document) == [("table", "a | b\n1 | x\n2 | y")]


def test_broken_json_is_told_with_its_place(read) -> None:
    with pytest.raises(InvalidError, match="line 2, column 3"):
        read('{"a": 1,\n  b: 2}', JSON, "a.json")


def test_json_nested_absurdly_deep_does_not_kill(read) -> None:
    with pytest.raises((InvalidError, RecursionError)):
        read("[" * 200_000 + "]" * 200_000, JSON, "a.json")


def test_xml_records_are_a_table_and_marked_words_stay_in_their_sentence(read) -> None:
    data = """<?xml version="1.0"?><katalog stand="2024"><title>Bücher</title>
        <buch id="b1"><autor>Eva</autor><preis>5.00</preis></buch>
        <buch id="b2"><autor>Adam</autor><preis>7.00</preis></buch>
        <hinweis>Ein <b>fetter</b> Text.</hinweis>
        <eigner><name>Bibliothek</name><ort><stadt>Köln</stadt></ort></eigner></katalog>"""
    document = read(data, XML, "a.xml")
    assert words(document) == [
        ("paragraph", "stand: 2024"),
        ("paragraph", "title: Bücher"),
        ("heading", "buch"),
        ("table", "id | autor | preis\nb1 | Eva | 5.00\nb2 | Adam | 7.00"),
        ("paragraph", "Ein fetter Text."),
        ("heading", "Bibliothek"),
        ("paragraph", "name: Bibliothek"),
        ("heading", "ort"),
        ("paragraph", "stadt: Köln"),
    ]
    assert document.title == "Bücher"


@pytest.mark.parametrize(
    "trap",
    [
        '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
        '<!DOCTYPE a [<!ENTITY x "ha"><!ENTITY y "&x;&x;&x;">]><a>&y;</a>',
        '<!DOCTYPE a [<!ENTITY % x SYSTEM "http://127.0.0.1:9/x.dtd"> %x;]><a>b</a>',
    ],
)
def test_entities_are_refused_not_expanded(read, trap: str) -> None:
    with pytest.raises(InvalidError, match="entities"):
        read(trap, XML, "a.xml")


def test_xml_nested_absurdly_deep_is_refused(read) -> None:
    with pytest.raises(InvalidError, match=r"nested too deeply|not well-formed"):
        read("<a>" * 5000 + "x" + "</a>" * 5000, XML, "a.xml")


RICH = r"""{\rtf1\ansi\ansicpg1252\deff0{\fonttbl{\f0 Times;}{\f1\fcharset204 Arial CYR;}}
{\stylesheet{\s0 Normal;}{\s1\b heading 1;}}{\info{\title Vertrag}{\author Eva}}
{\header Kopfzeile}\pard\plain\s1 Mietvertrag \'fcber Wohnraum\par
\pard Dies ist \b fett\b0 . Euro: \u8364?5, \f1\'cf\'f0\f0  Fu\'df\par
{\field{\*\fldinst HYPERLINK "https://example.org/x"}{\fldrslt Link hier}} und{\footnote Eine
 Note.}\par
{\pard {\listtext\bullet\tab}Erstens\par}{\pard {\listtext 2.\tab}Zweitens\par}
\trowd\clmgf\cellx100\clmrg\cellx200\intbl Posten\cell\cell\row
\trowd\cellx100\cellx200\intbl Miete\cell 780\cell\row
\pard {\deleted weg }sichtbar{\v geheim}.{\pict\wmetafile8 0102}{\*\unknown nie}\par}"""


def test_rich_text_keeps_headings_lists_tables_links_and_notes(read) -> None:
    document = read(RICH, RTF, "a.rtf")
    assert words(document) == [
        ("heading", "Mietvertrag über Wohnraum"),
        ("paragraph", "Dies ist fett. Euro: €5, Пр Fuß"),
        ("paragraph", "Link hier und"),
        ("list_item", "- Erstens"),
        ("list_item", "2. Zweitens"),
        ("table", "Posten\nMiete | 780"),
        ("paragraph", "sichtbar."),
        ("footnote", "Eine Note."),
    ]
    assert (document.title, document.metadata["author"]) == ("Vertrag", "Eva")
    (link,) = document.links
    assert (document.text[link.start : link.end], link.target) == (
        "Link hier", "https://example.org/x",
    )  # fmt: skip
    assert document.tables[0].cells[0].column_span == 2


def test_rich_text_of_nothing_but_groups_ends(read) -> None:
    with pytest.raises(InvalidError, match="holds no text"):
        read("{\\rtf1" + "{" * 100_000, RTF, "a.rtf")


def test_restructured_text_inserts_no_file_and_nothing_raw(read, tmp_path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("streng geheim", "utf-8")
    data = (
        f"Titel\n=====\n\nText mit :ref:`Verweis <ziel>` und `Link <https://example.org>`__.\n\n"
        f".. include:: {secret}\n\n.. raw:: html\n\n   <script>x</script>\n\n"
        f".. csv-table:: Kosten\n   :file: {secret}\n\n.. note:: Gut zu wissen.\n\n"
        "#. Eins\n#. Zwei\n\n   - tief\n\n::\n\n   code  hier\n"
    )
    document = read(data, RST, "a.rst")
    assert words(document) == [
        ("heading", "Titel"),
        ("paragraph", "Text mit Verweis und Link."),
        ("paragraph", "Note: Gut zu wissen."),
        ("list_item", "1. Eins"),
        ("list_item", "2. Zwei"),
        ("list_item", "- tief"),
        ("code", "code  hier"),
    ]
    assert [link.target for link in document.links] == ["https://example.org"]


def test_latex_and_asciidoc_read_no_other_file(read, tmp_path) -> None:
    (tmp_path / "secret.tex").write_text("streng geheim", "utf-8")
    (tmp_path / "secret.adoc").write_text("streng geheim", "utf-8")
    place = tmp_path / "secret"
    latex = f"\\documentclass{{article}}\\begin{{document}}Text \\input{{{place}}}\\end{{document}}"
    assert "geheim" not in read(latex, "application/x-latex", "a.tex").text
    adoc = f"= Titel\n\nText.\n\ninclude::{place}.adoc[]\n"
    assert "streng" not in read(adoc, "text/asciidoc", "a.adoc").text


SPOKEN = """WEBVTT - Gespräch

NOTE nicht gesprochen

00:01.000 --> 00:02.000
<v Eva>Guten <i>Tag</i> &amp; hallo

00:02.100 --> 00:03.000
<v Eva>zusammen.

00:03.000 --> 00:04.000
<v Adam>Danke.

01:00:09.000 --> 01:00:10.500
<v Adam>Weiter.
"""


def test_subtitles_join_what_one_person_says_and_know_the_time(read) -> None:
    document = read(SPOKEN, "text/vtt", "a.vtt")
    assert words(document) == [
        ("paragraph", "Eva: Guten Tag & hallo zusammen."),
        ("paragraph", "Adam: Danke."),
        ("paragraph", "Weiter."),
    ]
    assert [link.target for link in document.links] == ["#t=1", "#t=3", "#t=3609"]
    assert (document.title, document.metadata["duration"]) == ("Gespräch", "01:00:10")


def test_subtitles_without_a_cue_are_refused(read) -> None:
    with pytest.raises(InvalidError, match="holds no subtitles"):
        read("WEBVTT\n\nnichts", "text/vtt", "a.vtt")


def names(document: ParsedDocument) -> list[str]:
    return [attachment.name for attachment in document.attachments]


def test_an_archive_lists_its_members_and_takes_them_out(read, tmp_path) -> None:
    data = zipped(
        {"a/b.txt": "eins", "a/B.txt": "zwei", "leer.txt": "", "__MACOSX/a/._b.txt": "x",
         "a/.DS_Store": "x"}
    )  # fmt: skip
    document = read(data, ZIP, "paket.zip")
    assert words(document) == [
        ("heading", "paket.zip"),
        ("table", "File | Size\na/b.txt | 4 bytes\na/B.txt | 4 bytes\nleer.txt | 0 bytes"),
    ]
    assert names(document) == ["a/b.txt", "a/B (2).txt"]
    kept = [(tmp_path / "files" / a.file).read_bytes() for a in document.attachments]
    assert kept == [b"eins", b"zwei"]


def test_members_with_a_password_or_damage_are_named_in_a_warning(read) -> None:
    data = bytearray(zipped({"gut.txt": "gut", "geheim.txt": "geheim", "kaputt.txt": "kaputt"}))
    with zipfile.ZipFile(io.BytesIO(bytes(data))) as archive:
        sealed, broken = archive.getinfo("geheim.txt"), archive.getinfo("kaputt.txt")
    data[sealed.header_offset + 6] |= 1
    data[data.index(b"geheim.txt", archive.start_dir) - 46 + 8] |= 1
    place = data.index(b"kaputt", broken.header_offset + 30 + len("kaputt.txt"))
    data[place] ^= 0xFF
    document = read(bytes(data), ZIP, "paket.zip")
    assert names(document) == ["gut.txt"]
    assert document.warnings == (
        "“geheim.txt” is protected by a password and could not be opened.",
        "“kaputt.txt” is damaged and could not be unpacked.",
    )


def test_more_members_than_the_limit_are_counted(read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attachments, "MAX_ATTACHMENTS", 2)
    document = read(zipped({f"{n}.txt": "x" for n in range(5)}), ZIP, "paket.zip")
    assert len(document.attachments) == 2
    assert document.warnings[0].startswith("3 of the files inside were left out")


def test_members_past_the_size_limit_are_left_out(read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attachments, "MAX_BYTES", 10)
    document = read(zipped({"a.txt": "x" * 8, "b.txt": "x" * 8, "c.txt": "x"}), ZIP, "p.zip")
    assert names(document) == ["a.txt", "c.txt"]
    assert len(document.warnings) == 1


def test_an_empty_archive_says_so(read) -> None:
    with pytest.raises(InvalidError, match="empty archive"):
        read(zipped({}), ZIP, "leer.zip")
