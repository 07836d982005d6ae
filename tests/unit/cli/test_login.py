"""A login that lasts: renewed by itself, by one command at a time, until somebody ends it."""

from __future__ import annotations

import io
import json
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from infra.cli.client import KontorClient
from infra.cli.mails import MailFollower, read_mails
from infra.cli.target import PROFILE_FILE, Profile, Target, read_profile, write_profile
from shared.adapters.mail import FolderMailer, Message
from shared.kernel.errors import UnauthenticatedError
from tests.unit.cli.server import PASSWORD

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Cli
    from tests.unit.cli.server import FakeKontor


@pytest.fixture
def store(kontor: FakeKontor, data: Path) -> Path:
    """A stored login without a password, as `kontor login` leaves it."""
    kontor.refresh_tokens.add("kontor_rt_first")
    path = data / PROFILE_FILE
    write_profile(path, Profile(kontor.url, "ada@example.org", refresh="kontor_rt_first"))
    return path


def test_login_is_renewed_without_a_password_and_kept_for_its_owner_only(
    cli: Cli, kontor: FakeKontor, store: Path
) -> None:
    for _ in range(2):
        assert cli("ls").code == 0
        kontor.tokens.clear()
    assert kontor.calls("POST", "/auth/refresh") == 2
    assert kontor.calls("POST", "/auth/login") == 0
    assert stat.S_IMODE(store.stat().st_mode) == 0o600
    stored = read_profile(store)
    assert stored is not None
    assert stored.refresh in kontor.refresh_tokens
    assert stored.refresh not in repr(stored)


def test_commands_that_renew_at_once_share_one_renewal(
    kontor: FakeKontor, store: Path, data: Path
) -> None:
    profile = read_profile(store)
    assert profile is not None

    def command(_number: int) -> object:
        with KontorClient(Target(profile, store, data)) as client:
            return client.me()["email"]

    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(command, range(6))) == {"ada@example.org"}
    assert kontor.calls("POST", "/auth/refresh") == 1


def test_ended_session_asks_to_sign_in_and_is_forgotten(
    cli: Cli, kontor: FakeKontor, store: Path
) -> None:
    kontor.refresh_tokens.clear()
    done = cli("ls")
    assert done.code == 77
    assert "kontor login" in done.err
    stored = read_profile(store)
    assert stored is not None
    assert (stored.token, stored.refresh) == ("", "")


def test_login_takes_the_code_that_the_server_asks_for(
    cli: Cli, kontor: FakeKontor, monkeypatch: pytest.MonkeyPatch
) -> None:
    kontor.code = "123456"
    words = ("login", "--api", kontor.url, "-e", "ada@example.org", "--password-stdin")
    monkeypatch.setattr("sys.stdin", io.StringIO(PASSWORD + "\n"))
    wrong = cli(*words, "--totp", "000000")
    assert (wrong.code, "The code is wrong." in wrong.err) == (77, True)
    monkeypatch.setattr("sys.stdin", io.StringIO(PASSWORD + "\n123456\n"))
    assert cli(*words).code == 0
    assert cli("ls", "--api", kontor.url).code == 0


def test_given_token_is_never_renewed(kontor: FakeKontor, data: Path) -> None:
    target = Target(Profile(kontor.url, token="stale"), None, data)
    with KontorClient(target) as client, pytest.raises(UnauthenticatedError):
        client.me()
    assert kontor.calls("POST", "/auth/refresh") == 0


def test_mails_of_the_local_server_are_listed_and_followed(cli: Cli, data: Path) -> None:
    assert "No mails" in cli("mail").out
    mailer = FolderMailer(data / "mail", sender="kontor@localhost")
    link = "http://127.0.0.1:3000/auth/verify?token=kontor_ln_x"
    mailer.send(Message("ada@example.org", "Old", "old\n", "<p>old</p>"))
    follower = MailFollower(data / "mail")
    mailer.send(Message("ada@example.org", "Bitte bestätigen", f"Hier:\n\n{link}\n", "<p>x</p>"))
    assert follower.new_lines() == [f"mail to ada@example.org: Bitte bestätigen {link}"]
    assert follower.new_lines() == []
    listed = json.loads(cli("mail", "--json").out)["items"]
    assert [one["link"] for one in listed] == ["", link]
    assert listed == read_mails(data / "mail")
    assert link in cli("mail").out


@pytest.mark.parametrize(
    "text",
    ["", "email\nada@example.org\n", "email,display_name,role,password_hash\nada@x.org,,,\n"],
)
def test_people_that_cannot_be_imported_are_named_before_anything_is_sent(
    cli: Cli, signed_in: Path, kontor: FakeKontor, tmp_path: Path, text: str
) -> None:
    file = tmp_path / "people.csv"
    file.write_text(text)
    done = cli("import-users", str(file))
    assert done.code == 65
    assert "people.csv" in done.err
    assert kontor.calls("POST", "/api/v1/users/import") == 0
