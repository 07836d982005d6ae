"""Links to collections: they convey what their maker may share, and nothing by being named."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from shared.kernel.ids import TenantId
from tests.functions.access.browser import Browser, links_in
from tests.functions.access.conftest import Firm
from tests.functions.http_events import Answer

ALONE = {"grants": [{"subject": "ada@acme.example", "level": "manage"}]}


@pytest.fixture
def readings(firm: Firm) -> tuple[str, list[str]]:
    """Ada's collection of three documents of hers; a fourth is not in it."""
    made = firm.shelves("ada", "POST", "/api/v1/collections", body={"name": "Readings"})
    inside = [str(firm.put("ada", each, "plans")) for each in (b"a", b"b", b"c")]
    firm.put("ada", b"d", "plans")
    fill(firm, "ada", made.body["id"], *inside)
    return made.body["id"], inside


def fill(firm: Firm, who: str, collection: str, *documents: str) -> None:
    path = f"/api/v1/collections/{collection}/documents"
    body = {"document_ids": list(documents)}
    assert firm.shelves(who, "POST", path, body=body).status == 200


def make(firm: Firm, who: str, collection: str, **body: Any) -> Answer:
    return firm.ask(who, "POST", "/api/v1/shares", body={"collection_id": collection, **body})


def visit(firm: Firm, path: str) -> None:
    token = firm.ask(None, "GET", path).body["access_token"]
    firm.people["visitor"] = firm.app.verifier.verify(token)


def listed(browser: Browser, path: str) -> set[str]:
    """Return the documents that a link's page lists."""
    found = [each for each in links_in(browser.look(path)) if "/documents/" in each]
    return {each.rpartition("/")[2] for each in found}


def test_a_collection_is_shown_by_link_and_nothing_beside_it(
    firm: Firm, readings: tuple[str, list[str]]
) -> None:
    collection, inside = readings
    other = firm.shelves("ada", "POST", "/api/v1/collections", body={"name": "Other"}).body["id"]
    fill(firm, "ada", other, inside[0])
    made = make(firm, "ada", collection).body
    assert (made["resource_kind"], made["title"]) == ("collection", "Readings")
    visit(firm, made["path"])
    assert firm.sight("visitor") == set(inside)
    shown = firm.shelves("visitor", "GET", "/api/v1/collections").body["items"]
    assert [(each["id"], each["document_count"]) for each in shown] == [(collection, 3)]
    for query, found in (({"collection": collection}, 3), ({"collection": other}, 0)):
        listing = firm.shelves("visitor", "GET", "/api/v1/documents", query=query).body["items"]
        assert len(listing) == found
    assert firm.shelves("visitor", "GET", "/api/v1/folders").body["items"] == []
    document = firm.shelves("visitor", "GET", f"/api/v1/documents/{inside[0]}").body
    assert [each["id"] for each in document["collections"]] == [collection]
    for method, path, body in (
        ("PATCH", f"/api/v1/collections/{collection}", {"name": "x"}),
        ("POST", f"/api/v1/collections/{collection}/documents", {"document_ids": inside}),
        ("DELETE", f"/api/v1/collections/{collection}", None),
    ):
        assert firm.shelves("visitor", method, path, body=body).status == 403
    assert firm.ask("visitor", "GET", f"/api/v1/collections/{collection}/access").status == 403


def test_membership_counts_at_once(firm: Firm, readings: tuple[str, list[str]]) -> None:
    collection, inside = readings
    browser, path = Browser(), make(firm, "ada", collection).body["path"]
    assert listed(browser, path) == set(inside)
    gone = f"/api/v1/collections/{collection}/documents/{inside[0]}"
    assert firm.shelves("ada", "DELETE", gone).status == 204
    assert listed(browser, path) == set(inside[1:])
    for tail in ("", "/download"):
        assert browser.look(f"{path}/documents/{inside[0]}{tail}").status == 404
    assert firm.shelves("ada", "DELETE", f"/api/v1/documents/{inside[1]}").status == 204
    later = str(firm.put("ada", b"later"))
    fill(firm, "ada", collection, later)
    assert listed(browser, path) == {inside[2], later}


def test_what_the_maker_may_not_share_alone_is_not_shared_by_being_named(
    firm: Firm, readings: tuple[str, list[str]]
) -> None:
    _, inside = readings
    own = str(firm.put("bob", b"own"))
    mine = firm.shelves("bob", "POST", "/api/v1/collections", body={"name": "Bob's"}).body["id"]
    fill(firm, "bob", mine, own, *inside)
    alone = {"document_id": inside[0]}
    assert firm.ask("bob", "POST", "/api/v1/shares", body=alone).status == 403
    path = make(firm, "bob", mine).body["path"]
    assert listed(Browser(), path) == {own}
    body = {"subject": "bob@acme.example", "level": "manage"}
    firm.ask("ada", "POST", f"/api/v1/documents/{inside[0]}/access", body=body)
    assert listed(Browser(), path) == {own, inside[0]}
    firm.ask("ada", "PUT", f"/api/v1/documents/{inside[0]}/access", body={"grants": [
        {"subject": "bob@acme.example", "level": "view"}]})  # fmt: skip
    assert listed(Browser(), path) == {own}
    assert listed(Browser(), make(firm, "amy", mine).body["path"]) == {own, *inside}


