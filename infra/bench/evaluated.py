"""A judged set's library with an App that works on it: what every evaluation here measures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from infra.bench.judged import Text
from infra.bench.measurement import Progress
from infra.bench.remembering import RememberingEmbedder
from infra.bench.scratch import ScratchLibrary, open_library
from infra.deploy.model import ensure_model
from shared.inference.embedding import Embedder
from shared.inference.registry import open_embedder
from shared.ingestion.preferences import ReadingSettings
from shared.kernel.settings import settings
from shared.wiring import App


@dataclass(frozen=True, slots=True)
class Evaluated:
    """A set's library, an App that works on it, and the embedder that remembers nothing."""

    app: App
    library: ScratchLibrary
    plain: Embedder


@contextmanager
def open_evaluated(
    work: Path, name: str, texts: Sequence[Text], threads: int, progress: Progress
) -> Iterator[Evaluated]:
    """Open the library of a set, and an App that works on it with this machine's settings."""
    models = work / "models"
    config = settings()
    if not config.model_dir:
        ensure_model(models, progress=progress)
    folder = config.model_dir or str(models)
    plain = open_embedder(folder, config.embedding_model, threads=threads)
    vectors = f"{name}.{plain.model.name}@{plain.model.revision}"
    embedder = RememberingEmbedder(plain, work / "vectors" / f"{vectors}.npz", progress)
    arithmetic = config.passage_arithmetic
    passages = RememberingEmbedder(
        open_embedder(folder, config.embedding_model, threads=threads, arithmetic=arithmetic),
        work / "vectors" / f"{vectors}.{arithmetic}.npz",
        progress,
    )
    reading = ReadingSettings(chunk_tokens=config.chunk_tokens)
    try:
        with open_library(
            work, texts, embedder=passages, settings=reading, progress=progress
        ) as library:
            changed = {
                "database_url": SecretStr(library.database_url),
                "model_dir": folder,
                "answer_cache": "off",  # every question is answered, also in a second run
            }
            app = App(config.model_copy(update=changed))
            app.__dict__["embedder"] = embedder
            try:
                yield Evaluated(app, library, plain)
            finally:
                app.database.close()
    finally:
        passages.save()
        embedder.save()  # also what an interrupted run has learned


@contextmanager
def forgetful(opened: Evaluated) -> Iterator[None]:
    """Embed everything anew for a while, so that times are those of a first question."""
    app = opened.app
    remembering = app.embedder
    app.__dict__["embedder"] = opened.plain
    try:
        yield
    finally:
        app.__dict__["embedder"] = remembering
