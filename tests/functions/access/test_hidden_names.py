"""A name that is taken by something hidden answers as a free one does, wherever it is asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from shared.documents.folders import find_folder, find_home, make_folder
from shared.documents.trash import restore_document
from shared.kernel.context import working_on
from shared.kernel.errors import InvalidError
from shared.kernel.ids import DocumentId
from tests.functions.access.conftest import Firm
from tests.functions.http_events import Answer

# What is different in any two answers, whatever was asked.
OWN = {"id", "parent_id", "created_at", "updated_at", "job_id", "correlation_id"}
COUNTED = ("x-correlation-id", "ratelimit", "content-length")


@pytest.fixture
def hidden(firm: Firm) -> str:
    """Ada's folder ``plans/secret`` with a document, which nobody but her sees."""
    folder = firm.folder("ada", "plans/secret")
    firm.put("ada", b"a", "plans/secret")
    keep(firm, "ada", folder)
    return folder


def keep(firm: Firm, who: str, folder: str, *others: str) -> None:
    """Keep a folder to oneself and some others."""
    grants = [{"subject": f"{each}@acme.example", "level": "manage"} for each in (who, *others)]
    answer = firm.ask(who, "PUT", f"/api/v1/folders/{folder}/access", body={"grants": grants})
    assert answer.status == 200


def paths(firm: Firm, who: str) -> list[str]:
    return [each["path"] for each in firm.shelves(who, "GET", "/api/v1/folders").body["items"]]


def said(answer: Answer, name: str) -> tuple[Any, ...]:
    """Return all of an answer that does not stand for the one thing it is about."""
    body = {key: value for key, value in answer.body.items() if key not in OWN}
    headers = {key: value for key, value in answer.headers.items() if not key.startswith(COUNTED)}
    return answer.status, str(body).replace(name, "NAME"), headers


def restore(firm: Firm, who: str, document: str) -> None:
    """Take a document out of the trash as somebody; what is searched is another matter."""
    person = firm.people[who]
    with (
        working_on(correlation="t", tenant=str(firm.tenant), viewer=person.viewer),
        firm.app.database.transaction(firm.tenant) as session,
    ):
        restore_document(session, DocumentId(UUID(document)), restored_by=person.user_id)


def make(firm: Firm, name: str) -> Answer:
    return firm.shelves("bob", "POST", "/api/v1/folders", body={"path": f"plans/{name}"})


def make_below(firm: Firm, name: str) -> Answer:
    return firm.shelves("bob", "POST", "/api/v1/folders", body={"path": f"plans/{name}/x/y"})


def rename(firm: Firm, name: str) -> Answer:
    own = firm.folder("bob", f"plans/own-{name}")
    path = f"/api/v1/folders/{own}"
    return firm.shelves("bob", "PATCH", path, body={"path": f"plans/{name}"})


def move_document(firm: Firm, name: str) -> Answer:
    document = firm.put("bob", name.encode())
    path = f"/api/v1/documents/{document}"
    answer = firm.shelves("bob", "PATCH", path, body={"folder": f"plans/{name}"})
    assert answer.body.pop("versions")
    return answer


@pytest.mark.parametrize("act", [make, make_below, rename, move_document])
def test_hidden_name_answers_as_a_free_one(
    firm: Firm, hidden: str, act: Callable[[Firm, str], Answer]
) -> None:
    taken, free = act(firm, "secret"), act(firm, "unused")
    assert taken.status in {200, 201}
    assert said(taken, "secret") == said(free, "unused")
    assert hidden not in str(taken.body)


@pytest.fixture
def hidden_collection(firm: Firm) -> str:
    """Ada's collection ``secret``, which nobody but her sees."""
    made = firm.shelves("ada", "POST", "/api/v1/collections", body={"name": "Secret"}).body["id"]
    grants = {"grants": [{"subject": "ada@acme.example", "level": "manage"}]}
    path = f"/api/v1/collections/{made}/access"
    assert firm.ask("ada", "PUT", path, body=grants).status == 200
    return str(made)


