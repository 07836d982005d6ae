"""Fixtures of the command line's tests: a server, a signed-in data folder, a way to run it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from infra.cli.main import main
from infra.cli.target import PROFILE_FILE, Profile, write_profile
from tests.unit.cli.server import PASSWORD, FakeKontor, Serving


@dataclass
class Run:
    """What a command left behind."""

    code: int
    out: str
    err: str


Cli = Callable[..., Run]


@pytest.fixture
def kontor() -> Iterator[FakeKontor]:
    fake = FakeKontor()
    serving = Serving(fake)
    yield fake
    serving.stop()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def signed_in(kontor: FakeKontor, data: Path) -> Path:
    """A data folder whose profile can sign in by itself, as `kontor up` leaves it."""
    profile = Profile(kontor.url, email="ada@example.org", tenant="demo", password=PASSWORD)
    write_profile(data / PROFILE_FILE, profile)
    return data


@pytest.fixture
def cli(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Cli:
    """Run the program in this process, over this test's data folder and home."""
    monkeypatch.setenv("KONTOR_DATA", str(data))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("KONTOR_API", raising=False)
    monkeypatch.delenv("KONTOR_TOKEN", raising=False)

    def run(*arguments: str) -> Run:
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
        sys.stdout.flush()
        out, err = capfd.readouterr()
        code = ended.value.code
        return Run(code if isinstance(code, int) else 0, out, err)

    return run
