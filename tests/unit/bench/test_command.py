"""`kontor bench` over a server that runs: its table, its JSON, its complaints."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.bench.embedding import measure_embedding, smallest_cosine
from infra.bench.server import BenchServer, measure_start
from infra.cli.bench import _number, surroundings
from infra.cli.main import main
from infra.cli.target import ROOT
from shared.kernel.errors import UnavailableError

Cli = Callable[..., tuple[int, str, str]]


@pytest.fixture
def cli(capfd: pytest.CaptureFixture[str]) -> Cli:
    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(["bench", *arguments])
        out, err = capfd.readouterr()
        return int(ended.value.code or 0), out, err

    return run


def test_an_unknown_part_is_refused_with_the_known_ones(cli: Cli) -> None:
    code, out, err = cli("serach")
    assert code != 0
    assert not out
    assert "'serach'" in err
    assert "search" in err


def test_a_named_folder_without_a_server_is_refused(cli: Cli, tmp_path: Path) -> None:
    code, _, err = cli("search", "--data", str(tmp_path))
    assert code != 0
    assert "No server is known here" in err


def test_the_json_names_the_host_and_every_number(
    cli: Cli, model_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.bench.workshop.Workshop.model_dir", model_dir)
    monkeypatch.setattr("infra.bench.embedding.TEXTS", 3)
    code, out, _ = cli("embedding", "--chunks", "10", "--json")
    body = json.loads(out)
    assert code == 0
    assert body["host"]["cores"] == os.cpu_count()
    (speed,) = body["measurements"]
    assert speed["name"] == "embedding"
    assert speed["value"] > 0
    assert "--peer-python" in speed["note"]


def test_a_peer_without_the_package_is_named(model_dir: Path) -> None:
    with pytest.raises(UnavailableError, match="No module named 'sentence_transformers'"):
        measure_embedding(
            ["one text"],
            model_dir=model_dir,
            peer_python=Path(sys.executable),
            surroundings={},
            progress=lambda _: None,
            rounds=1,
        )


def test_agreement_is_that_of_the_worst_pair() -> None:
    import numpy as np

    ours = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]], dtype=np.float32)
    assert smallest_cosine(ours, [[1.0, 0.0], [0.8, 0.6]]) == pytest.approx(0.6)


def test_a_server_that_does_not_start_gives_its_last_words(tmp_path: Path) -> None:
    server = BenchServer(ROOT, tmp_path / "data", {"PATH": "", "LOG_LEVEL": "no level"})
    with pytest.raises(UnavailableError, match="LOG_LEVEL"):
        measure_start(server, progress=lambda _: None, runs=1)
    assert not server.is_running


def test_settings_of_the_person_do_not_reach_the_measured_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("DATABASE_URL", "AWS_PROFILE", "KONTOR_API", "LLM_MODEL"):
        monkeypatch.setenv(name, "the person's own")
    monkeypatch.setenv("HOME", "/somewhere")
    given = surroundings()
    assert "the person's own" not in given.values()
    assert given["HOME"] == "/somewhere"


@pytest.mark.parametrize(
    ("value", "text"), [(6123.4, "6,123"), (83.94, "83.9"), (4.96, "4.96"), (0.21849, "0.2185")]
)
def test_numbers_keep_three_digits_that_mean_something(value: float, text: str) -> None:
    assert _number(value) == text