def test_a_deny_wins(firm: Firm, readings: tuple[str, list[str]]) -> None:
    collection, inside = readings
    theirs = str(firm.put("bob", b"theirs"))
    access = f"/api/v1/documents/{theirs}/access"
    grants = {"grants": [{"subject": "ada@acme.example", "level": "manage"}]}
    firm.ask("bob", "PUT", access, body=grants)
    fill(firm, "ada", collection, theirs)
    browser, path = Browser(), make(firm, "ada", collection).body["path"]
    assert listed(browser, path) == {theirs, *inside}
    grants["grants"].append({"subject": "everyone", "level": "deny"})
    firm.ask("bob", "PUT", access, body=grants)
    assert listed(browser, path) == set(inside)
    assert browser.look(f"{path}/documents/{theirs}").status == 404


@pytest.mark.parametrize(
    "loss",
    [
        "UPDATE kontor.users SET is_active = false WHERE email = 'ada@acme.example'",
        "UPDATE kontor.collections SET created_by = (SELECT id FROM kontor.users"
        " WHERE email = 'amy@acme.example')",
        "DELETE FROM kontor.collections",
    ],
)
def test_link_is_over_when_its_maker_is_gone_or_loses_the_collection(
    firm: Firm, readings: tuple[str, list[str]], owner_url: str, loss: str
) -> None:
    collection, inside = readings
    browser, path = Browser(), make(firm, "ada", collection).body["path"]
    visit(firm, path)
    assert listed(browser, path) == set(inside)
    with psycopg.connect(owner_url) as connection:
        connection.execute(loss.encode())
    grants = {"grants": [{"subject": "amy@acme.example", "level": "manage"}]}
    firm.ask("amy", "PUT", f"/api/v1/collections/{collection}/access", body=grants)
    assert firm.sight("visitor") == set()
    assert firm.shelves("visitor", "GET", "/api/v1/collections").body["items"] == []
    assert browser.look(path).status in {404, 410}
    assert browser.look(f"{path}/documents/{inside[0]}").status in {404, 410}
    assert firm.ask(None, "GET", path).status == 404


def test_pages_go_on_where_the_last_ended_whatever_the_cursor(
    firm: Firm, readings: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    collection, inside = readings
    monkeypatch.setattr("functions.access.visiting.PAGE", 2)
    browser, path = Browser(), make(firm, "ada", collection).body["path"]
    first = links_in(browser.look(path))
    assert [each.rpartition("/")[2] for each in first[:2]] == [inside[2], inside[1]]
    second = links_in(browser.look(first[2]))
    assert [each.rpartition("/")[2] for each in second] == [inside[0]]
    # A cursor from a link that shows more leads to nothing more.
    folder = firm.folder("ada", "plans")
    wide = firm.ask("ada", "POST", "/api/v1/shares", body={"folder_id": folder}).body["path"]
    cursor = links_in(browser.look(wide))[-1].partition("cursor=")[2]
    assert listed(browser, f"{path}?cursor={cursor}") <= set(inside)
    assert browser.look(f"{path}?cursor=bm9uZQ").status == 422


def test_password_and_looking_only_hold_for_collections(
    firm: Firm, readings: tuple[str, list[str]]
) -> None:
    collection, inside = readings
    path = make(firm, "ada", collection, password="open sesame please", allows_download=False).body[
        "path"
    ]
    browser = Browser()
    assert listed(browser, path) == set()
    entered = browser.fill(f"{path}/enter", password="open sesame please")
    assert "Readings" in browser.follow(entered).body
    assert listed(browser, path) == set(inside)
    assert browser.look(f"{path}/documents/{inside[0]}/download").status == 403
    (link,) = firm.ask("ada", "GET", "/api/v1/shares").body["items"]
    assert firm.ask("ada", "DELETE", f"/api/v1/shares/{link['id']}").status == 200
    assert browser.look(path).status == 410


def test_only_who_manages_a_collection_makes_a_link(
    firm: Firm, readings: tuple[str, list[str]]
) -> None:
    collection, inside = readings
    assert make(firm, "bob", collection).status == 403
    assert make(firm, "vic", collection).status == 403
    firm.ask("ada", "PUT", f"/api/v1/collections/{collection}/access", body=ALONE)
    assert make(firm, "bob", collection).status == 404
    assert make(firm, "ada", str(firm.tenant)).status == 404
    assert make(firm, "ada", collection, document_id=inside[0]).status == 422


def test_link_of_another_tenant_shows_nothing_here(
    firm: Firm, readings: tuple[str, list[str]], owner_url: str
) -> None:
    collection, inside = readings
    made = make(firm, "ada", collection).body
    visit(firm, made["path"])
    other = TenantId(uuid4())
    with psycopg.connect(owner_url) as connection:
        connection.execute(
            "INSERT INTO kontor.tenants (id, slug, name) VALUES (%s, 'other', 'Other')", (other,)
        )
    visitor = firm.people["visitor"]
    firm.people["stranger"] = replace(visitor, tenant_id=other)
    assert firm.sight("stranger") == set()
    assert firm.shelves("stranger", "GET", f"/api/v1/documents/{inside[0]}").status == 404
    assert firm.shelves("stranger", "GET", "/api/v1/collections").body["items"] == []
