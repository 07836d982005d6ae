"""Copies of a document do not crowd out what else there is to read."""

from __future__ import annotations

from shared.answering import service
from shared.answering.model import Instruments, Question
from shared.answering.passages import distinct
from shared.identity.model import Principal
from shared.search import service as search
from shared.search.model import SearchRequest
from tests.unit.answering.library import LEASE, Listener, Shelf

PART = (
    "(2) Bruchteile von Urlaubstagen, die mindestens einen halben Tag ergeben, sind auf volle"
    " Urlaubstage aufzurunden."
)
RULE = "Der Urlaub beträgt jährlich mindestens 24 Werktage."


def test_copies_in_other_formats_are_read_once_and_the_order_stays(
    tools: Instruments, principal: Principal, shelf: Shelf
) -> None:
    for number in range(5):
        shelf.put(f"{number}. {PART}", title=f"Gesetz {number}")
    shelf.put(RULE, title="Urlaub")
    with tools.database.transaction(principal.tenant_id) as session:
        request = SearchRequest(query="Wie viele Urlaubstage gibt es mindestens?", k=20)
        hits = search.find(session, tools.embedder, request).hits
    kept = distinct(hits, most=8)
    assert sum("Bruchteile" in hit.text for hit in hits) == 5
    assert sum("Bruchteile" in hit.text for hit in kept) == 1
    assert [hit for hit in hits if hit in kept] == list(kept)
    assert len(distinct(hits, most=2)) == 2
    assert distinct((), most=8) == ()


def test_an_answer_is_found_behind_many_copies_of_something_else(
    tools: Instruments, principal: Principal, shelf: Shelf
) -> None:
    for number in range(12):
        shelf.put(f"{number}. {PART}", title=f"Gesetz {number}")
    shelf.put(RULE, title="Urlaub")
    question = Question(text="Wie viele Urlaubstage hat man mindestens?")
    answer = service.ask(tools, principal, question, emit=Listener().emit)
    assert answer.citations[0].quote == RULE
    assert LEASE not in answer.text


def test_forms_that_differ_in_a_figure_and_longer_passages_are_no_copies(
    tools: Instruments, principal: Principal, shelf: Shelf
) -> None:
    said = "Die Wartung der Presse in Halle Nord kostet im laufenden Jahr genau {} Euro netto."
    shelf.put(said.format(101), title="Presse")
    shelf.put(said.format(102), title="Presse, später")
    shelf.put(f"{said.format(101)} Der Aufzug ist darin nicht enthalten.", title="Presse, ganz")
    with tools.database.transaction(principal.tenant_id) as session:
        request = SearchRequest(query="Was kostet die Wartung der Presse?", k=20)
        hits = search.find(session, tools.embedder, request).hits
    texts = {hit.text for hit in distinct(hits, most=8)}
    assert any("102" in text for text in texts)
    assert any("Aufzug" in text for text in texts)
