"""Nothing leaves this machine in the clear: databases, caches, search, models, scanners."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from shared.adapters.transport import check_settings, encrypted_database, is_here, trusted_roots
from shared.generation.deployment import deployment_routes
from shared.kernel.errors import InvalidError, UnavailableError
from shared.kernel.settings import read_settings
from shared.wiring import App

FREE = [
    "postgresql://u@/d?host=%2Ftmp%2Fpg",
    "postgresql://u:p@127.0.0.1:5432/d",
    "postgresql://u:p@localhost/d?sslmode=disable",
    "postgresql://[::1]/d",
    "host=/run/postgresql dbname=d",
    "dbname=d",
]
IN_THE_CLEAR = [
    "postgresql://u:p@db.example/d?sslmode=disable",
    "postgresql://u:p@db.example/d?sslmode=allow",
    "postgresql://u:p@db.example/d?sslmode=prefer",
    "host=10.0.0.7 sslmode=prefer",
    "postgresql://u:p@localhost,db.example/d?sslmode=prefer",
    "postgresql://u:p@localhost/d?hostaddr=10.0.0.7&sslmode=prefer",
    "service=production sslmode=prefer",
]


@pytest.fixture(autouse=True)
def bare_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("PGHOST", "PGSSLMODE", "PGSSLROOTCERT", "PGSERVICE"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("url", FREE, ids=range(len(FREE)))
def test_sockets_and_loopback_are_left_as_they_are(url: str) -> None:
    assert encrypted_database(url) == url


@pytest.mark.parametrize("url", IN_THE_CLEAR, ids=range(len(IN_THE_CLEAR)))
def test_another_host_is_never_spoken_to_in_the_clear(url: str) -> None:
    with pytest.raises(InvalidError, match="without encryption") as caught:
        encrypted_database(url)
    assert "sslmode=verify-full" in caught.value.hint
    assert "p@" not in caught.value.detail


@pytest.mark.parametrize("url", ["postgresql://u:p@db.example/d?connect_timeout=3",
                                 "postgresql://u:p@db.example/d",
                                 "host=db.example user=u password=p"])  # fmt: skip
def test_without_a_word_the_certificate_is_checked(url: str) -> None:
    made = conninfo_to_dict(encrypted_database(url))
    assert made == {
        **conninfo_to_dict(url), "sslmode": "verify-full", "sslrootcert": trusted_roots(),
    }  # fmt: skip
    assert "BEGIN CERTIFICATE" in Path(trusted_roots()).read_text("utf-8")


def test_what_is_said_about_encryption_is_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    plain = "postgresql://u@db.example/d"
    for said in ("sslmode=require", "sslmode=verify-ca&sslrootcert=/r.pem"):
        assert encrypted_database(f"{plain}?{said}") == f"{plain}?{said}"
    made = conninfo_to_dict(encrypted_database(f"{plain}?sslrootcert=/own.pem"))
    assert (made["sslmode"], made["sslrootcert"]) == ("verify-full", "/own.pem")
    monkeypatch.setenv("PGSSLMODE", "require")
    assert conninfo_to_dict(encrypted_database(plain))["sslmode"] == "require"
    monkeypatch.setenv("PGSSLMODE", "disable")
    with pytest.raises(InvalidError):
        encrypted_database(plain)
    monkeypatch.delenv("PGSSLMODE")
    (tmp_path / ".postgresql").mkdir()
    (tmp_path / ".postgresql" / "root.crt").touch()
    assert "sslrootcert" not in conninfo_to_dict(encrypted_database(plain))


def test_a_host_from_libpqs_own_variables_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGHOST", "db.example")
    assert "verify-full" in encrypted_database("dbname=d")
    with pytest.raises(InvalidError):
        encrypted_database("dbname=d sslmode=disable")


def test_a_host_that_the_operator_names_is_free() -> None:
    url = "postgresql://u@db.inside/d?sslmode=disable"
    assert encrypted_database(url, unencrypted=frozenset({"db.inside"})) == url


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.0.1", "::1", "[::1]", "localhost.", "/run"])
def test_this_machine_is_known_in_every_writing(host: str) -> None:
    assert is_here(host)


REFUSED = {
    "DATABASE_URL": "postgresql://u:hunter2@db.example/d?sslmode=disable",
    "REDIS_URL": "redis://:hunter2@cache.example:6379/0",
    "OPENSEARCH_URL": "http://u:hunter2@search.example:9200",
    "LLM_API_BASE": "http://10.0.0.3:11434",
    "LLM_URL": "http://models.example/",
    "WEB_SEARCH_URL": "http://searxng.example/search",
    "AWS_ENDPOINT_URL": "http://cloud.example:4566",
    "WEBSOCKET_ENDPOINT": "ws://sockets.example",
    "CLAMD_ADDRESS": "scanner.example:3310",
}
TAKEN = {
    "DATABASE_URL": "postgresql://u:p@db.example/d?sslmode=verify-full",
    "REDIS_URL": "rediss://cache.example:6379/0",
    "OPENSEARCH_URL": "https://u:p@search.example:9200",
    "LLM_API_BASE": "http://127.0.0.1:11434",
    "LLM_URL": "https://models.example/",
    "WEB_SEARCH_URL": "http://localhost:8080/search",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:4566",
    "WEBSOCKET_ENDPOINT": "https://sockets.example",
    "CLAMD_ADDRESS": "127.0.0.1:3310",
}


@pytest.mark.parametrize("name", REFUSED)
def test_settings_that_send_something_in_the_clear_are_refused(name: str) -> None:
    with pytest.raises(InvalidError) as caught:
        check_settings(read_settings({name: REFUSED[name]}))
    assert name in caught.value.fields
    assert "UNENCRYPTED_HOSTS" in caught.value.hint
    assert "hunter2" not in caught.value.detail
    hosts = "db.example,cache.example,search.example,10.0.0.3,models.example,searxng.example,"
    hosts += "cloud.example,sockets.example,Scanner.example"
    check_settings(read_settings({name: REFUSED[name], "UNENCRYPTED_HOSTS": hosts}))


def test_what_is_encrypted_or_stays_here_is_taken() -> None:
    check_settings(read_settings(TAKEN))
    check_settings(read_settings({}))


def test_a_certificate_that_would_not_be_checked_is_refused() -> None:
    with pytest.raises(InvalidError, match="certificate"):
        check_settings(read_settings({"REDIS_URL": "rediss://cache.example?ssl_cert_reqs=none"}))
    with pytest.raises(InvalidError, match="no address"):
        check_settings(read_settings({"REDIS_URL": "redis://[::1"}))
    with pytest.raises(InvalidError, match="cannot be read"):
        check_settings(read_settings({"DATABASE_URL": "nonsense"}))


def test_a_route_to_a_model_over_plain_http_is_refused() -> None:
    routes = '[{"name": "far", "model": "openai/m", "api_base": "http://models.example/v1"}]'
    with pytest.raises(InvalidError, match="LLM_ROUTES"):
        deployment_routes(read_settings({"LLM_ROUTES": routes}))
    named = {"LLM_ROUTES": routes, "UNENCRYPTED_HOSTS": "models.example"}
    assert [route.name for route in deployment_routes(read_settings(named))] == ["far"]


def test_whoever_asks_is_not_told_where_the_database_lies(
    caplog: pytest.LogCaptureFixture,
) -> None:
    app = App(read_settings({"DATABASE_URL": REFUSED["DATABASE_URL"]}))
    with caplog.at_level(logging.ERROR), pytest.raises(UnavailableError) as caught:
        _ = app.database
    assert "db.example" not in str(caught.value.problem(instance="/"))
    assert "db.example" in caplog.text
    assert "hunter2" not in caplog.text
