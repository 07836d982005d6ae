"""Signing in, being verified, signing out: against a real database and the emulator's secrets."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import psycopg
import pytest
from argon2 import PasswordHasher, Type

from shared.adapters.database import Database
from shared.adapters.secrets import Secrets
from shared.identity import passwords, service
from shared.identity.keys import SigningKey, ensure_signing_key, load_signing_key
from shared.identity.model import Principal, allows
from shared.identity.service import TokenRules, Verifier
from shared.kernel.errors import (
    ConflictError,
    InvalidError,
    RefusedError,
    UnauthenticatedError,
    UnavailableError,
)
from shared.kernel.ids import TenantId, UserId
from tests.unit.identity.conftest import PASSWORD, SECRET, Home, settle, sign_in


def test_signed_in_user_is_verified_as_principal(
    database: Database, rules: TokenRules, verifier: Verifier, home: Home
) -> None:
    welcome = sign_in(database, rules, " Ada@ACME.example ")
    assert welcome.tenant.slug == "acme"
    assert welcome.user.signed_in_at is not None
    expected = replace(home.principal, session_id=welcome.session_id)
    assert verifier.verify(welcome.access_token) == expected


def test_unknown_address_and_wrong_password_get_the_same_answer(
    database: Database, home: Home
) -> None:
    with pytest.raises(UnauthenticatedError) as wrong:
        service.recognise(database, email="ada@acme.example", password="not her password")
    with pytest.raises(UnauthenticatedError) as unknown:
        service.recognise(database, email="eve@acme.example", password="not her password")
    assert wrong.value.problem() == unknown.value.problem()


def test_unknown_address_costs_one_comparison(
    database: Database, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[str] = []
    verify = passwords._HASHER.verify

    class Counting:
        check_needs_rehash = passwords._HASHER.check_needs_rehash
        hash = passwords._HASHER.hash

        def verify(self, stored: str, given: bytes) -> bool:
            compared.append(stored)
            return verify(stored, given)

    monkeypatch.setattr(passwords, "_HASHER", Counting())
    for email in ("eve@acme.example", "ada@acme.example"):
        compared.clear()
        with pytest.raises(UnauthenticatedError):
            service.recognise(database, email=email, password="not her password")
        assert len(compared) == 1


def test_signing_out_voids_every_token_at_once(
    database: Database, rules: TokenRules, verifier: Verifier, home: Home
) -> None:
    phone = sign_in(database, rules, "ada@acme.example").access_token
    laptop = sign_in(database, rules, "ada@acme.example").access_token
    assert verifier.verify(phone).user_id == verifier.verify(laptop).user_id
    with database.transaction(home.tenant.id) as session:
        service.sign_out(session, home.principal)
    for token in (phone, laptop):
        with pytest.raises(UnauthenticatedError, match="signed out"):
            verifier.verify(token)
    assert verifier.verify(sign_in(database, rules, "ada@acme.example").access_token)


def test_switched_off_account_is_refused_with_a_valid_token(
    database: Database, owner_url: str, rules: TokenRules, verifier: Verifier, home: Home
) -> None:
    token = sign_in(database, rules, "ada@acme.example").access_token
    with psycopg.connect(owner_url) as connection:
        connection.execute("UPDATE kontor.users SET is_active = false")
    with pytest.raises(UnauthenticatedError, match="not active"):
        verifier.verify(token)
    with pytest.raises(UnauthenticatedError, match="is wrong"):
        sign_in(database, rules, "ada@acme.example")


def test_switched_off_tenant_is_refused_with_a_valid_token(
    database: Database, owner_url: str, rules: TokenRules, verifier: Verifier, home: Home
) -> None:
    token = sign_in(database, rules, "ada@acme.example").access_token
    with psycopg.connect(owner_url) as connection:
        connection.execute("UPDATE kontor.tenants SET is_active = false")
    with pytest.raises(UnauthenticatedError, match="not active"):
        verifier.verify(token)


def test_changed_role_counts_at_once(
    database: Database, owner_url: str, rules: TokenRules, verifier: Verifier, home: Home
) -> None:
    token = sign_in(database, rules, "ada@acme.example").access_token
    with psycopg.connect(owner_url) as connection:
        connection.execute("UPDATE kontor.users SET role = 'viewer'")
    with pytest.raises(RefusedError):
        verifier.verify(token).require("documents:write")


def test_same_address_in_two_tenants_asks_which(
    database: Database, owner: Database, home: Home
) -> None:
    other = settle(owner, "globex", "ada@acme.example")
    with pytest.raises(ConflictError) as several:
        service.recognise(database, email="ada@acme.example", password=PASSWORD)
    assert "acme, globex" in several.value.hint
    account = service.recognise(
        database, email="ada@acme.example", password=PASSWORD, tenant_slug="globex"
    )
    assert account.tenant_id == other.tenant.id


def test_same_address_with_other_passwords_needs_no_tenant(
    database: Database, owner: Database, home: Home
) -> None:
    other = settle(owner, "globex", "ada@acme.example", "another long password")
    account = service.recognise(
        database, email="ada@acme.example", password="another long password"
    )
    assert account.tenant_id == other.tenant.id


def test_weaker_hash_is_replaced_at_sign_in(
    database: Database,
    owner_url: str,
    rules: TokenRules,
    home: Home,
    real_hasher: PasswordHasher,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(passwords, "_HASHER", real_hasher)
    weak = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1, type=Type.ID)
    with psycopg.connect(owner_url) as connection:
        connection.execute("UPDATE kontor.users SET password_hash = %s", (weak.hash(PASSWORD),))
    sign_in(database, rules, "ada@acme.example")
    with psycopg.connect(owner_url) as connection:
        row = connection.execute("SELECT password_hash FROM kontor.users").fetchone()
    assert row is not None
    assert row[0].startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert passwords.is_right(row[0], PASSWORD)


@pytest.mark.parametrize("password", ["so-brief", "elf Zeichen", "x" * 1025, "ü" * 600])
def test_new_password_of_bad_length_is_refused(password: str) -> None:
    with pytest.raises(InvalidError) as refused:
        passwords.hash_new(password)
    assert "password" in refused.value.fields
    assert password not in str(refused.value.problem())


@pytest.mark.parametrize("length", [64, 1024])
def test_long_password_is_taken_whole(length: int) -> None:
    password = ("Ein langer Satz, den sich jemand merken kann. " * 30)[:length]
    kept = passwords.hash_new(password)
    assert passwords.is_right(kept, password)
    assert not passwords.is_right(kept, password[:-1] + "?")
    assert not passwords.is_right(kept, password.swapcase())


def test_umlaut_of_one_or_two_code_points_is_the_same_password() -> None:
    assert passwords.is_right(passwords.hash_new("Schöne Grüße 1"), "Scho\u0308ne Gru\u0308ße 1")


def test_damaged_hash_matches_nothing() -> None:
    assert not passwords.is_right("not a hash", PASSWORD)


def test_ensuring_the_key_twice_changes_nothing(
    owner: Database, owner_url: str, secrets: Secrets
) -> None:
    kids = []
    for _ in range(2):
        with owner.system_transaction() as session:
            kids.append(ensure_signing_key(session, secrets, SECRET))
    assert kids[0] == kids[1]
    with psycopg.connect(owner_url) as connection:
        rows = connection.execute("SELECT id, public_key FROM kontor.signing_keys").fetchall()
    with owner.system_transaction() as session:
        key = load_signing_key(session, secrets, SECRET)
    assert [(kid, bytes(public)) for kid, public in rows] == [(key.id, key.public_bytes)]


def test_missing_or_foreign_signing_secret_says_what_to_do(
    database: Database, secrets: Secrets, signing_key: SigningKey
) -> None:
    secrets.keep("foreign", "just a word")
    secrets.keep("other", SigningKey.make().pem)
    for name, said in (
        ("nowhere", "no secret"),
        ("foreign", "no Ed25519"),
        ("other", "does not hold the key"),
    ):
        with (
            pytest.raises(UnavailableError, match=said),
            database.system_transaction() as session,
        ):
            load_signing_key(session, secrets, name)


def test_retired_key_is_no_longer_accepted(
    database: Database, owner_url: str, rules: TokenRules, home: Home
) -> None:
    token = sign_in(database, rules, "ada@acme.example").access_token
    with psycopg.connect(owner_url) as connection:
        connection.execute("UPDATE kontor.signing_keys SET retired_at = now()")
    with pytest.raises(UnauthenticatedError, match="not ours"):
        Verifier(database, issuer="kontor").verify(token)


def test_published_keys_verify_tokens_elsewhere(
    database: Database, rules: TokenRules, home: Home
) -> None:
    import jwt

    token = sign_in(database, rules, "ada@acme.example").access_token
    with database.system_transaction() as session:
        (published,) = service.published_keys(session)
    claims = jwt.decode(
        token, jwt.PyJWK(published).key, algorithms=["EdDSA"], issuer="kontor", audience="kontor"
    )
    assert claims["tenant_id"] == str(home.tenant.id)
    assert (claims["role"], claims["scopes"]) == ("admin", ["*"])
    assert set(published) == {"kty", "crv", "x", "kid", "alg", "use"}


def test_secrets_never_show_in_a_repr(signing_key: SigningKey) -> None:
    assert repr(signing_key) == f"SigningKey({signing_key.id})"


def test_added_user_signs_in_and_appears_in_the_list(
    database: Database, rules: TokenRules, home: Home
) -> None:
    with database.transaction(home.tenant.id) as session:
        for name in ("Carl", "Bea"):
            service.add_user(
                session,
                home.principal,
                email=f"{name}@acme.example",
                display_name=name,
                password=PASSWORD,
                role="editor",
            )
        first = service.list_users(session, home.principal, cursor=None, limit=2)
        rest = service.list_users(session, home.principal, cursor=first.next_cursor, limit=2)
    listed = [user.email for user in (*first.items, *rest.items)]
    assert listed == ["ada@acme.example", "bea@acme.example", "carl@acme.example"]
    assert rest.next_cursor is None
    assert sign_in(database, rules, "bea@acme.example").user.role == "editor"


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"email": "ADA@acme.example"}, ConflictError),
        ({"email": "no address"}, InvalidError),
        ({"email": "a@" + "b" * 260}, InvalidError),
        ({"display_name": " \n"}, InvalidError),
        ({"role": "root"}, InvalidError),
        ({"password": "too short"}, InvalidError),
    ],
)
def test_bad_user_is_refused_and_not_recorded(
    database: Database, home: Home, change: dict[str, str], error: type[Exception]
) -> None:
    fields = {
        "email": "b@acme.example",
        "display_name": "B",
        "password": PASSWORD,
        "role": "viewer",
    }
    with pytest.raises(error), database.transaction(home.tenant.id) as session:
        service.add_user(session, home.principal, **{**fields, **change})
    with database.transaction(home.tenant.id) as session:
        assert len(service.list_users(session, home.principal, cursor=None, limit=9).items) == 1


def test_only_administrators_manage_users(database: Database, home: Home) -> None:
    for role in ("editor", "viewer", "unknown"):
        person = Principal(home.tenant.id, home.admin.id, "x@acme.example", role)
        with pytest.raises(RefusedError), database.transaction(home.tenant.id) as session:
            service.list_users(session, person, cursor=None, limit=9)


@pytest.mark.parametrize("slug", ["", "-acme", "Acme", "a" * 64, "a b", "acme\n"])
def test_bad_slug_is_refused(owner: Database, slug: str) -> None:
    with pytest.raises(InvalidError):
        settle(owner, slug, "ada@acme.example")


def test_taken_slug_is_a_conflict(owner: Database, home: Home) -> None:
    with pytest.raises(ConflictError):
        settle(owner, "acme", "someone@acme.example")


def test_unknown_permission_is_a_bug(home: Home) -> None:
    with pytest.raises(ValueError, match="not a permission"):
        home.principal.require("documents:burn")


def test_wildcards_cover_what_they_say_and_keys_narrow_their_bearer() -> None:
    assert allows({"documents:*"}, "documents:erase")
    assert allows({"*"}, "users:manage")
    assert not allows({"documents:*"}, "users:manage")
    assert not allows({"documents:read"}, "documents:write")
    ada = Principal(TenantId(uuid4()), UserId(uuid4()), "ada@acme.example", "admin")
    assert ada.may("users:manage")
    assert not replace(ada, permissions=frozenset({"search"})).may("users:manage")
