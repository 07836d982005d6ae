"""Share links: a way in for people without an account, to one thing, for a time."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import psycopg
import pytest

from shared.identity.model import Principal
from shared.identity.service import Verifier
from shared.kernel.errors import UnauthenticatedError
from shared.kernel.ids import DocumentId
from tests.functions.access.conftest import Firm
from tests.functions.http_events import Answer, call
from tests.unit.documents.library import Office


@pytest.fixture
def shelves(firm: Firm) -> tuple[str, str, str]:
    """A folder with a document in it, and a document elsewhere."""
    folder = firm.folder("ada", "plans/2026")
    return folder, str(firm.put("ada", b"a", "plans/2026")), str(firm.put("ada", b"b"))


def make(firm: Firm, who: str = "ada", **body: Any) -> Answer:
    return firm.ask(who, "POST", "/api/v1/shares", body=body)


def visit(firm: Firm, path: str, password: str | None = None) -> Principal:
    """Come through a link, and be what the authorizer makes of the token."""
    body = None if password is None else {"password": password}
    answer = firm.ask(None, "GET" if body is None else "POST", path, body=body)
    assert answer.status == 200, answer.body
    assert answer.headers["cache-control"] == "no-store"
    firm.people["visitor"] = firm.app.verifier.verify(answer.body["access_token"])
    return firm.people["visitor"]


def test_a_visitor_sees_what_the_link_shows_and_may_only_look(
    firm: Firm, shelves: tuple[str, str, str]
) -> None:
    folder, inside, elsewhere = shelves
    visitor = visit(firm, make(firm, folder_id=folder).body["path"])
    assert visitor.credential == "link"
    assert visitor.held == {"documents:read", "documents:download"}
    assert firm.sight("visitor") == {inside}
    assert firm.shelves("visitor", "GET", f"/api/v1/documents/{inside}").status == 200
    assert firm.shelves("visitor", "GET", f"/api/v1/documents/{elsewhere}").status == 404
    folders = firm.shelves("visitor", "GET", "/api/v1/folders").body["items"]
    assert [one["path"] for one in folders] == ["plans/2026"]
    for path in ("collections", "trash", "jobs"):
        assert firm.shelves("visitor", "GET", f"/api/v1/{path}").body["items"] == []
    change = {"title": "x"}
    assert (
        firm.shelves("visitor", "PATCH", f"/api/v1/documents/{inside}", body=change).status == 403
    )
    assert make(firm, "visitor", folder_id=folder).status == 403
    assert firm.ask("visitor", "GET", "/api/v1/groups").status == 403


def test_a_link_to_a_document_shows_that_one(firm: Firm, shelves: tuple[str, str, str]) -> None:
    _, inside, elsewhere = shelves
    visit(firm, make(firm, document_id=elsewhere).body["path"])
    assert firm.sight("visitor") == {elsewhere}
    assert firm.shelves("visitor", "GET", f"/api/v1/documents/{inside}").status == 404
    assert firm.shelves("visitor", "GET", "/api/v1/folders").body["items"] == []


def test_a_link_never_shows_more_than_its_maker_sees(
    firm: Firm, shelves: tuple[str, str, str]
) -> None:
    folder, inside, _ = shelves
    hidden = firm.put("amy", b"hidden", "plans/2026")
    path = f"/api/v1/documents/{hidden}/access"
    grants = {"grants": [{"subject": "amy@acme.example", "level": "manage"}]}
    assert firm.ask("amy", "PUT", path, body=grants).status == 200
    visit(firm, make(firm, folder_id=folder).body["path"])
    assert firm.sight("visitor") == {inside}
    out = {"grants": [{"subject": "amy@acme.example", "level": "manage"},
                      {"subject": "everyone", "level": "deny"}]}  # fmt: skip
    firm.ask("amy", "PUT", f"/api/v1/documents/{inside}/access", body=out)
    assert firm.sight("visitor") == {inside}, "ada's own stays hers"


def test_a_revoked_link_ends_at_once(firm: Firm, shelves: tuple[str, str, str]) -> None:
    folder, _, _ = shelves
    made = make(firm, folder_id=folder).body
    token = firm.ask(None, "GET", made["path"]).body["access_token"]
    verifier: Verifier = firm.app.verifier
    firm.people["visitor"] = verifier.verify(token)
    assert firm.ask("bob", "DELETE", f"/api/v1/shares/{made['id']}").status == 403
    revoked = firm.ask("ada", "DELETE", f"/api/v1/shares/{made['id']}")
    assert revoked.body["revoked_at"] is not None
    assert firm.ask(None, "GET", made["path"]).status == 404
    with pytest.raises(UnauthenticatedError):
        verifier.verify(token)
    assert firm.sight("visitor") == set(), "not even with a principal made before"


@pytest.mark.parametrize(
    "ending",
    [
        "UPDATE kontor.share_links SET expires_at = now()",
        "UPDATE kontor.users SET is_active = false WHERE email = 'ada@acme.example'",
        "UPDATE kontor.tenants SET is_active = false",
    ],
)
def test_a_link_ends_with_its_time_its_maker_and_its_tenant(
    firm: Firm, shelves: tuple[str, str, str], owner_url: str, ending: str
) -> None:
    path = make(firm, folder_id=shelves[0]).body["path"]
    token = firm.ask(None, "GET", path).body["access_token"]
    with psycopg.connect(owner_url) as connection:
        connection.execute(ending.encode())
    assert firm.ask(None, "GET", path).status == 404
    with pytest.raises(UnauthenticatedError):
        firm.app.verifier.verify(token)


def test_a_password_is_asked_for_and_not_guessed(
    firm: Firm, shelves: tuple[str, str, str], owner_url: str
) -> None:
    folder, inside, _ = shelves
    assert make(firm, folder_id=folder, password="short").status == 422
    made = make(firm, folder_id=folder, password="open sesame please").body
    described = firm.ask(None, "GET", made["path"]).body
    assert (described["needs_password"], described["access_token"]) == (True, None)
    assert firm.ask(None, "POST", made["path"], body={"password": "wrong"}).status == 401
    visit(firm, made["path"], "open sesame please")
    assert firm.sight("visitor") == {inside}
    with psycopg.connect(owner_url) as connection:
        connection.execute("UPDATE kontor.share_links SET failed_count = 19")
    assert firm.ask(None, "POST", made["path"], body={"password": "wrong"}).status == 401
    right = {"password": "open sesame please"}
    assert firm.ask(None, "POST", made["path"], body=right).status == 404


def test_uses_are_counted_and_end(firm: Firm, shelves: tuple[str, str, str]) -> None:
    made = make(firm, folder_id=shelves[0], most_uses=2).body
    assert [firm.ask(None, "GET", made["path"]).status for _ in range(3)] == [200, 200, 404]
    (listed,) = firm.ask("ada", "GET", "/api/v1/shares").body["items"]
    assert (listed["use_count"], "path" in listed) == (2, False)
    assert firm.ask("bob", "GET", "/api/v1/shares").body["items"] == []
    assert len(firm.ask("amy", "GET", "/api/v1/shares").body["items"]) == 1


def test_only_who_manages_a_thing_makes_a_link(firm: Firm, shelves: tuple[str, str, str]) -> None:
    folder, inside, _ = shelves
    assert make(firm, "bob", folder_id=folder).status == 403
    assert make(firm, "vic", document_id=inside).status == 403
    assert make(firm, "amy", document_id=inside).status == 201
    for body in ({}, {"folder_id": folder, "document_id": inside}):
        assert make(firm, **body).status == 422


@pytest.mark.parametrize("token", ["kontor_share_wrong", "x", "kontor_share_" + "a" * 43])
def test_a_wrong_link_is_not_there(firm: Firm, token: str) -> None:
    assert firm.ask(None, "GET", f"/s/{token}").status == 404
    with pytest.raises(UnauthenticatedError):
        firm.app.verifier.verify(f"kontor_visit_{token}")


def test_a_visitor_hears_nothing_of_the_tenant_itself(
    firm: Firm, shelves: tuple[str, str, str]
) -> None:
    from functions.auth.handler import handler as auth
    from functions.limits.handler import handler as limits
    from functions.reprocess.handler import handler as reading
    from functions.tenants.handler import handler as tenants

    folder, _, _ = shelves
    visitor = visit(firm, make(firm, folder_id=folder).body["path"])
    asked = {
        path: call(handler, "GET", path, principal=visitor).status
        for handler, path in (
            (tenants, "/api/v1/tenant"),
            (tenants, "/api/v1/tenant/tasks"),
            (tenants, "/api/v1/usage"),
            (limits, "/api/v1/limits"),
            (reading, "/api/v1/settings/reading"),
            (auth, "/api/v1/sign-in-policy"),
            (auth, "/auth/sessions"),
        )
    }
    assert set(asked.values()) == {403}, asked
    assert firm.ask("visitor", "GET", "/api/v1/permissions").status == 403


def test_a_visitor_sees_the_version_that_counts_and_none_before_it(
    firm: Firm, shelves: tuple[str, str, str]
) -> None:
    _, inside, _ = shelves
    ada = firm.people["ada"]
    Office(firm.app.database, firm.tenant, ada.user_id).put(
        b"without names", document_id=DocumentId(UUID(inside))
    )
    visit(firm, make(firm, document_id=inside).body["path"])
    path = f"/api/v1/documents/{inside}"

    def numbers(who: str) -> list[int]:
        return [one["number"] for one in firm.shelves(who, "GET", f"{path}/versions").body["items"]]

    assert (numbers("ada"), numbers("visitor")) == ([2, 1], [2])
    shown = firm.shelves("visitor", "GET", path).body["versions"]
    assert [one["number"] for one in shown] == [2]
    for rest, status in (("download", 200), ("versions/1/text", 404), ("versions/1/pages", 404)):
        assert firm.shelves("visitor", "GET", f"{path}/{rest}").status == status, rest
    old = {"version": "1"}
    assert firm.shelves("visitor", "GET", f"{path}/download", query=old).status == 404
    assert firm.shelves("ada", "GET", f"{path}/download", query=old).status == 200
    both = {"old": "1", "new": "2"}
    assert firm.shelves("visitor", "GET", f"{path}/diff", query=both).status == 404
