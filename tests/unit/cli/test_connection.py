"""Servers and logins: who is asked, as whom, and what is said when it does not work."""

from __future__ import annotations

import io
import json
import stat
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from infra.cli.target import PROFILE_FILE, Profile, clean_api, read_profile, write_profile
from shared.kernel.errors import InvalidError
from tests.unit.cli.server import PASSWORD

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Cli
    from tests.unit.cli.server import FakeKontor


def test_without_a_server_the_command_says_how_to_start_one(cli: Cli) -> None:
    done = cli("ls")
    assert done.code == 66
    assert "`make up`" in done.err
    assert done.err.count("\n") == 1


def test_a_server_that_does_not_answer_is_named(cli: Cli, data: Path) -> None:
    write_profile(data / PROFILE_FILE, Profile("http://127.0.0.1:9", token="t"))
    done = cli("ls")
    assert done.code == 75
    assert done.err == (
        "error: No Kontor server answers at http://127.0.0.1:9. — "
        "Start it with `make up`, or name another with --api URL.\n"
    )


def test_an_unknown_server_asks_for_a_login(cli: Cli, kontor: FakeKontor) -> None:
    done = cli("ls", "--api", kontor.url)
    assert done.code == 77
    assert f"kontor login --api {kontor.url}" in done.err


def test_a_login_is_kept_for_later_without_its_password(
    cli: Cli, kontor: FakeKontor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(PASSWORD + "\n"))
    done = cli("login", "--api", kontor.url + "/", "-e", "ada@example.org", "--password-stdin")
    assert done.code == 0, done.err
    assert "as ada@example.org (demo)" in done.out
    stored = tmp_path / "config" / "kontor" / "profiles.json"
    assert stat.S_IMODE(stored.stat().st_mode) == 0o600
    assert PASSWORD not in stored.read_text()
    assert cli("ls", "--api", kontor.url).code == 0


def test_a_wrong_password_is_the_servers_own_sentence(
    cli: Cli, kontor: FakeKontor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("wrong\n"))
    done = cli("login", "--api", kontor.url, "-e", "ada@example.org", "--password-stdin")
    assert done.code == 77
    assert done.err == "error: E-mail or password is wrong. — Try again.\n"


def test_a_token_in_the_environment_needs_no_profile(
    cli: Cli, kontor: FakeKontor, monkeypatch: pytest.MonkeyPatch
) -> None:
    kontor.tokens.add("given")
    monkeypatch.setenv("KONTOR_API", kontor.url)
    monkeypatch.setenv("KONTOR_TOKEN", "given")
    assert cli("ls").code == 0
    monkeypatch.setenv("KONTOR_TOKEN", "stale")
    assert cli("ls").code == 77


def test_a_token_about_to_expire_is_renewed_before_it_is_used(
    cli: Cli, kontor: FakeKontor, signed_in: Path
) -> None:
    old = read_profile(signed_in / PROFILE_FILE)
    assert old is not None
    aging = Profile(
        old.api, email=old.email, password=PASSWORD, token="old", expires_at=time.time()
    )
    write_profile(signed_in / PROFILE_FILE, aging)
    assert cli("ls").code == 0
    assert kontor.calls("GET", "/api/v1/documents") == 1
    renewed = read_profile(signed_in / PROFILE_FILE)
    assert renewed is not None
    assert renewed.token in kontor.tokens
    assert renewed.password == PASSWORD
    assert stat.S_IMODE((signed_in / PROFILE_FILE).stat().st_mode) == 0o600


def test_a_server_that_stays_busy_is_given_up(
    cli: Cli, kontor: FakeKontor, signed_in: Path
) -> None:
    kontor.busy_answers = 99
    done = cli("ls")
    assert done.code == 75
    assert done.err == "error: The database is away.\n"
    assert kontor.calls("GET", "/api/v1/documents") == 5
    del signed_in


def test_all_calls_of_a_command_share_a_correlation_id(
    cli: Cli, kontor: FakeKontor, signed_in: Path, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text("a")
    assert cli("put", str(tmp_path / "a.txt")).code == 0
    assert len(kontor.correlation_ids) == 1
    del signed_in


@pytest.mark.parametrize("content", ["", "[]", '{"api": 7}', "{"])
def test_a_damaged_profile_is_named(cli: Cli, data: Path, content: str) -> None:
    data.mkdir()
    (data / PROFILE_FILE).write_text(content)
    done = cli("ls")
    assert done.code == 65
    assert str(data / PROFILE_FILE) in done.err


def test_an_address_is_brought_into_one_form() -> None:
    assert clean_api(" https://x.example/prod/ ") == "https://x.example/prod"
    assert clean_api("x.example") == "https://x.example"
    assert clean_api("localhost:3000") == "http://localhost:3000"
    for wrong in ("", "ftp://x", "https://", "a b"):
        with pytest.raises(InvalidError):
            clean_api(wrong)


def test_a_profile_never_shows_its_secrets() -> None:
    shown = repr(Profile("http://x", email="a", token="secret-token", password=PASSWORD))
    assert "secret" not in shown
    assert PASSWORD not in shown


def test_usage_errors_exit_with_two_and_json_stays_json(
    cli: Cli, kontor: FakeKontor, signed_in: Path
) -> None:
    assert cli("ls", "--limit", "0").code == 2
    assert json.loads(cli("ls", "--json").out) == {"items": []}
    del kontor, signed_in
