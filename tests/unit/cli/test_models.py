"""`kontor model` and `kontor cache`: what people see, and what they are told when it is wrong."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from infra.cli.owner import Running, write_running
from shared.kernel.settings import settings
from tests.unit.inference.folders import write_folder

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Cli
    from tests.unit.cli.server import FakeKontor


@pytest.fixture(autouse=True)
def _no_models_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MODEL_DIR", "DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    settings.cache_clear()


def test_a_model_is_added_listed_shown_and_checked(cli: Cli, data: Path, tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "tiny-model")
    before = json.loads(cli("model", "list", "--json").out)
    assert {each["state"] for each in before["models"]} == {
        "built at first start", "needs its folder",
    }  # fmt: skip
    added = cli("model", "add", str(folder))
    assert added.code == 0, added.err
    assert "kontor reprocess start --reason model --model tiny-model" in added.out
    assert "when the server starts" in added.out
    assert (data / "models" / "tiny-model").is_dir()
    listed = json.loads(cli("model", "list", "--json").out)["models"]
    assert [each["state"] for each in listed if each["name"] == "tiny-model"] == ["ready"]
    assert "tiny-model" in cli("model", "list").out
    shown = json.loads(cli("model", "show", "tiny-model", "--json").out)
    assert (shown["dimension"], shown["pooling"]) == (16, "mean")
    assert "46 tokens of text" in cli("model", "show", "tiny-model").out
    assert cli("model", "check", "tiny-model").out == "tiny-model is whole.\n"


def test_a_running_servers_database_learns_of_it_at_once(
    cli: Cli, data: Path, owner_url: str, tmp_path: Path
) -> None:
    data.mkdir()
    write_running(data, Running(os.getpid(), "http://127.0.0.1:1", owner_url))
    folder = write_folder(tmp_path / "wide-model", dense=32)
    made = json.loads(cli("model", "add", str(folder), "--name", "mine", "--json").out)
    assert made["is_registered"]
    with psycopg.connect(owner_url) as connection:
        rows = connection.execute(
            "SELECT name, revision, dimension FROM kontor.embedding_models WHERE id = 2"
        ).fetchall()
        index = connection.execute(
            "SELECT indexdef FROM pg_indexes WHERE indexname = 'chunk_vectors_graph_2'"
        ).fetchone()
    assert rows == [("mine", made["revision"], 32)]
    assert index is not None
    assert "halfvec(32)" in index[0]


def test_what_is_wrong_with_a_model_is_said(cli: Cli, tmp_path: Path) -> None:
    assert cli("model", "add", str(tmp_path / "nowhere")).code == 66
    assert "kontor model list" in cli("model", "show", "unknown").err
    pairs = tmp_path / "pairs.tsv"
    pairs.write_text("a\tb\n")
    folder = write_folder(tmp_path / "tiny")
    assert "20 to 2000 tell enough" in cli("model", "add", str(folder), "--pairs", str(pairs)).err


def test_caches_are_shown_and_cleared_over_the_api(
    cli: Cli, signed_in: Path, kontor: FakeKontor
) -> None:
    kontor.answers["GET", "/caches"] = {
        "corpus_version": 7,
        "results": 3,
        "result_bytes": 2048,
        "answers": 1,
        "vectors": 40,
        "redis_results": 2,
    }
    kontor.answers["DELETE", "/caches"] = {}
    shown = cli("cache", "stats").out
    assert "40 texts not embedded twice" in shown
    assert "in Redis       2" in shown
    assert json.loads(cli("cache", "stats", "--json").out)["corpus_version"] == 7
    assert cli("cache", "clear").out == "Cleared.\n"
    assert ("DELETE", "/caches", {}) in kontor.requests
