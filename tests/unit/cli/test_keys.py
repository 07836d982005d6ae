"""`kontor key`, `kontor oidc` and `kontor signing-key`: what people see and what is asked for."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from infra.cli.owner import Running, write_running
from shared.kernel.settings import settings

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Cli
    from tests.unit.cli.server import FakeKontor

KEY = {
    "id": "01a21f9d-6016-7f89-be24-471ed997cb6c",
    "hint": "kontor_pat_abcd…wxyz",
    "name": "nightly",
    "state": "active",
    "scopes": ["search", "chat"],
    "account": "ada@example.org",
    "expires_at": "2027-02-26T10:00:00+00:00",
    "last_used_at": None,
}


@pytest.fixture
def keys(kontor: FakeKontor, signed_in: Path) -> FakeKontor:
    """A server with one key."""
    kontor.answers[("GET", "/keys")] = {"items": [KEY], "next_cursor": None}
    kontor.answers[("POST", "/keys")] = {**KEY, "key": "kontor_pat_secret"}
    kontor.answers[("POST", f"/keys/{KEY['id']}/rotate")] = {**KEY, "key": "kontor_pat_new"}
    kontor.answers[("DELETE", f"/keys/{KEY['id']}")] = {}
    return kontor


def test_made_key_is_all_that_is_on_standard_output(cli: Cli, keys: FakeKontor) -> None:
    made = cli("key", "make", "nightly", "--scope", "search", "--days", "7")
    assert (made.code, made.out) == (0, "kontor_pat_secret\n")
    assert "shown only now" in made.err
    body = {"kind": "personal", "name": "nightly", "scopes": ["search"], "expires_in_days": 7}
    assert keys.requests[-1] == ("POST", "/keys", body)
    cli("key", "make", "bot", "--service", "--role", "editor")
    reading = ["documents:read", "search", "chat"]
    body = {"kind": "service", "name": "bot", "scopes": reading, "role": "editor"}
    assert keys.requests[-1] == ("POST", "/keys", body)


def test_keys_are_listed_without_secrets(cli: Cli, keys: FakeKontor) -> None:
    listed = cli("key", "list").out
    assert all(part in listed for part in ("kontor_pat_abcd…wxyz", "nightly", "never used"))
    assert "ada@example.org" in cli("key", "list", "--everyone").out
    assert keys.requests[-1][2]["everyone"] == "true"
    keys.answers[("GET", "/keys")] = {"items": [], "next_cursor": None}
    assert "No keys yet" in cli("key", "list").out


def test_key_is_found_by_name_hint_and_id(cli: Cli, keys: FakeKontor) -> None:
    for which in (KEY["name"], KEY["hint"], KEY["id"]):
        rotated = cli("key", "rotate", str(which), "--grace", "60")
        assert (rotated.code, rotated.out) == (0, "kontor_pat_new\n")
        assert keys.requests[-1][2] == {"grace_s": 60}
    assert cli("key", "revoke", "nightly").out == f"Revoked key {KEY['id']}.\n"
    missing = cli("key", "revoke", "nothing")
    assert (missing.code, "You have no key nothing" in missing.err) == (66, True)
    second = {**KEY, "id": "x", "hint": "kontor_pat_2…2"}
    keys.answers[("GET", "/keys")] = {"items": [KEY, second], "next_cursor": None}
    several = cli("key", "rotate", "nightly")
    assert (several.code, "kontor_pat_2…2" in several.err) == (65, True)


def test_holders_are_listed_on_a_line_each(cli: Cli, keys: FakeKontor) -> None:
    ada = {"email": "ada@x.example", "role": "admin", "kind": "person", "is_active": True}
    bot = {"email": "bot@x.example", "role": "viewer", "kind": "service", "is_active": False}
    listed = [{**ada, "session_count": 2, "key_count": 1, "has_second_factor": True}, bot]
    keys.answers[("GET", "/credentials")] = {"items": listed, "next_cursor": None}
    lines = cli("key", "holders").out.splitlines()
    assert lines[0].startswith("ada@x.example  admin  person  2 sessions  1 key  second factor")
    assert "off" in lines[1]


def test_provider_is_added_and_then_changed_by_its_name(
    cli: Cli, kontor: FakeKontor, signed_in: Path
) -> None:
    shown = {
        "id": "p1",
        "name": "corp",
        "redirect_uri": "https://k.example/auth/oidc/callback",
        "backchannel_logout_uri": "https://k.example/auth/oidc/p1/backchannel-logout",
    }
    kontor.answers[("GET", "/oidc/providers")] = {"items": []}
    kontor.answers[("POST", "/oidc/providers")] = shown
    add = ["oidc", "add", "corp", "--issuer", "https://id.example", "--client-id", "k"]
    added = cli(*add, "--group-role", "cn=a,dc=b=editor", "--trust-domain", "acme.example")
    assert added.out.splitlines()[1::2] == [shown["redirect_uri"], shown["backchannel_logout_uri"]]
    asked = kontor.requests[-1][2]
    assert asked["group_roles"] == {"cn=a,dc=b": "editor"}
    assert "client_secret" not in asked
    kontor.answers[("GET", "/oidc/providers")] = {"items": [{**shown, "is_active": True}]}
    kontor.answers[("PUT", "/oidc/providers/p1")] = shown
    assert cli(*add).out.startswith("Changed corp.")
    assert "corp" in cli("oidc", "list").out
    kontor.answers[("DELETE", "/oidc/providers/p1")] = {}
    assert cli("oidc", "rm", "corp").out == "Removed corp.\n"
    assert cli("oidc", "rm", "other").code == 66
    assert cli(*add, "--group-role", "nothing").code == 65


def test_signing_keys_are_listed_from_the_local_server(
    cli: Cli, data: Path, owner_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import psycopg

    monkeypatch.delenv("DATABASE_URL", raising=False)
    settings.cache_clear()
    data.mkdir()
    write_running(data, Running(os.getpid(), "http://127.0.0.1:1", owner_url, "http://127.0.0.1:1"))
    with psycopg.connect(owner_url) as connection:
        connection.execute(
            "INSERT INTO kontor.signing_keys (id, public_key, signs_from, retired_at) VALUES"
            " ('old', decode(repeat('00', 32), 'hex'), now() - interval '2 d', now()),"
            " ('now', decode(repeat('00', 32), 'hex'), now() - interval '1 d', NULL),"
            " ('new', decode(repeat('00', 32), 'hex'), now() + interval '1 d', NULL)"
        )
    listed = json.loads(cli("signing-key", "list", "--json").out)["items"]
    assert [(key["kid"], key["state"]) for key in listed] == [
        ("new", "coming"), ("now", "in force"), ("old", "retired")
    ]  # fmt: skip
    assert "retires" in cli("signing-key", "list").out


def test_who_signs_in_must_be_said(cli: Cli, signed_in: Path) -> None:
    nobody = cli("login")
    assert (nobody.code, "--email" in nobody.err) == (65, True)
