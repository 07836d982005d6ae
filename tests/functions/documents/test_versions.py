"""Versions over HTTP: gone back to without reading again, compared, downloaded, looked at."""

from __future__ import annotations

import dataclasses
import gzip
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from shared.documents import service as documents
from shared.documents.model import derived_prefix
from shared.identity.model import Principal
from shared.ingestion.derived import load_document
from shared.ingestion.model import Figure, PageFacts
from shared.ingestion.serialization import document_to_json
from shared.kernel.ids import DocumentId, TenantId
from shared.wiring import App
from tests.functions.documents.conftest import Ask
from tests.functions.pipeline import Pipeline

OLD = "# Lease\n\nThe lease of the garden ends on 31 December 2026.\n\nThe hedge is cut in May.\n"
NEW = OLD.replace("2026", "2031") + "\nDogs are welcome in the garden.\n"
QUESTION = "When does the lease of the garden end?"


@pytest.fixture
def document(pipeline: Pipeline) -> DocumentId:
    """A document with two versions."""
    first = pipeline.put(OLD)
    assert pipeline.put(NEW, document_id=first) == first
    return first


def test_going_back_changes_what_is_found_without_reading_or_embedding_again(
    ask: Ask, pipeline: Pipeline, document: DocumentId
) -> None:
    assert "2031" in pipeline.find(QUESTION)[0]
    embedded = len(pipeline.embedded)
    answer = ask("POST", f"/documents/{document}/versions/1/restore")
    assert (answer.status, answer.body["number"], answer.body["stage"]) == (202, 1, "uploaded")
    assert "2031" in pipeline.find(QUESTION)[0], "the former one answers until then"
    pipeline.run()
    assert "2026" in pipeline.find(QUESTION)[0]
    assert not any("2031" in text for text in pipeline.find(QUESTION))
    assert len(pipeline.embedded) == embedded
    shown = ask("GET", f"/documents/{document}").body
    assert (shown["version"], shown["current_version"], shown["stage"]) == (1, 1, "completed")
    assert ask("GET", f"/documents/{document}/versions").body["current"] == 1
    again = ask("POST", f"/documents/{document}/versions/1/restore")
    assert (again.status, again.body["stage"]) == (202, "completed")
    assert pipeline.tasks() == []


def test_a_newer_upload_replaces_a_version_that_was_gone_back_to(
    ask: Ask, pipeline: Pipeline, document: DocumentId
) -> None:
    ask("POST", f"/documents/{document}/versions/1/restore")
    pipeline.run()
    pipeline.put(OLD.replace("2026", "2040"), document_id=document)
    assert "2040" in pipeline.find(QUESTION)[0]
    assert ask("GET", f"/documents/{document}").body["current_version"] == 3


@pytest.mark.parametrize("lost", ["vectors/", "chunks.json.gz", "document.json.gz"])
def test_what_is_lost_in_storage_is_made_again(
    ask: Ask, pipeline: Pipeline, document: DocumentId, desk: App, tenant: TenantId, lost: str
) -> None:
    with desk.database.transaction(tenant) as session:
        version = documents.find_version_number(session, document, 1)
    desk.objects.remove(derived_prefix(tenant, version.id) + lost)
    embedded = len(pipeline.embedded)
    ask("POST", f"/documents/{document}/versions/1/restore")
    pipeline.run()
    assert "2026" in pipeline.find(QUESTION)[0]
    # Its words were embedded before: the memory has them, and nothing is computed again.
    assert len(pipeline.embedded) == embedded
    assert list(desk.objects.list(derived_prefix(tenant, version.id) + lost))


def test_vectors_of_another_model_are_made_again(
    ask: Ask, pipeline: Pipeline, document: DocumentId, desk: App, tenant: TenantId
) -> None:
    with desk.database.transaction(tenant) as session:
        version = documents.find_version_number(session, document, 1)
    prefix = f"{derived_prefix(tenant, version.id)}vectors/"
    for info in list(desk.objects.list(prefix)):
        other = info.key.replace("all-MiniLM-L6-v2@", "another@")
        assert other != info.key
        desk.objects.copy(info.key, other)
        desk.objects.remove(info.key)
    ask("POST", f"/documents/{document}/versions/1/restore")
    pipeline.run()
    assert "2026" in pipeline.find(QUESTION)[0]
    assert any("/all-MiniLM-L6-v2@" in info.key for info in desk.objects.list(prefix))


def test_the_bytes_of_an_earlier_version_bring_it_back(
    pipeline: Pipeline, document: DocumentId
) -> None:
    job = pipeline.job(pipeline.send(OLD, document_id=document))
    assert job.detail == "Back to version 1, which has the same content."
    assert (job.stage, job.document_id) == ("completed", document)
    pipeline.run()
    assert "2026" in pipeline.find(QUESTION)[0]


def test_versions_say_how_they_were_read(ask: Ask, document: DocumentId) -> None:
    listed = ask("GET", f"/documents/{document}/versions").body
    assert [version["number"] for version in listed["items"]] == [2, 1]
    assert listed["current"] == 2
    newest = listed["items"][0]
    assert len(newest["sha256"]) == 64
    assert newest["embedding_model"] == "all-MiniLM-L6-v2"
    assert newest["parser"].startswith("markdown")