def test_hidden_collections_name_answers_as_a_free_one(firm: Firm, hidden_collection: str) -> None:
    def make(name: str, who: str = "bob") -> Answer:
        return firm.shelves(who, "POST", "/api/v1/collections", body={"name": name})

    def rename(name: str) -> Answer:
        path = f"/api/v1/collections/{make(f'own {name}').body['id']}"
        return firm.shelves("bob", "PATCH", path, body={"name": name})

    first, free = make("secret"), make("other")
    assert (first.status, said(first, "secret")) == (201, said(free, "other"))
    gone = firm.shelves("bob", "DELETE", f"/api/v1/collections/{first.body['id']}")
    assert gone.status == 204
    assert said(rename("secret"), "secret") == said(rename("unused"), "unused")
    assert said(make("SECRET"), "SECRET") == said(make("UNUSED"), "UNUSED")
    assert make("SECRET").status == 409, "bob's own is in the way now"
    assert make("secret", "ada").status == 409
    path = f"/api/v1/collections/{hidden_collection}"
    assert firm.shelves("ada", "PATCH", path, body={"name": "sECRET"}).status == 200
    found: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        query = {"limit": "1", **({"cursor": cursor} if cursor else {})}
        page = firm.shelves("amy", "GET", "/api/v1/collections", query=query).body
        found += [each["name"] for each in page["items"]]
        cursor = page["next_cursor"]
    assert found == ["other", "sECRET", "secret", "unused"]


def test_the_same_name_again_is_the_same_folder(firm: Firm, hidden: str) -> None:
    first = make(firm, "secret").body["id"]
    assert make(firm, "secret").body["id"] == first != hidden
    assert paths(firm, "bob") == ["plans", "plans/secret"]
    assert firm.folder("ada", "plans/secret") == hidden, "to each their own"
    own = firm.put("bob", b"b", "plans/secret")
    assert firm.sight("bob") == {str(own)}
    deeper = firm.shelves("bob", "POST", "/api/v1/folders", body={"path": "plans/secret/new"})
    assert deeper.body["parent_id"] == first


def test_name_that_shows_already_is_taken(firm: Firm, hidden: str) -> None:
    make(firm, "secret")
    other = firm.folder("bob", "plans/other")
    change = {"path": "plans/secret"}
    assert firm.shelves("bob", "PATCH", f"/api/v1/folders/{other}", body=change).status == 409
    assert firm.shelves("ada", "PATCH", f"/api/v1/folders/{other}", body=change).status == 409


def test_who_sees_both_gets_their_own_else_the_one_fewer_see(firm: Firm, hidden: str) -> None:
    theirs = make(firm, "secret").body["id"]
    keep(firm, "ada", hidden, "vic")
    assert paths(firm, "amy") == ["plans", "plans/secret", "plans/secret"]
    assert firm.folder("amy", "plans/secret") == hidden
    assert firm.folder("bob", "plans/secret") == theirs
    mine = firm.folder("ada", "plans/secret/below")
    shown = firm.shelves("ada", "GET", "/api/v1/folders").body["items"]
    (below,) = [each for each in shown if each["id"] == mine]
    assert below["parent_id"] == hidden


def test_pages_of_folders_hold_each_of_one_path_once(firm: Firm, hidden: str) -> None:
    make(firm, "secret")
    found: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        query = {"limit": "1", **({"cursor": cursor} if cursor else {})}
        page = firm.shelves("amy", "GET", "/api/v1/folders", query=query).body
        found += [each["id"] for each in page["items"]]
        cursor = page["next_cursor"]
    assert len(found) == len(set(found)) == 3


@pytest.mark.parametrize("mover", ["bob", "amy"])
def test_trees_of_one_name_move_and_go_apart(firm: Firm, hidden: str, mover: str) -> None:
    inside = str(firm.put("ada", b"inside", "plans/secret/deep"))
    theirs = make_below(firm, "secret").body["parent_id"]
    (top,) = [
        each["parent_id"]
        for each in firm.shelves("bob", "GET", "/api/v1/folders").body["items"]
        if each["id"] == theirs
    ]
    moved = firm.shelves(mover, "PATCH", f"/api/v1/folders/{top}", body={"path": "away"})
    assert moved.body["path"] == "away"
    assert paths(firm, "ada") == [
        "away", "away/x", "away/x/y", "plans", "plans/secret", "plans/secret/deep"
    ]  # fmt: skip
    gone = firm.shelves(mover, "DELETE", f"/api/v1/folders/{top}", query={"recursive": "true"})
    assert gone.body == {"removed_documents": 0, "is_complete": True}
    assert inside in firm.sight("ada")


