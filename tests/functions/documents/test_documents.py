"""Documents, folders, collections and jobs over HTTP."""

from __future__ import annotations

from uuid import uuid4

import pytest

from shared.audit import service as audit
from shared.identity.model import Principal
from shared.kernel.ids import DocumentId, TenantId
from shared.kernel.paging import encode_cursor
from shared.search.model import Filters
from shared.wiring import App
from tests.functions.documents.conftest import Ask
from tests.functions.pipeline import Pipeline

TEXT = "# Lease\n\nThe lease of the garden ends on 31 December 2026.\n"
QUESTION = "When does the lease of the garden end?"


@pytest.fixture
def document(pipeline: Pipeline) -> DocumentId:
    return pipeline.put(TEXT, folder="contracts/2026", metadata={"year": 2026})


def test_a_document_is_shown_with_versions_collections_and_facts(
    ask: Ask, document: DocumentId
) -> None:
    collection = ask("POST", "/collections", body={"name": "Board"}).body["id"]
    ids = {"document_ids": [str(document)]}
    assert ask("POST", f"/collections/{collection}/documents", body=ids).body == {"added": 1}
    body = ask("GET", f"/documents/{document}").body
    assert body["collections"] == [{"id": collection, "name": "Board"}]
    assert (body["title"], body["filename"], body["folder"]) == (
        "lease", "lease.md", "contracts/2026",
    )  # fmt: skip
    assert [version["number"] for version in body["versions"]] == [1]
    assert ask("GET", "/documents", query={"collection": collection}).body["items"][0]["id"] == str(
        document
    )


def test_a_document_is_renamed_moved_described_and_tagged(
    ask: Ask, document: DocumentId, pipeline: Pipeline, desk: App, tenant: TenantId
) -> None:
    change = {
        "title": "Garden lease",
        "folder": "archive",
        "metadata": {"year": None, "signed": True},
        "add_tags": ["Signed"],
    }
    body = ask("PATCH", f"/documents/{document}", body=change).body
    assert (body["title"], body["folder"]) == ("Garden lease", "archive")
    assert (body["metadata"], body["tags"]) == ({"signed": True}, ["signed"])
    assert ask("GET", "/tags").body["items"] == [{"tag": "signed", "document_count": 1}]
    assert ask("GET", "/documents", query={"tag": "other"}).body["items"] == []
    assert pipeline.find(QUESTION, Filters(folder="archive", tags=("signed",)))
    assert pipeline.find(QUESTION, Filters(folder="contracts")) == []
    assert pipeline.find(QUESTION, Filters(tags=("signed", "other"))) == []
    with desk.database.transaction(tenant) as session:
        (event,) = audit.list_events(session, action="document.changed").items
    assert event.details == {"fields": ["add_tags", "folder", "metadata", "title"]}


def test_search_looks_into_one_collection(
    ask: Ask, document: DocumentId, pipeline: Pipeline
) -> None:
    collection = ask("POST", "/collections", body={"name": "Board"}).body["id"]
    assert pipeline.find(QUESTION, Filters(collection=collection)) == []
    ids = {"document_ids": [str(document)]}
    ask("POST", f"/collections/{collection}/documents", body=ids)
    assert pipeline.find(QUESTION, Filters(collection=collection))
    path = f"/collections/{collection}/documents/{document}"
    assert ask("DELETE", path).status == 204
    assert ask("DELETE", path).status == 404
    assert pipeline.find(QUESTION, Filters(collection=collection)) == []


def test_a_folder_moves_with_everything_in_it(
    ask: Ask, document: DocumentId, pipeline: Pipeline
) -> None:
    folders = {f["path"]: f["id"] for f in ask("GET", "/folders").body["items"]}
    moved = ask("PATCH", f"/folders/{folders['contracts']}", body={"path": "archive/old"})
    assert (moved.status, moved.body["path"]) == (200, "archive/old")
    assert ask("GET", f"/documents/{document}").body["folder"] == "archive/old/2026"
    assert pipeline.find(QUESTION, Filters(folder="archive"))
    assert pipeline.find(QUESTION, Filters(folder="contracts")) == []
    taken = ask("PATCH", f"/folders/{folders['contracts/2026']}", body={"path": "archive"})
    assert taken.status == 409


def test_a_folder_goes_into_the_trash_with_everything_in_it(
    ask: Ask, pipeline: Pipeline, document: DocumentId
) -> None:
    for number in range(25):
        pipeline.send(f"Note {number}\n", f"{number}.txt", folder=f"contracts/{number % 3}")
    folders = {f["path"]: f["id"] for f in ask("GET", "/folders").body["items"]}
    path = f"/folders/{folders['contracts']}"
    assert ask("DELETE", path).status == 409
    gone = ask("DELETE", path, query={"recursive": "true"})
    assert gone.body == {"removed_documents": 26, "is_complete": True}
    assert ask("GET", "/folders").body["items"] == []
    assert pipeline.find(QUESTION) == []
    assert len(ask("GET", "/trash").body["items"]) == 26
    ask("POST", f"/trash/{document}/restore")
    assert ask("GET", f"/documents/{document}").body["folder"] == "contracts/2026"
    assert ask("DELETE", path, query={"recursive": "true"}).status == 404


