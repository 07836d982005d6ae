"""Sharing, links, groups, roles and accounts from the command line."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Cli
    from tests.unit.cli.server import FakeKontor

pytestmark = pytest.mark.usefixtures("signed_in")
ACCESS = {
    "title": "plans",
    "owner_id": "1",
    "is_open": False,
    "mine": "manage",
    "grants": [],
    "effects": [{"subject": "user:2", "name": "vic@acme.example", "level": "view"}],
}
VIC = {"id": "2", "email": "vic@acme.example", "role": "viewer", "is_active": True}


@pytest.fixture
def plans(kontor: FakeKontor) -> str:
    """A folder that can be shared, somebody to share it with, and a group."""
    kontor.answers["GET", "/folders"] = {
        "items": [{"id": "f1", "path": "plans"}],
        "next_cursor": None,
    }
    for method in ("GET", "POST", "PUT"):
        kontor.answers[method, "/folders/f1/access"] = ACCESS
    kontor.answers["DELETE", "/folders/f1/access/everyone"] = ACCESS
    kontor.answers["GET", "/users"] = {"items": [VIC], "next_cursor": None}
    kontor.answers["GET", "/groups"] = {
        "items": [{"id": "g1", "name": "Legal", "member_count": 1}],
        "next_cursor": None,
    }
    return "plans"


def sent(kontor: FakeKontor, *methods: str) -> list[tuple[str, str, dict[str, object]]]:
    return [one for one in kontor.requests if one[0] in methods]


def test_a_folder_is_shared_with_several_and_shown(
    cli: Cli, kontor: FakeKontor, plans: str
) -> None:
    done = cli("share", plans, "--with", "vic@acme.example", "--with", "Legal", "--edit")
    assert done.code == 0, done.err
    assert [said for _, _, said in sent(kontor, "POST")] == [
        {"subject": "vic@acme.example", "level": "edit"},
        {"subject": "Legal", "level": "edit"},
    ]
    assert "plans: restricted to" in done.out
    assert "view    vic@acme.example" in done.out


def test_sharing_is_taken_back_and_opened(cli: Cli, kontor: FakeKontor, plans: str) -> None:
    assert cli("share", plans, "--stop", "everyone").code == 0
    assert cli("share", plans, "--open").code == 0
    assert sent(kontor, "DELETE")[0][1] == "/folders/f1/access/everyone"
    assert sent(kontor, "PUT")[0][2] == {"grants": []}


def test_two_levels_at_once_make_no_sense(cli: Cli, kontor: FakeKontor, plans: str) -> None:
    done = cli("share", plans, "--with", "x@y.example", "--view", "--edit")
    assert (done.code, "Say one of" in done.err) == (65, True)
    assert cli("share", "nowhere").code == 66
    assert sent(kontor, "POST", "PUT", "DELETE") == []


def test_a_link_is_shown_once_with_its_address(cli: Cli, kontor: FakeKontor, plans: str) -> None:
    kontor.answers["POST", "/shares"] = {
        "id": "l1",
        "title": "plans",
        "expires_at": "2026-11-20T10:00:00+00:00",
        "path": "/s/kontor_share_x",
    }
    done = cli("link", "add", plans, "--days", "2", "--most-uses", "3")
    assert done.out.splitlines()[-1] == f"{kontor.url}/s/kontor_share_x"
    assert sent(kontor, "POST")[0][2] == {
        "folder_id": "f1",
        "days": 2.0,
        "password": "",
        "most_uses": 3,
    }


def test_a_links_password_is_read_and_never_an_argument(
    cli: Cli, kontor: FakeKontor, plans: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kontor.answers["POST", "/shares"] = {
        "id": "l1",
        "title": "plans",
        "expires_at": "2026-11-20T10:00:00+00:00",
        "path": "/s/kontor_share_x",
    }
    monkeypatch.setattr("sys.stdin", io.StringIO("zwölf Monde über Bonn\n"))
    assert cli("link", "add", plans, "--password-stdin").code == 0
    assert sent(kontor, "POST")[0][2]["password"] == "zwölf Monde über Bonn"
    assert cli("link", "add", plans, "--password", "zwölf Monde über Bonn").code != 0


def test_a_link_to_a_collection_lets_look_only(cli: Cli, kontor: FakeKontor, plans: str) -> None:
    kontor.answers["GET", "/collections"] = {
        "items": [{"id": "c1", "name": "Readings"}],
        "next_cursor": None,
    }
    kontor.answers["POST", "/shares"] = {
        "id": "l1",
        "title": "Readings",
        "expires_at": "2026-11-20T10:00:00+00:00",
        "path": "/s/kontor_share_x",
    }
    assert cli("link", "add", "readings", "--collection", "--view-only").code == 0
    assert sent(kontor, "POST")[0][2] == {
        "collection_id": "c1",
        "days": 7,
        "password": "",
        "allows_download": False,
    }
    assert cli("link", "add", plans, "--collection", "--document").code == 65


def test_groups_are_filled_by_address(cli: Cli, kontor: FakeKontor, plans: str) -> None:
    del plans
    kontor.answers["PUT", "/groups/g1/members/2"] = {}
    done = cli("group", "join", "legal", "vic@acme.example")
    assert (done.code, done.out) == (0, "1 person joined Legal\n")
    assert cli("group", "join", "nobody", "vic@acme.example").code == 66
    assert cli("group", "join", "legal", "eve@acme.example").code == 66


def test_accounts_change_role_and_are_switched_off(
    cli: Cli, kontor: FakeKontor, plans: str
) -> None:
    del plans
    kontor.answers["PATCH", "/users/2"] = {**VIC, "is_active": False}
    done = cli("user", "off", "vic@acme.example")
    assert done.out == "vic@acme.example: viewer, switched off\n"
    assert sent(kontor, "PATCH")[0][2] == {"is_active": False}
    assert cli("user", "role", "vic@acme.example", "editor").code == 0
    assert json.loads(cli("user", "ls", "--json").out)["items"] == [VIC]


def test_roles_are_listed_with_what_they_allow(cli: Cli, kontor: FakeKontor) -> None:
    role = {"name": "reader", "permissions": ["search", "chat"], "holder_count": 2}
    kontor.answers["GET", "/roles"] = {"items": [role]}
    kontor.answers["POST", "/roles"] = role
    assert cli("role", "ls").out == "reader  2 people  search, chat\n"
    assert cli("role", "add", "reader", "search", "chat").out == "reader allows search, chat\n"
