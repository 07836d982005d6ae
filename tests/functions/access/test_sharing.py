"""Sharing over HTTP: one folder read-only, from every side."""

from __future__ import annotations

import pytest

from tests.functions.access.conftest import Firm


@pytest.fixture
def shared(firm: Firm) -> tuple[str, str]:
    """Ada's folder, which she shared with Vic to look at; and the document in it."""
    folder = firm.folder("ada", "plans")
    document = firm.put("ada", b"a", "plans")
    answer = firm.ask(
        "ada",
        "PUT",
        f"/api/v1/folders/{folder}/access",
        body={"grants": [{"subject": "vic@acme.example", "level": "view"}]},
    )
    assert answer.status == 200
    return folder, str(document)


def test_a_folder_shared_read_only_is_seen_and_not_changed(
    firm: Firm, shared: tuple[str, str]
) -> None:
    folder, document = shared
    assert firm.sight("vic") == {document}
    assert firm.sight("bob") == set()
    assert firm.sight("ada") == firm.sight("amy") == {document}
    path = f"/api/v1/documents/{document}"
    assert firm.shelves("bob", "GET", path).status == 404
    assert firm.shelves("bob", "PATCH", path, body={"title": "x"}).status == 404
    assert firm.shelves("bob", "DELETE", path).status == 404
    assert firm.shelves("bob", "DELETE", f"/api/v1/folders/{folder}").status == 404
    firm.ask(
        "ada", "POST", f"/api/v1/folders/{folder}/access",
        body={"subject": "user:bob@acme.example", "level": "view"},
    )  # fmt: skip
    assert firm.shelves("bob", "GET", path).status == 200
    refused = firm.shelves("bob", "PATCH", path, body={"title": "x"})
    assert (refused.status, refused.body["detail"]) == (
        403,
        "You may view this document, not edit it.",
    )
    assert firm.shelves("bob", "DELETE", path).status == 403
    assert firm.shelves("bob", "POST", "/api/v1/folders", body={"path": "plans/x"}).status == 403
    moved = {"path": "elsewhere"}
    assert firm.shelves("bob", "PATCH", f"/api/v1/folders/{folder}", body=moved).status == 403
    assert firm.shelves("bob", "GET", path).body["title"] != "x"


def test_who_edits_gives_nobody_more_by_moving(firm: Firm, shared: tuple[str, str]) -> None:
    folder, document = shared
    firm.ask(
        "ada", "POST", f"/api/v1/folders/{folder}/access",
        body={"subject": "user:bob@acme.example", "level": "edit"},
    )  # fmt: skip
    drafts = firm.folder("ada", "plans/drafts")
    own = firm.folder("bob", "plans/bobs")
    path = f"/api/v1/documents/{document}"

    def moves(who: str, folder: str) -> int:
        answer = firm.shelves(who, "PATCH", path, body={"folder": folder})
        assert answer.status == 200 or "could do more" in answer.body["detail"]
        return answer.status

    assert [moves("bob", place) for place in ("", "open", "open/deeper")] == [403] * 3
    assert moves("bob", "plans/bobs") == 403, "it would be his own"
    assert [moves("bob", place) for place in ("plans/drafts", "plans", "plans/drafts")] == [200] * 3
    out = f"/api/v1/folders/{drafts}"
    assert firm.shelves("bob", "PATCH", out, body={"path": "drafts"}).status == 403
    assert firm.shelves("bob", "PATCH", out, body={"path": "plans/old drafts"}).status == 200
    whole = f"/api/v1/folders/{folder}"
    assert firm.shelves("bob", "PATCH", whole, body={"path": "archive/plans"}).status == 200
    assert firm.sight("vic") == firm.sight("bob") == {document}
    mine = f"/api/v1/folders/{own}"
    assert firm.shelves("bob", "PATCH", mine, body={"path": "bobs"}).status == 200
    assert moves("ada", "open") == 200
    assert firm.shelves("vic", "GET", path).body["folder"] == "open"


def test_not_yours_and_not_there_are_the_same_answer(firm: Firm, shared: tuple[str, str]) -> None:
    folder, document = shared
    nothing = "01890000-0000-7000-8000-000000000000"
    for kind, thing in (("documents", document), ("folders", folder)):
        for method, rest, body in (
            ("GET", "/access", None),
            ("GET", "/readers", None),
            ("PUT", "/access", {"grants": []}),
        ):
            hidden = firm.ask("bob", method, f"/api/v1/{kind}/{thing}{rest}", body=body)
            missing = firm.ask("bob", method, f"/api/v1/{kind}/{nothing}{rest}", body=body)
            assert hidden.status == missing.status == 404
            assert hidden.body["detail"] == missing.body["detail"]


def test_only_who_manages_a_thing_shares_it(firm: Firm, shared: tuple[str, str]) -> None:
    folder, _ = shared
    path = f"/api/v1/folders/{folder}/access"
    grant = {"subject": "everyone", "level": "view"}
    assert firm.ask("vic", "POST", path, body=grant).status == 403
    firm.ask("ada", "POST", path, body={"subject": "bob@acme.example", "level": "edit"})
    assert firm.ask("bob", "POST", path, body=grant).status == 403
    firm.ask("ada", "POST", path, body={"subject": "bob@acme.example", "level": "manage"})
    assert firm.ask("bob", "POST", path, body=grant).status == 200
    assert firm.ask("amy", "POST", path, body=grant).status == 200


