"""What is asked for letter by letter is found, and stands first."""

from __future__ import annotations

import pytest

from shared.kernel.ids import DocumentId
from shared.search import service
from shared.search.identifiers import find_exact
from shared.search.model import Filters, Hit, SearchRequest
from tests.unit.search.library import Library, chunk


def find(library: Library, query: str, **filters: object) -> list[Hit]:
    assert library.embedder is not None
    request = SearchRequest(query=query, k=5, filters=Filters(**filters))  # type: ignore[arg-type]
    with library.database.transaction(library.tenant) as session:
        return list(service.find(session, library.embedder, request).hits)


@pytest.mark.parametrize(
    ("query", "texts"),
    [
        ("§ 433 BGB", ["§ 433"]),
        ("Was steht in §§ 12a?", ["§ 12a"]),
        ("Art. 6 Abs. 1 DSGVO", ["Art. 6"]),
        ("Rechnung RE-2024-00123 bezahlt?", ["RE-2024-00123"]),
        ("re-2024-00123", ["re-2024-00123"]),
        ("INV/2024/77", ["INV/2024/77"]),
        ("who is max.mueller@acme-gmbh.de?", ["max.mueller@acme-gmbh.de"]),
        ("DE89 3704 0044 0532 0130 00", ["DE89370400440532013000"]),
        ("see https://acme.de/prices?x=1.", ["acme.de/prices?x=1"]),
        ("changes in v1.2.3 and 4.5.6", ["v1.2.3", "4.5.6"]),
        ('the phrase "force majeure" here', ["force majeure"]),
        ("„höhere  Gewalt“", ["höhere  Gewalt"]),
        ("customer 4711008", ["4711008"]),
        ("What happened in 1990 and the 1960s?", []),
        ("How many of the 3.5 million or 1.250,00 were 80-year-old?", []),
        ("from 10-15 to 2015-2016, 2015/16 at 12:30", []),
        ("on 12.03.2024, call 030/1234567", ["12.03.2024", "030/1234567"]),
        ("the 20th-century e-mail, mid-1990s, 1st", []),
        ('""', []),
        ("Wie hoch ist die Miete?", []),
    ],
)
def test_shapes_are_told_from_words(query: str, texts: list[str]) -> None:
    assert [exact.text for exact in find_exact(query)] == texts


def test_a_paragraph_is_found_by_its_heading_before_its_mentions(library: Library) -> None:
    for number in range(425, 445):
        library.add(
            [
                chunk(
                    f"Die Pflicht Nummer {number} des Käufers, auch nach § {number + 1}.",
                    language="de",
                    headings=("BGB", f"§ {number} Pflichten"),
                )
            ],
            title="BGB",
            language="de",
        )
    library.add_text("Das kostet 433 Euro. Käufer zahlen 433 Euro, je 433 Euro.", language="de")
    hits = find(library, "§ 433 BGB")
    assert hits[0].heading_path[-1] == "§ 433 Pflichten"
    assert "§ 433" in hits[1].text
    assert hits[0].score > hits[1].score > hits[2].score
    assert hits[0].score <= 1


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("Rechnung (RE-2024-00123) vom Mai.", "RE-2024-00123"),
        ("Rechnung (RE-2024-00123) vom Mai.", "Wo liegt die re-2024-00123?"),
        ("Schreiben Sie an Max.Mueller@acme-gmbh.de!", "max.mueller@acme-gmbh.de"),
        ("IBAN: DE89 3704 0044 0532 0130 00.", "DE89370400440532013000"),
        ("IBAN: DE89370400440532013000.", "DE89 3704 0044 0532 0130 00"),
        ("Siehe https://acme.de/preise?x=1.", "https://acme.de/preise?x=1"),
        ("Neu in v1.2.3: alles.", "v1.2.3"),
        ("Nach Artikel 6 Absatz 1 erlaubt.", "Art. 6"),
        ("Es war höhere\nGewalt im Spiel.", '"höhere Gewalt"'),
        ("Teil A.B*C(1)+2 ist aus.", '"A.B*C(1)+2"'),
    ],
)
def test_identifiers_are_found_however_they_are_written(
    library: Library, text: str, query: str
) -> None:
    wanted = library.add_text(text, language="de")
    for number in range(12):
        library.add_text(
            f"Rechnung RE-2024-0{number:04}0 von mueller@acme.de, Gewalt {number} höhere Art. 60,"
            f" v1.2.{number + 4}, DE{number}1 3704 0044 https://acme.de/preise",
            language="de",
        )
    hit = find(library, query)[0]
    assert hit.document_id == wanted
    assert hit.similarity == 1


def test_an_identifier_outside_the_filter_is_not_found(library: Library) -> None:
    library.add_text("Invoice INV-2024-77 is open.", media_type="application/pdf")
    other = library.add_text("Invoices are paid.")
    found = find(library, "INV-2024-77", media_types=("text/plain",))
    assert [hit.document_id for hit in found] == [other]


def test_an_identifier_of_another_tenant_is_not_found(
    library: Library, other_library: Library
) -> None:
    other_library.add_text("Invoice INV-2024-77 is open.")
    assert find(library, "INV-2024-77") == []


def test_a_title_is_a_field(library: Library) -> None:
    wanted: list[DocumentId] = [
        library.add_text("Die Parteien vereinbaren Folgendes.", language="de",
                         title="Mietvertrag_Müller-2024.pdf"),
    ]  # fmt: skip
    for name in ("Schmidt", "Maier", "Huber", "Vogel"):
        library.add_text(
            f"Die Parteien vereinbaren Folgendes mit {name}.", language="de", title=f"Brief {name}"
        )
    hits = find(library, "Mietvertrag Müller")
    assert hits[0].document_id == wanted[0]
    assert hits[0].lexical_score == 0, "only the title can have found it"
    assert [hit.document_id for hit in find(library, "mietvertraege mueller brief")] != []


def test_a_removed_documents_title_finds_nothing(library: Library, owner_url: str) -> None:
    import psycopg

    library.add_text("Inhalt.", title="Geheimplan")
    with psycopg.connect(owner_url) as connection:
        connection.execute("UPDATE kontor.documents SET removed_at = now()")
    assert find(library, "Geheimplan") == []
