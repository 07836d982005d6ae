"""Lets a database know the models that lie in a folder: a number for each, and a graph."""

from __future__ import annotations

from collections.abc import Iterable

from shared.adapters.database import Database
from shared.inference.model import EmbeddingModel
from shared.search.shadow import admit_model


def register_models(url: str, models: Iterable[EmbeddingModel]) -> None:
    """Register models, each in a transaction of its own; known ones are left as they are."""
    database = Database(url)
    try:
        for model in models:
            with database.system_transaction() as session:
                admit_model(session, model)
    finally:
        database.close()