def test_a_duplicate_says_where_its_original_is(
    ask: Ask, pipeline: Pipeline, document: DocumentId
) -> None:
    job_id = pipeline.send(TEXT, "copy.md", folder="inbox")
    job = ask("GET", f"/jobs/{job_id}").body
    assert job["detail"] == "Same content as “lease” in contracts/2026."
    assert job["duplicate_of"] == {
        "document_id": str(document),
        "title": "lease",
        "folder": "contracts/2026",
        "is_removed": False,
    }
    listed = ask("GET", "/jobs", query={"state": "all"}).body["items"]
    assert [j["duplicate_of"] is not None for j in listed] == [True, False]
    pipeline.put(TEXT + "\nMore.\n", document_id=document)
    old = pipeline.job(pipeline.send(TEXT, "copy.md"))
    assert old.detail.startswith("Same content as version 1 of “lease” in contracts/2026")


def test_a_file_of_the_same_name_becomes_the_next_version_when_asked(
    ask: Ask, pipeline: Pipeline, document: DocumentId
) -> None:
    text = TEXT.replace("2026", "2031")
    same = pipeline.put(text, folder="contracts/2026", on_conflict="version")
    assert same == document
    assert ask("GET", f"/documents/{document}").body["current_version"] == 2
    assert pipeline.put(text + "!", folder="contracts/2026") != document


def test_collections_are_made_listed_changed_and_removed(ask: Ask) -> None:
    made = ask("POST", "/collections", body={"name": "Board", "description": "Papers"})
    assert (made.status, made.body["document_count"]) == (201, 0)
    path = f"/collections/{made.body['id']}"
    assert ask("POST", "/collections", body={"name": "board"}).status == 409
    assert ask("PATCH", path, body={"name": "Board 2026"}).body["description"] == "Papers"
    assert [c["name"] for c in ask("GET", "/collections").body["items"]] == ["Board 2026"]
    assert ask("POST", f"{path}/documents", body={"document_ids": [str(uuid4())]}).status == 404
    assert ask("POST", f"{path}/documents", body={"document_ids": []}).status == 422
    assert ask("DELETE", path).status == 204
    assert ask("GET", path).status == 404


def test_other_tenants_and_viewers_are_turned_away(
    ask: Ask, document: DocumentId, stranger: Principal, viewer: Principal
) -> None:
    collection = ask("POST", "/collections", body={"name": "Board"}).body["id"]
    (top, _) = ask("GET", "/folders").body["items"]
    ids = {"document_ids": [str(document)]}
    writes: list[tuple[str, str, object]] = [
        ("PATCH", f"/documents/{document}", {"title": "x"}),
        ("DELETE", f"/documents/{document}", None),
        ("PATCH", f"/folders/{top['id']}", {"path": "x"}),
        ("DELETE", f"/folders/{top['id']}", None),
        ("PATCH", f"/collections/{collection}", {"name": "x"}),
        ("DELETE", f"/collections/{collection}", None),
        ("POST", f"/collections/{collection}/documents", ids),
        ("DELETE", f"/collections/{collection}/documents/{document}", None),
    ]
    for method, path, body in writes:
        assert ask(method, path, body=body, principal=stranger).status == 404, path
        assert ask(method, path, body=body, principal=viewer).status == 403, path
        assert ask(method, path, body=body, principal=None).status == 401, path
    for path in (f"/documents/{document}", f"/collections/{collection}"):
        assert ask("GET", path, principal=stranger).status == 404
        assert ask("GET", path, principal=viewer).status == 200
    for path in ("/documents", "/folders", "/collections", "/tags", "/jobs", "/trash"):
        assert ask("GET", path, principal=stranger).body["items"] == []
    assert ask("POST", "/collections", body={"name": "x"}, principal=viewer).status == 403


@pytest.mark.parametrize(
    "body",
    [
        {"colour": "red"},
        {"metadata": {"a": []}},
        {"metadata_mode": "guess"},
        {"tags": ["a,b"]},
        {"add_tags": "signed"},
        {"title": " "},
        {"folder": "a/../b"},
    ],
)
def test_changes_that_cannot_be_are_refused(
    ask: Ask, document: DocumentId, body: dict[str, object]
) -> None:
    assert ask("PATCH", f"/documents/{document}", body=body).status == 422


@pytest.mark.parametrize("path", ["/documents", "/folders", "/collections"])
@pytest.mark.parametrize(
    "cursor", ["x", encode_cursor("x"), encode_cursor("x", "y"), encode_cursor("a", "b", "c")]
)
def test_a_cursor_of_another_list_is_refused(ask: Ask, path: str, cursor: str) -> None:
    assert ask("GET", path, query={"cursor": cursor}).status == 422
