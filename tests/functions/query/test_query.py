"""Search through the whole handler, as API Gateway calls it."""

from __future__ import annotations

from uuid import UUID

import pytest

from shared.identity.model import Principal
from shared.inference.embedding import Embedder
from shared.kernel.ids import TenantId
from shared.wiring import App
from tests.functions.http_events import Answer, Handler, call
from tests.functions.library import caller, fill
from tests.unit.answering.library import LEASE, Shelf


@pytest.fixture
def shelf(served: App, tenant: TenantId, embedder: Embedder) -> Shelf:
    return fill(served, tenant, embedder)


@pytest.fixture
def handler(served: App) -> Handler:
    from functions.query.handler import handler

    return handler


def search(handler: Handler, principal: Principal | None, **body: object) -> Answer:
    return call(handler, "POST", "/api/v1/search", body=body, principal=principal)


def test_a_search_answers_passages_in_the_promised_shape(
    handler: Handler, shelf: Shelf, tenant: TenantId
) -> None:
    answer = search(handler, caller(tenant), query="Wie lang ist die Kündigungsfrist?", k=2)
    assert answer.status == 200
    assert answer.body["language"] == "de"
    assert answer.body["took_ms"] > 0
    assert len(answer.body["results"]) == 2
    hit = answer.body["results"][0]
    assert set(hit) == {
        "chunk_id", "document_id", "version_id", "title", "heading_path", "page", "boxes", "start",
        "end", "text", "score", "dense_score", "lexical_score", "highlights", "language",
        "media_type", "reading", "section_start", "section_end", "cells", "before", "after",
        "similarity", "also_in", "explanation",
    }  # fmt: skip
    assert hit["text"] == LEASE[hit["start"] : hit["end"]]
    start, end = hit["highlights"][0]
    assert hit["text"][start:end] == "Kündigungsfrist"
    assert hit["title"] == "Mietvertrag"


def test_filters_and_threshold_are_obeyed(handler: Handler, shelf: Shelf, tenant: TenantId) -> None:
    found = search(handler, caller(tenant), query="Miete", filters={"languages": ["en"]})
    assert {hit["title"] for hit in found.body["results"]} == {"Handbook"}
    found = search(handler, caller(tenant), query="Miete 850 Euro im Monat", threshold=0.9)
    assert len(found.body["results"]) == 1
    found = search(handler, caller(tenant), query="Miete", filters={"folder": "nowhere"})
    assert found.body["results"] == []


def test_other_tenants_find_nothing(handler: Handler, shelf: Shelf, other_tenant: TenantId) -> None:
    answer = search(handler, caller(other_tenant), query="Kündigungsfrist")
    assert (answer.status, answer.body["results"]) == (200, [])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "query"),
        ({"query": " "}, "query"),
        ({"query": "x" * 4001}, "query"),
        ({"query": "a", "k": 101}, "k"),
        ({"query": "a", "threshold": 2}, "threshold"),
        ({"query": "a", "filters": {"document_ids": ["1"]}}, "filters.document_ids.0"),
        ({"query": "a", "filters": {"languages": ["fr"]}}, "filters.languages"),
        ({"query": "a", "filters": {"owner": "x"}}, "filters.owner"),
        ({"query": "a", "filters": {"kinds": ["song"]}}, "filters.kinds"),
        ({"query": "a", "filters": {"version_ids": [str(UUID(int=1))]}}, "filters.version_ids"),
        ({"query": "a", "facets": ["colour"]}, "facets"),
        ({"query": "a", "limit": 3}, "limit"),
    ],
)
def test_wrong_requests_name_the_field(
    handler: Handler, shelf: Shelf, tenant: TenantId, body: dict[str, object], field: str
) -> None:
    answer = search(handler, caller(tenant), **body)
    assert answer.status == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert list(answer.body["fields"]) == [field]


def test_strangers_and_guests_are_turned_away(
    handler: Handler, served: App, tenant: TenantId
) -> None:
    assert search(handler, None, query="a").status == 401
    assert search(handler, caller(tenant, role="guest"), query="a").status == 403


def test_pages_follow_their_cursor(handler: Handler, shelf: Shelf, tenant: TenantId) -> None:
    shown: list[str] = []
    cursor: str | None = None
    while True:
        answer = search(handler, caller(tenant), query="Miete notice", k=2, cursor=cursor)
        assert answer.status == 200
        shown += [hit["chunk_id"] for hit in answer.body["results"]]
        cursor = answer.body["next_cursor"]
        if cursor is None:
            break
    assert len(shown) == len(set(shown)) > 2
    answer = search(handler, caller(tenant), query="Miete", k=2)
    other = search(handler, caller(tenant), query="notice", k=2, cursor=answer.body["next_cursor"])
    assert (other.status, list(other.body["fields"])) == (422, ["cursor"])


def test_facets_come_when_asked_for(handler: Handler, shelf: Shelf, tenant: TenantId) -> None:
    assert search(handler, caller(tenant), query="Miete").body["facets"] is None
    answer = search(
        handler, caller(tenant), query="Kündigungsfrist", facets=["language", "folder"],
        filters={"languages": ["de"]},
    )  # fmt: skip
    facets = {each["name"]: each for each in answer.body["facets"]["facets"]}
    assert list(facets) == ["folder", "language"]
    german = {"value": "de", "label": "de", "document_count": 1}
    assert german in facets["language"]["values"]
    assert answer.body["facets"]["document_count"] == 1


def test_misspelt_words_are_asked_about(handler: Handler, shelf: Shelf, tenant: TenantId) -> None:
    answer = search(handler, caller(tenant), query="Kündigungsfirst")
    assert answer.body["did_you_mean"].startswith("Kündigungsfrist")
    assert search(handler, caller(tenant), query="Kündigungsfrist").body["did_you_mean"] == ""


def test_a_hit_explains_its_place_when_asked(
    handler: Handler, shelf: Shelf, tenant: TenantId
) -> None:
    plain = search(handler, caller(tenant), query="Kündigungsfrist")
    assert {hit["explanation"] for hit in plain.body["results"]} == {None}
    answer = search(handler, caller(tenant), query="Kündigungsfrist", explain=True)
    best = answer.body["results"][0]["explanation"]
    assert best["lexical_rank"] == 1
    assert "Kündigungsfrist".casefold() in {term["word"] for term in best["terms"]}


@pytest.mark.parametrize("name", ["none", "features"])
def test_a_result_is_judged_once_more_when_asked(
    handler: Handler, shelf: Shelf, tenant: TenantId, name: str
) -> None:
    answer = search(handler, caller(tenant), query="Kündigungsfrist der Miete", k=1, rerank=name)
    assert (answer.status, answer.body["reranker"], answer.body["warning"]) == (200, name, "")
    assert len(answer.body["results"]) == 1
    assert (answer.body["next_cursor"] is None) is (name == "features")


def test_a_reranker_that_cannot_work_says_why(
    handler: Handler, shelf: Shelf, tenant: TenantId
) -> None:
    unknown = search(handler, caller(tenant), query="a", rerank="colbert")
    assert (unknown.status, list(unknown.body["fields"])) == (422, ["rerank"])
    away = search(handler, caller(tenant), query="a", rerank="llm")
    assert away.status == 503
    assert "no language model is configured" in away.body["detail"]
    both = search(handler, caller(tenant), query="a", rerank="features", cursor="x")
    assert (both.status, list(both.body["fields"])) == (422, ["cursor"])
