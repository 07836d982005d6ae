"""A citation shows its page, its exact words and what became of its document."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from shared.documents import service as documents
from shared.identity.model import Principal
from shared.kernel.ids import DocumentId, UserId, new_id
from shared.wiring import App
from tests.functions.conversations.conftest import Ask, Say
from tests.functions.pipeline import Pipeline

FIXTURE = Path(__file__).parents[2] / "fixtures" / "documents" / "rental-agreement.pdf"
TEXT = "# Lease\n\nRents differ by town.\n\nThe rent is {rent} euros a month.\n\nIt is due early.\n"


@pytest.fixture
def document(pipeline: Pipeline) -> DocumentId:
    return pipeline.put(TEXT.format(rent=850), "lease.md", folder="flat")


def cited(say: Say) -> str:
    return str(say("How high is the rent?").citations[0].id)


def test_a_quote_is_shown_among_its_words(ask: Ask, say: Say, document: DocumentId) -> None:
    body = ask("GET", f"/citations/{cited(say)}").body
    assert "850 euros" in body["quote"]
    assert body["is_exact"]
    assert body["before"].endswith("Rents differ by town.\n\n")
    assert "It is due early." in body["after"]
    assert body["image"] is None
    assert body["document"] == {
        "state": "current", "title": "lease", "cited_title": "lease", "folder": "flat",
        "is_renamed": False, "cited_version": 1, "current_version": 1,
    }  # fmt: skip


def test_a_quote_stays_exact_when_a_newer_version_says_otherwise(
    ask: Ask, say: Say, pipeline: Pipeline, document: DocumentId
) -> None:
    citation = cited(say)
    pipeline.put(TEXT.format(rent=900), "lease.md", folder="flat", on_conflict="version")
    body = ask("GET", f"/citations/{citation}").body
    assert body["document"]["state"] == "superseded"
    assert (body["document"]["cited_version"], body["document"]["current_version"]) == (1, 2)
    assert "850 euros" in body["quote"]
    assert body["is_exact"]


def test_of_a_removed_document_only_the_quote_is_shown(
    ask: Ask, say: Say, desk: App, editor: Principal, document: DocumentId
) -> None:
    citation = cited(say)
    with desk.database.transaction(editor.tenant_id) as session:
        documents.remove_document(session, document, removed_by=editor.user_id)
    body = ask("GET", f"/citations/{citation}").body
    assert body["document"]["state"] == "removed"
    assert "850 euros" in body["quote"]
    assert (body["before"], body["after"], body["is_exact"]) == ("", "", False)


def test_of_an_erased_document_nothing_is_shown(
    ask: Ask, say: Say, desk: App, editor: Principal, document: DocumentId
) -> None:
    citation = cited(say)
    with desk.database.transaction(editor.tenant_id) as session:
        documents.remove_document(session, document, removed_by=editor.user_id)
    desk.erasure.erase(editor.tenant_id, document, erased_by=editor.user_id)
    body = ask("GET", f"/citations/{citation}").body
    assert body["document"]["state"] == "erased"
    assert body["is_erased"]
    assert (body["quote"], body["before"]) == ("", "")


def test_a_cited_page_comes_as_a_picture(ask: Ask, say: Say, pipeline: Pipeline) -> None:
    pipeline.put_as("application/pdf", FIXTURE.read_bytes(), "rental-agreement.pdf")
    answer = say("Wie hoch ist die Kaution?")
    assert answer.citations
    body = ask("GET", f"/citations/{answer.citations[0].id}").body
    assert body["is_exact"]
    assert body["image"]["page"] == body["page"]
    assert body["image"]["width"] > 100
    assert body["boxes"]
    picture = httpx.get(body["image"]["url"])
    assert picture.headers["content-type"] == "image/webp"
    assert picture.content[8:12] == b"WEBP"


def test_citations_are_closed_to_others(
    ask: Ask, say: Say, document: DocumentId, editor: Principal, stranger: Principal
) -> None:
    path = f"/citations/{cited(say)}"
    for principal in (stranger, replace(editor, user_id=UserId(new_id()))):
        assert ask("GET", path, principal=principal).status == 404
    assert ask("GET", path, principal=None).status == 401
