from __future__ import annotations

from pathlib import Path

import pytest

from shared.inference.embedding import Embedder
from shared.inference.registry import open_embedder


@pytest.fixture(scope="session")
def embedder(model_dir: Path) -> Embedder:
    return open_embedder(model_dir, "all-MiniLM-L6-v2", threads=2)