def test_a_difference_is_told_by_blocks_and_words(ask: Ask, document: DocumentId) -> None:
    query = {"old": "1", "new": "2"}
    found = ask("GET", f"/documents/{document}/diff", query=query).body
    assert (found["added"], found["removed"], found["changed"]) == (1, 0, 1)
    changed, added = found["changes"]
    words = [(piece["kind"], piece["text"]) for piece in changed["pieces"]]
    assert words == [
        ("equal", "The lease of the garden ends on 31 December "),
        ("removed", "2026"),
        ("added", "2031"),
        ("equal", "."),
    ]
    assert changed["heading_path"] == ["Lease"]
    assert added["pieces"][0]["text"] == "Dogs are welcome in the garden."
    assert 0.5 < found["similarity"] < 1
    cut = ask("GET", f"/documents/{document}/diff", query={**query, "limit": "1"}).body
    assert (len(cut["changes"]), cut["is_cut"]) == (1, True)
    lines = ask("GET", f"/documents/{document}/diff", query={**query, "form": "unified"}).body
    assert "-The lease of the garden ends on 31 December 2026." in lines["unified"]
    assert lines["unified"].startswith("--- version 1\n+++ version 2\n")
    same = ask("GET", f"/documents/{document}/diff", query={"old": "2", "new": "2"}).body
    assert (same["changes"], same["similarity"]) == ([], 1.0)


def test_any_version_is_downloaded_as_it_came_or_as_text(ask: Ask, document: DocumentId) -> None:
    path = f"/documents/{document}/download"
    for number, wanted in (("1", OLD), ("2", NEW), ("0", NEW)):
        address = ask("GET", path, query={"version": number}).body
        assert httpx.get(address["url"]).text == wanted
    address = ask("GET", path, query={"version": "1", "form": "text"}).body
    assert parse_qs(urlsplit(address["url"]).query)["X-Amz-Expires"] == [str(address["expires_in"])]
    fetched = httpx.get(address["url"])
    text = ask("GET", f"/documents/{document}/versions/1/text").body["text"]
    assert fetched.text == text
    assert 'filename="lease.txt"' in fetched.headers["content-disposition"]
    address = ask("GET", path, query={"version": "1", "form": "markdown"}).body
    assert httpx.get(address["url"]).text == OLD
    assert ask("GET", path, query={"version": "3"}).status == 404
    assert ask("GET", path, query={"form": "pdf"}).status == 422


def test_pages_figures_and_pictures_are_shown(
    ask: Ask, document: DocumentId, desk: App, tenant: TenantId
) -> None:
    with desk.database.transaction(tenant) as session:
        version = documents.find_version_number(session, document, 2)
    prefix = derived_prefix(tenant, version.id)
    parsed = load_document(desk.objects, tenant, version.id)
    with_pages = dataclasses.replace(
        parsed,
        pages=(PageFacts(1, 595.0, 842.0), PageFacts(2, 595.0, 842.0, confidence=0.91)),
        figures=(Figure("fig1.png", "image/png", 20, 10, page=1, x1=5.0, y1=5.0, block=1),),
    )
    body = gzip.compress(document_to_json(with_pages).encode())
    desk.objects.put(f"{prefix}document.json.gz", body)
    desk.objects.put(f"{prefix}pages/0001.webp", b"page one")
    desk.objects.put(f"{prefix}thumbnail.webp", b"small")
    desk.objects.put(f"{prefix}files/fig1.png", b"figure")
    base = f"/documents/{document}/versions/2"
    pages = ask("GET", f"{base}/pages").body["items"]
    assert [(p["number"], p["confidence"], p["has_image"]) for p in pages] == [
        (1, None, True), (2, 0.91, False),
    ]  # fmt: skip
    fetched = httpx.get(ask("GET", f"{base}/pages/1/image").body["url"])
    assert (fetched.content, fetched.headers["content-type"]) == (b"page one", "image/webp")
    assert httpx.get(ask("GET", f"{base}/thumbnail").body["url"]).content == b"small"
    (figure,) = ask("GET", f"{base}/figures").body["items"]
    assert httpx.get(figure["url"]).content == b"figure"
    assert figure["box"] == [0, 0, 5, 5]
    assert figure["caption"].startswith("The lease")
    none = ask("GET", f"/documents/{document}/versions/1/thumbnail")
    assert none.status == 404
    assert none.body["detail"] == "There is no thumbnail: its format has no pages."
    assert ask("GET", f"{base}/pages/0/image").status == 404


def test_versions_are_closed_to_others(
    ask: Ask, document: DocumentId, stranger: Principal, viewer: Principal
) -> None:
    base = f"/documents/{document}"
    for path in (
        "/versions", "/versions/1/text", "/versions/1/pages", "/versions/1/thumbnail",
        "/versions/1/figures", "/versions/1/pages/1/image", "/download",
    ):  # fmt: skip
        assert ask("GET", base + path, principal=stranger).status == 404, path
        assert ask("GET", base + path, principal=None).status == 401, path
    query = {"old": "1", "new": "2"}
    assert ask("GET", f"{base}/diff", query=query, principal=stranger).status == 404
    assert ask("GET", f"{base}/diff", query=query, principal=viewer).status == 200
    restore = f"{base}/versions/1/restore"
    assert ask("POST", restore, principal=stranger).status == 404
    assert ask("POST", restore, principal=viewer).status == 403
    assert ask("POST", f"{base}/versions/9/restore").status == 404
