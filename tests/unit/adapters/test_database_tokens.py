"""Passwords of fifteen minutes: every connection gets one of its own, for its host and user."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest
from psycopg import sql

from infra.local.postgres import EmbeddedPostgres
from shared.adapters import aws
from shared.adapters.database import Database
from shared.adapters.database_tokens import DatabaseTokens
from shared.kernel.errors import UnavailableError
from shared.kernel.settings import read_settings
from shared.wiring import App

URL = "postgresql://kontor_app@kontor.cluster-x.eu-central-1.rds.example:6432/kontor"
ROLE = "signs_in_by_token"


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "example")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "session")
    monkeypatch.setattr("boto3.DEFAULT_SESSION", None)  # it remembers who signed before
    aws.client.cache_clear()
    yield
    aws.client.cache_clear()


@pytest.fixture
def tokens() -> DatabaseTokens:
    return DatabaseTokens(region="eu-central-1")


class Clock:
    """The time that signatures are made at."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.now = datetime.datetime(2026, 11, 28, 8, 0, tzinfo=datetime.UTC)
        patch.setattr("botocore.auth.get_current_datetime", self._read)

    def _read(self, remove_tzinfo: bool = True) -> datetime.datetime:
        return self.now.replace(tzinfo=None) if remove_tzinfo else self.now


def _read(token: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(f"//{token}").query).items()}


def test_a_token_is_for_one_host_port_and_user_and_for_fifteen_minutes(
    tokens: DatabaseTokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    token = tokens.make(URL)
    said = _read(token)
    assert token.startswith("kontor.cluster-x.eu-central-1.rds.example:6432/?")
    assert (said["Action"], said["DBUser"]) == ("connect", "kontor_app")
    assert (said["X-Amz-Expires"], said["X-Amz-Date"]) == ("900", "20261128T080000Z")
    assert "/eu-central-1/rds-db/" in said["X-Amz-Credential"]
    assert said["X-Amz-Security-Token"] == "session"
    clock.now += datetime.timedelta(minutes=16)
    assert _read(tokens.make(URL))["X-Amz-Date"] == "20261128T081600Z"


@pytest.mark.parametrize("url", ["postgresql:///kontor", "postgresql://u@a,b/d", "host=h"])
def test_an_address_without_one_host_and_user_has_no_token(
    tokens: DatabaseTokens, url: str
) -> None:
    with pytest.raises(UnavailableError, match="no single host and user"):
        tokens.make(url)


def test_without_a_role_there_is_no_token(
    tokens: DatabaseTokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/none")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/none")
    aws.client.cache_clear()
    monkeypatch.setattr("boto3.DEFAULT_SESSION", None)
    with pytest.raises(UnavailableError, match="token"):
        DatabaseTokens(region="eu-central-1").make(URL)


class Doorkeeper:
    """Does what RDS does: lets a role in with the newest token that was made for it."""

    def __init__(
        self, owner: psycopg.Connection[tuple[object, ...]], tokens: DatabaseTokens
    ) -> None:
        self._owner = owner
        self._tokens = tokens
        self.made: list[str] = []

    def __call__(self, url: str) -> str:
        token = self._tokens.make(URL)
        self._owner.execute(
            sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(ROLE), sql.Literal(token))
        )
        self.made.append(token)
        return token


@pytest.fixture
def owner(
    postgres: EmbeddedPostgres, owner_url: str
) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """The owner's session on a server that wants a password of one role."""
    with psycopg.connect(owner_url, autocommit=True) as connection:
        row = connection.execute("SHOW hba_file").fetchone()
        assert row is not None
        rules = Path(str(row[0]))
        before = rules.read_bytes()
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(ROLE)))
        try:
            rules.write_bytes(f"local all {ROLE} password\n".encode() + before)
            connection.execute("SELECT pg_reload_conf()")
            yield connection
        finally:
            rules.write_bytes(before)
            connection.execute("SELECT pg_reload_conf()")
            connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(ROLE)))


def test_every_connection_signs_in_with_a_token_of_its_own(
    owner: psycopg.Connection[tuple[object, ...]],
    postgres: EmbeddedPostgres,
    database_name: str,
    tokens: DatabaseTokens,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock(monkeypatch)
    url = postgres.dsn(database_name, user=ROLE)
    keeper = Doorkeeper(owner, tokens)
    database = Database(url, sign_in=keeper)
    database.check()
    database.check()
    assert len(keeper.made) == 1  # a connection that stands needs no further one
    clock.now += datetime.timedelta(minutes=16)
    owner.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", (ROLE,)
    )
    database.check()
    first, second = keeper.made
    assert first != second
    database.close()
    stale = Database(url, sign_in=lambda _url: first)
    with pytest.raises(UnavailableError):
        stale.check()
    unsigned = Database(url)
    with pytest.raises(UnavailableError):
        unsigned.check()


def test_the_setting_decides_how_functions_sign_in(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[dict[str, object]] = []

    def refuse(url: str, **given: object) -> None:
        seen.append({"url": url, **given})
        raise psycopg.OperationalError

    monkeypatch.setattr(psycopg, "connect", refuse)
    for way in ("password", "iam"):
        app = App(read_settings({"DATABASE_URL": URL, "DATABASE_AUTH": way}))
        with pytest.raises(UnavailableError):
            app.database.check()
    by_password, by_token = seen[0], seen[-1]
    assert by_password["password"] is None
    assert _read(str(by_token["password"]))["DBUser"] == "kontor_app"
    assert "sslmode=verify-full" in str(by_token["url"])