def test_hidden_folder_goes_along_when_the_one_above_moves(firm: Firm, hidden: str) -> None:
    plans = firm.folder("bob", "plans")
    firm.shelves("bob", "PATCH", f"/api/v1/folders/{plans}", body={"path": "archive/plans"})
    assert paths(firm, "bob") == ["archive", "archive/plans"]
    assert paths(firm, "ada") == ["archive", "archive/plans", "archive/plans/secret"]
    assert firm.folder("ada", "archive/plans/secret") == hidden


@pytest.mark.parametrize("restorer", ["ada", "amy"])
def test_trash_of_a_hidden_folder_comes_back_hidden(firm: Firm, hidden: str, restorer: str) -> None:
    make(firm, "secret")
    document = str(firm.put("ada", b"x", "plans/secret"))
    assert firm.shelves("ada", "DELETE", f"/api/v1/documents/{document}").status == 204
    make_below(firm, "secret")
    plans = firm.folder("bob", "plans")
    firm.shelves("bob", "PATCH", f"/api/v1/folders/{plans}", body={"path": "moved"})
    assert firm.shelves("bob", "GET", "/api/v1/trash").body["items"] == []
    (lying,) = firm.shelves(restorer, "GET", "/api/v1/trash").body["items"]
    assert lying["folder"] == "moved/secret"
    restore(firm, restorer, document)
    assert document not in firm.sight("bob")
    assert document in firm.sight("ada")
    back = firm.shelves("ada", "GET", f"/api/v1/documents/{document}").body
    assert back["folder"] == "moved/secret"


def test_trash_does_not_tell_the_name_of_a_hidden_folder(firm: Firm, hidden: str) -> None:
    document = str(firm.put("ada", b"x", "plans/secret"))
    grants = {"grants": [{"subject": "bob@acme.example", "level": "edit"}]}
    firm.ask("ada", "PUT", f"/api/v1/documents/{document}/access", body=grants)
    assert firm.shelves("bob", "DELETE", f"/api/v1/documents/{document}").status == 204
    (lying,) = firm.shelves("bob", "GET", "/api/v1/trash").body["items"]
    assert lying["folder"] == ""
    restore(firm, "bob", document)
    back = firm.shelves("ada", "GET", f"/api/v1/documents/{document}").body
    assert back["folder"] == "plans/secret", "to where it lay"


def test_a_link_to_a_folder_shows_nothing_of_its_twin(firm: Firm, hidden: str) -> None:
    theirs = make(firm, "secret").body["id"]
    own = str(firm.put("bob", b"b", "plans/secret"))
    made = firm.ask("amy", "POST", "/api/v1/shares", body={"folder_id": theirs}).body
    token = firm.ask(None, "GET", made["path"]).body["access_token"]
    firm.people["visitor"] = firm.app.verifier.verify(token)
    assert firm.sight("visitor") == {own}


def test_a_folder_seen_below_a_hidden_one_is_found_by_its_path(firm: Firm, hidden: str) -> None:
    below = firm.folder("ada", "plans/secret/shared")
    body = {"subject": "bob@acme.example", "level": "edit"}
    assert firm.ask("ada", "POST", f"/api/v1/folders/{below}/access", body=body).status == 200
    assert firm.folder("bob", "plans/secret/shared") == below
    assert UUID(firm.folder("bob", "plans/secret")) != UUID(hidden)


def test_what_was_inside_a_file_lies_below_its_folder_and_not_below_the_twin(
    firm: Firm, hidden: str
) -> None:
    bob = firm.people["bob"].user_id
    own = firm.put("bob", b"b", "plans/secret")
    with (
        working_on(correlation="t", tenant=str(firm.tenant)),
        firm.app.database.transaction(firm.tenant) as session,
    ):
        home = find_home(session, DocumentId(own))
        made = make_folder(session, "inner/deep", created_by=bob, within=home)
        assert made is not None
        above = find_folder(session, made).parent_id
        assert above is not None
        assert find_folder(session, above).parent_id == home
        assert make_folder(session, "inner/deep", created_by=bob, within=home) == made
        with pytest.raises(InvalidError):
            make_folder(session, "/".join("x" * 31), created_by=bob, within=home)
    assert str(home) != hidden
    assert paths(firm, "bob")[-2:] == ["plans/secret/inner", "plans/secret/inner/deep"]