def test_access_is_shown_and_explained(firm: Firm, shared: tuple[str, str]) -> None:
    folder, document = shared
    body = firm.ask("ada", "GET", f"/api/v1/documents/{document}/access").body
    assert (body["is_open"], body["mine"], body["grants"]) == (False, "manage", [])
    assert {(e["name"], e["level"]) for e in body["effects"]} == {
        ("ada@acme.example", "own"),
        ("vic@acme.example", "view"),
    }
    readers = firm.ask("ada", "GET", f"/api/v1/folders/{folder}/readers").body["items"]
    assert [(one["email"], one["level"]) for one in readers] == [
        ("ada@acme.example", "manage"),
        ("amy@acme.example", "manage"),
        ("vic@acme.example", "view"),
    ]
    vic = firm.people["vic"].user_id
    reach = firm.ask("amy", "GET", f"/api/v1/users/{vic}/access").body["items"]
    assert [(one["kind"], one["title"], one["level"]) for one in reach] == [
        ("folder", "plans", "view")
    ]
    assert firm.ask("vic", "GET", f"/api/v1/users/{vic}/access").body["items"] == reach
    assert firm.ask("bob", "GET", f"/api/v1/users/{vic}/access").status == 403


def test_the_last_grant_is_not_withdrawn_by_accident(firm: Firm, shared: tuple[str, str]) -> None:
    folder, _ = shared
    path = f"/api/v1/folders/{folder}/access"
    vic = f"user:{firm.people['vic'].user_id}"
    assert firm.ask("ada", "DELETE", f"{path}/{vic}").status == 409
    assert firm.ask("ada", "DELETE", f"{path}/group:none").status == 422
    assert firm.ask("ada", "PUT", path, body={"grants": []}).body["is_open"] is True
    assert len(firm.sight("bob")) == 1


def test_beside_denies_alone_nothing_is_closed_so_the_last_grant_stays(
    firm: Firm, shared: tuple[str, str]
) -> None:
    folder, _ = shared
    path = f"/api/v1/folders/{folder}/access"
    vic, bob = (f"user:{firm.people[name].user_id}" for name in ("vic", "bob"))
    amy = f"user:{firm.people['amy'].user_id}"
    assert firm.ask("ada", "POST", path, body={"subject": amy, "level": "deny"}).status == 200
    assert firm.ask("ada", "DELETE", f"{path}/{vic}").status == 409
    assert firm.ask("ada", "POST", path, body={"subject": vic, "level": "deny"}).status == 409
    assert firm.sight("bob") == set()
    assert firm.ask("ada", "POST", path, body={"subject": bob, "level": "view"}).status == 200
    assert firm.ask("ada", "POST", path, body={"subject": vic, "level": "deny"}).status == 200
    assert (len(firm.sight("bob")), firm.sight("vic")) == (1, set())
    assert firm.ask("ada", "DELETE", f"{path}/{vic}").status == 200


@pytest.mark.parametrize(
    ("grants", "said"),
    [
        ([{"subject": "user:nobody@acme.example", "level": "view"}], "no person"),
        ([{"subject": "group:nobody", "level": "view"}], "no group"),
        ([{"subject": "ada@acme.example", "level": "deny"}], "cannot be shut out"),
        (
            [
                {"subject": "everyone", "level": "view"},
                {"subject": "EVERYONE", "level": "edit"},
            ],
            "twice",
        ),
    ],
)
def test_grants_that_make_no_sense_are_refused(
    firm: Firm, shared: tuple[str, str], grants: list[dict[str, str]], said: str
) -> None:
    folder, document = shared
    answer = firm.ask("ada", "PUT", f"/api/v1/folders/{folder}/access", body={"grants": grants})
    assert answer.status == 422
    assert said in answer.body["detail"]
    assert firm.sight("vic") == {document}, "nothing changed"


def test_the_same_file_may_be_put_by_somebody_who_cannot_see_where_it_is(firm: Firm) -> None:
    folder = firm.folder("ada", "plans")
    mine = firm.put("ada", b"same", "plans")
    firm.ask(
        "ada", "PUT", f"/api/v1/folders/{folder}/access",
        body={"grants": [{"subject": "ada@acme.example", "level": "manage"}]},
    )  # fmt: skip
    theirs = firm.put("bob", b"same")
    assert theirs != mine
    assert firm.sight("bob") == {str(theirs)}
    assert firm.put("amy", b"same") in {mine, theirs}, "who sees both puts nothing new"


def test_collections_show_only_what_each_may_see(firm: Firm, shared: tuple[str, str]) -> None:
    _, document = shared
    open_ = str(firm.put("bob", b"open"))
    made = firm.shelves("ada", "POST", "/api/v1/collections", body={"name": "mixed"}).body["id"]
    path = f"/api/v1/collections/{made}"
    both = {"document_ids": [document, open_]}
    assert firm.shelves("bob", "POST", f"{path}/documents", body=both).status == 404
    assert firm.shelves("ada", "POST", f"{path}/documents", body=both).body == {"added": 2}
    assert firm.shelves("ada", "GET", path).body["document_count"] == 2
    assert firm.shelves("bob", "GET", path).body["document_count"] == 1
    firm.ask("ada", "PUT", f"{path}/access", body={"grants": [
        {"subject": "ada@acme.example", "level": "manage"}]})  # fmt: skip
    assert firm.shelves("bob", "GET", path).status == 404
    listed = firm.shelves("bob", "GET", "/api/v1/collections").body["items"]
    assert listed == []


def test_nobody_is_refused(firm: Firm) -> None:
    for method, path in (
        ("GET", "/api/v1/roles"),
        ("POST", "/api/v1/shares"),
        ("GET", "/api/v1/groups"),
    ):
        assert firm.ask(None, method, path, body={}).status == 401
