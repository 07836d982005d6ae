"""Suggestions and more like this, through the whole handler."""

from __future__ import annotations

from uuid import UUID

import pytest

from shared.identity.model import Principal
from shared.inference.embedding import Embedder
from shared.kernel.ids import TenantId
from shared.wiring import App
from tests.functions.http_events import Answer, Handler, call
from tests.functions.library import caller, fill
from tests.unit.answering.library import Shelf


@pytest.fixture
def shelf(served: App, tenant: TenantId, embedder: Embedder) -> Shelf:
    return fill(served, tenant, embedder)


@pytest.fixture
def handler(served: App) -> Handler:
    from functions.query.handler import handler

    return handler


def get(handler: Handler, path: str, principal: Principal, **query: str) -> Answer:
    return call(handler, "GET", f"/api/v1{path}", query=query, principal=principal)


def test_typing_suggests_titles_and_words(handler: Handler, shelf: Shelf, tenant: TenantId) -> None:
    answer = get(handler, "/suggest", caller(tenant), q="miet")
    first = answer.body["suggestions"][0]
    assert (first["kind"], first["text"], first["is_exact"]) == ("title", "Mietvertrag", True)
    assert UUID(first["document_id"])
    words = [each["text"] for each in answer.body["suggestions"] if each["kind"] == "word"]
    assert words
    assert all(word.casefold().startswith("miet") for word in words)


def test_suggestions_keep_to_tenant_folder_and_length(
    handler: Handler, shelf: Shelf, tenant: TenantId, other_tenant: TenantId
) -> None:
    assert get(handler, "/suggest", caller(other_tenant), q="miet").body == {"suggestions": []}
    found = get(handler, "/suggest", caller(tenant), q="miet", folder="nowhere")
    assert found.body == {"suggestions": []}
    assert len(get(handler, "/suggest", caller(tenant), q="miet", k="1").body["suggestions"]) == 1
    assert get(handler, "/suggest", caller(tenant), q="miet", k="11").status == 422
    assert get(handler, "/suggest", caller(tenant)).status == 422
    assert get(handler, "/suggest", caller(tenant, role="guest"), q="a").status == 403


def test_documents_like_a_document_a_passage_or_a_text(
    handler: Handler, shelf: Shelf, tenant: TenantId
) -> None:
    found = call(
        handler, "POST", "/api/v1/search", body={"query": "notice", "k": 1},
        principal=caller(tenant),
    )  # fmt: skip
    hit = found.body["results"][0]
    answer = get(handler, f"/documents/{hit['document_id']}/similar", caller(tenant))
    assert answer.status == 200
    assert hit["document_id"] not in {each["document_id"] for each in answer.body["results"]}
    for body in ({"text": "How long is the notice period?"}, {"chunk_ids": [hit["chunk_id"]]}):
        answer = call(handler, "POST", "/api/v1/similar", body=body, principal=caller(tenant))
        assert answer.status == 200, body
    assert answer.body["results"] == [] or answer.body["results"][0]["hit"]["text"]


def test_similar_wants_one_source_that_is_there(
    handler: Handler, shelf: Shelf, tenant: TenantId
) -> None:
    for body in ({}, {"text": "a", "chunk_ids": [str(UUID(int=1))]}):
        answer = call(handler, "POST", "/api/v1/similar", body=body, principal=caller(tenant))
        assert (answer.status, set(answer.body["fields"])) == (422, {"text", "chunk_ids"})
    assert get(handler, f"/documents/{UUID(int=1)}/similar", caller(tenant)).status == 404
