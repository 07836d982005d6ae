"""A question about a table: the right row is found first, and its cell is cited."""

from __future__ import annotations

from functions.edge.asking import instruments_of
from shared.answering import conversations
from shared.answering import service as answering
from shared.answering.model import AnswerEvent, Question
from shared.identity.model import Principal
from shared.ingestion.intake import take_in
from shared.kernel.ids import TenantId
from shared.search import service as search
from shared.search.model import SearchRequest
from shared.wiring import App
from tests.functions.conftest import Uploader
from tests.functions.library import caller
from tests.functions.steps.test_steps import _run, _task

FRUITS = ["Apfel", "Birne", "Kirsche", "Pflaume", "Quitte", "Traube", "Feige", "Dattel"]
PRICES = "Sorte;2020;2021;2022\n" + "\n".join(
    f"{fruit} Klasse {grade};{n + 1},{grade}0 €;{n + 2},{grade}5 €;{n + 3},{grade}9 €"
    for n, fruit in enumerate(FRUITS)
    for grade in range(1, 8)
)


def _price(fruit: str, grade: int, year: int) -> str:
    line = next(line for line in PRICES.split("\n") if line.startswith(f"{fruit} Klasse {grade};"))
    return line.split(";")[year - 2019]


def _put(app: App, uploader: Uploader) -> None:
    arrival = uploader.send("preise.csv", PRICES.encode())
    take_in(app.database, app.objects, arrival, max_bytes=1 << 20)
    _run(app, _task(app, uploader.tenant))


def test_a_question_about_a_row_and_a_column_finds_the_row_and_cites_the_cell(
    wired: App, tenant: TenantId, uploader: Uploader
) -> None:
    _put(wired, uploader)
    question = "Was kostet Quitte Klasse 4 im Jahr 2021?"
    with wired.database.transaction(tenant) as session:
        result = search.find(session, wired.embedder, SearchRequest(query=question))
    assert len(result.hits) > 3
    best = result.hits[0]
    (cell,) = best.cells
    assert (cell.row_header, cell.column_header) == ("Quitte Klasse 4", "2021")
    assert cell.text == _price("Quitte", 4, 2021)

    principal: Principal = caller(tenant)
    said: list[AnswerEvent] = []
    answer = answering.ask(
        instruments_of(wired, tenant), principal, Question(text=question), emit=said.append
    )
    first = answer.citations[0]
    assert first.quote == _price("Quitte", 4, 2021)
    assert f"{first.quote} [1]" in answer.text
    assert [c["text"] for c in first.cells if c["is_asked"]] == [_price("Quitte", 4, 2021)]
    with wired.database.transaction(tenant) as session:
        kept = conversations.find_citation(session, principal, first.id)
    assert kept == first


def test_words_of_the_header_find_rows_that_lie_far_from_it(
    wired: App, tenant: TenantId, uploader: Uploader
) -> None:
    """The header stands in the first chunk only; the last one is found by it all the same."""
    _put(wired, uploader)
    with wired.database.transaction(tenant) as session:
        hits = search.find(session, wired.embedder, SearchRequest(query="Dattel Sorte 2022")).hits
    assert "Dattel" in hits[0].text
    assert "Sorte" not in hits[0].text
    assert hits[0].lexical_score > hits[-1].lexical_score
    assert {cell.column_header for cell in hits[0].cells} == {"2022"}
