"""Signing keys by turns: published before they sign, verified until their last token has ended."""

from __future__ import annotations

from datetime import timedelta

import jwt
import psycopg
import pytest

from shared.adapters.database import Database
from shared.adapters.secrets import Secrets
from shared.identity import service, store
from shared.identity.keys import (
    LEAD_S,
    SigningKey,
    load_signing_key,
    read_keys,
    rotate_signing_key,
)
from shared.identity.service import TokenRules, Verifier
from shared.kernel.errors import (
    ConflictError,
    KontorError,
    UnauthenticatedError,
    UnavailableError,
)
from tests.unit.identity.conftest import SECRET, Home, sign_in

LIFE_S = 900


def rotate(owner: Database, secrets: Secrets, **how: int) -> str:
    with owner.system_transaction() as session:
        return rotate_signing_key(session, secrets, SECRET, life_s=LIFE_S, **how)


def token_of(database: Database, secrets: Secrets) -> str:
    with database.system_transaction() as session:
        key = load_signing_key(session, secrets, SECRET)
    return sign_in(database, TokenRules(key, "kontor", LIFE_S), "ada@acme.example").access_token


def later(owner_url: str, seconds: int) -> None:
    """Let time go by for the keys."""
    with psycopg.connect(owner_url) as connection:
        connection.execute(
            "UPDATE kontor.signing_keys SET created_at = created_at - make_interval(secs => %(s)s),"
            " signs_from = signs_from - make_interval(secs => %(s)s),"
            " retired_at = retired_at - make_interval(secs => %(s)s)",
            {"s": seconds},
        )


def accepts(database: Database, token: str) -> bool:
    """Ask a verifier that has just started, with nothing kept."""
    try:
        Verifier(database, issuer="kontor").verify(token)
    except UnauthenticatedError:
        return False
    return True


def kid(token: str) -> str:
    return str(jwt.get_unverified_header(token)["kid"])


def test_nobody_has_to_sign_in_again_when_the_key_changes(
    database: Database,
    owner: Database,
    owner_url: str,
    secrets: Secrets,
    signing_key: SigningKey,
    home: Home,
) -> None:
    before = token_of(database, secrets)
    coming = rotate(owner, secrets)
    with database.system_transaction() as session:
        published = {key["kid"] for key in service.published_keys(session)}
    assert published == {signing_key.id, coming}
    still = token_of(database, secrets)
    assert kid(before) == kid(still) == signing_key.id
    later(owner_url, LEAD_S)
    after = token_of(database, secrets)
    assert kid(after) == coming
    assert all(accepts(database, token) for token in (before, still, after))
    later(owner_url, LIFE_S + 61)
    assert accepts(database, after)
    assert not accepts(database, before)
    assert not accepts(database, still)
    with database.system_transaction() as session:
        (only,) = service.published_keys(session)
    assert only["kid"] == coming


def test_key_outlives_the_last_token_that_it_signed(
    database: Database,
    owner: Database,
    owner_url: str,
    secrets: Secrets,
    signing_key: SigningKey,
    home: Home,
) -> None:
    rotate(owner, secrets)
    later(owner_url, LEAD_S - 1)
    last = token_of(database, secrets)
    assert kid(last) == signing_key.id
    later(owner_url, LIFE_S + 5)
    assert accepts(database, last)


def test_process_with_an_old_copy_of_the_secret_signs_with_the_new_key(
    database: Database,
    owner: Database,
    owner_url: str,
    secrets: Secrets,
    signing_key: SigningKey,
    home: Home,
) -> None:
    warm = Secrets(region="eu-central-1")
    assert kid(token_of(database, warm)) == signing_key.id
    coming = rotate(owner, secrets)
    later(owner_url, LEAD_S)
    assert kid(token_of(database, warm)) == coming


def test_key_that_became_known_is_void_at_once(
    database: Database, owner: Database, secrets: Secrets, signing_key: SigningKey, home: Home
) -> None:
    before = token_of(database, secrets)
    rotate(owner, secrets)
    newest = rotate(owner, secrets, lead_s=0)
    after = token_of(database, secrets)
    assert kid(after) == newest
    assert (accepts(database, before), accepts(database, after)) == (False, True)
    assert set(read_keys(secrets.read(SECRET))) == {newest}


def test_rotating_twice_at_a_time_is_a_conflict(
    owner: Database, secrets: Secrets, signing_key: SigningKey
) -> None:
    rotate(owner, secrets)
    kept = secrets.read(SECRET)
    with pytest.raises(ConflictError, match="published already"):
        rotate(owner, secrets)
    assert secrets.read(SECRET) == kept


def test_retired_private_halves_leave_the_secret(
    owner: Database, owner_url: str, secrets: Secrets, signing_key: SigningKey
) -> None:
    second = rotate(owner, secrets)
    assert list(read_keys(secrets.read(SECRET))) == [signing_key.id, second]
    later(owner_url, LEAD_S + LIFE_S + 61)
    third = rotate(owner, secrets)
    assert list(read_keys(secrets.read(SECRET))) == [second, third]


def test_rotation_needs_a_key_to_begin_with(owner: Database, secrets: Secrets) -> None:
    with pytest.raises(UnavailableError, match="no secret"):
        rotate(owner, secrets)


def test_functions_can_neither_publish_nor_retire(
    database: Database, secrets: Secrets, signing_key: SigningKey
) -> None:
    with database.system_transaction() as session:
        (state,) = store.list_key_states(session)
    assert (state.state, state.retired_at) == ("in force", None)
    assert timedelta(0) <= state.signs_from - state.created_at < timedelta(seconds=1)
    with pytest.raises(KontorError, match="refused a statement"):
        rotate(database, secrets)
