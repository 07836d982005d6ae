from __future__ import annotations

from pathlib import Path

import pytest

from infra.deploy.model import ensure_model
from shared.inference.embedding import Embedder
from shared.inference.registry import open_embedder


@pytest.fixture(scope="session")
def model_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    ensure_model(folder)
    return folder


@pytest.fixture(scope="session")
def embedder(model_dir: Path) -> Embedder:
    return open_embedder(model_dir, "all-MiniLM-L6-v2", threads=2)
