"""Secrets: kept five minutes, read anew when what was kept is rejected, never shown."""

from __future__ import annotations

import time
from collections.abc import Callable

import psycopg
import pytest

from infra.local.postgres import EmbeddedPostgres
from shared.adapters.database import Database
from shared.adapters.secrets import Secrets
from shared.kernel.errors import UnavailableError

MARK = "hunter2-marked"


class Vault:
    """Secrets Manager's client in this process: what it holds, and how often it was asked."""

    def __init__(self) -> None:
        self.held = {"db": "first"}
        self.reads = 0

    def get_secret_value(self, SecretId: str) -> dict[str, str]:  # noqa: N803 - boto's name
        self.reads += 1
        return {"SecretString": self.held[SecretId]}


@pytest.fixture
def vault() -> Vault:
    return Vault()


@pytest.fixture
def secrets(vault: Vault) -> Secrets:
    made = Secrets(region="eu-central-1", endpoint="http://127.0.0.1:1")
    made._client = vault
    return made


@pytest.fixture
def let_pass(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Moves the clock that secrets age by."""
    real, passed = time.monotonic, [0.0]
    monkeypatch.setattr("shared.adapters.secrets.time.monotonic", lambda: real() + passed[0])

    def move(seconds: float) -> None:
        passed[0] += seconds

    return move


def test_a_secret_is_read_once_in_five_minutes(
    secrets: Secrets, vault: Vault, let_pass: Callable[[float], None]
) -> None:
    assert [secrets.read("db") for _ in range(3)] == ["first"] * 3
    vault.held["db"] = "second"
    let_pass(299)
    assert (secrets.read("db"), vault.reads) == ("first", 1)
    let_pass(2)
    assert (secrets.read("db"), vault.reads) == ("second", 2)


def test_a_rejected_secret_is_read_anew_but_not_at_every_rejection(
    secrets: Secrets, vault: Vault, let_pass: Callable[[float], None]
) -> None:
    secrets.read("db")
    vault.held["db"] = "second"
    assert secrets.renew("db") == "first", "read a moment ago: nothing can be newer"
    let_pass(6)
    assert secrets.renew("db") == "second"
    assert [secrets.renew("db") for _ in range(5)] == ["second"] * 5
    assert vault.reads == 2


def test_a_changed_database_password_is_noticed_at_the_next_connection(
    postgres: EmbeddedPostgres, database_name: str, database_url: str
) -> None:
    asked = []

    def renew() -> str:
        asked.append(1)
        return database_url

    database = Database(
        postgres.dsn(database_name, user="nobody_here"), connect_timeout_s=5, renew=renew
    )
    database.check()
    database.close()
    database.check()
    database.close()
    assert asked == [1]


def test_a_database_that_is_away_is_away(vault: Vault) -> None:
    url = f"postgresql://u:{MARK}@127.0.0.1:1/d"
    database = Database(url, connect_timeout_s=1, renew=lambda: url)
    with pytest.raises(UnavailableError) as away:
        database.check()
    shown = f"{away.value!r} {away.value.problem()} {database!r} {vars(away.value)}"
    assert MARK not in shown


def test_a_secrets_reader_shows_nothing(secrets: Secrets, vault: Vault) -> None:
    vault.held["db"] = MARK
    assert secrets.read("db") == MARK
    assert MARK not in repr(secrets)


def test_psycopg_itself_would_show_a_password_nowhere() -> None:
    with pytest.raises(psycopg.OperationalError) as error:
        psycopg.connect(f"postgresql://u:{MARK}@127.0.0.1:1/d", connect_timeout=1)
    assert MARK not in str(error.value)
