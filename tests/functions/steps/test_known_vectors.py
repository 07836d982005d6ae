"""What was embedded once is not embedded again, and goes with the document that brought it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from shared.documents import service as documents
from shared.inference.model import EmbeddingModel
from shared.ingestion import service as ingestion
from shared.ingestion.known_vectors import KnownVectors, forget_old_vectors
from shared.ingestion.task import IngestTask
from shared.kernel.ids import DocumentId, TenantId, UserId, new_id
from shared.wiring import App
from tests.functions.conftest import Uploader
from tests.functions.steps.test_steps import _parse, _run, _upload

TEXT = "# Lease\n\nThe lease ends in May.\n\n# Pets\n\nDogs are allowed.\n"


class Counting:
    """The real model, counting what it is asked."""

    def __init__(self, app: App) -> None:
        self._app = app
        self.asked = 0

    @property
    def model(self) -> EmbeddingModel:
        return self._app.embedder.model

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.asked += len(texts)
        return self._app.embedder.embed(texts)

    def embed_question(self, text: str) -> NDArray[np.float32]:
        return self._app.embedder.embed_question(text)

    def count_tokens(self, text: str) -> int:
        return self._app.embedder.count_tokens(text)


def embed(app: App, task: IngestTask, counting: Counting) -> tuple[int, int]:
    """Embed every batch; returns how many chunks there were and how many were known."""
    answers = [
        ingestion.embed(app.database, app.objects, task, batch, embedder=counting)
        for batch in _parse(app, task)
    ]
    counts = [(int(str(each["count"])), int(str(each["known"]))) for each in answers]
    return sum(count for count, _ in counts), sum(known for _, known in counts)


def kept(app: App, tenant: TenantId) -> int:
    with app.database.transaction(tenant) as session:
        row = session.connection.execute("SELECT count(*) FROM kontor.embedding_cache").fetchone()
    assert row is not None
    return int(row[0])


def test_the_same_text_in_another_document_asks_the_model_nothing(
    wired: App, tenant: TenantId, uploader: Uploader
) -> None:
    counting = Counting(wired)
    first, known = embed(wired, _upload(wired, uploader, TEXT), counting)
    assert (known, counting.asked) == (0, first)
    task = _upload(wired, uploader, TEXT + "\n# Cats\n\nCats are not.\n", filename="b.md")
    second, known = embed(wired, task, counting)
    assert (known, counting.asked) == (first, second)


def test_known_and_new_vectors_are_equal(wired: App, tenant: TenantId, uploader: Uploader) -> None:
    task = _upload(wired, uploader, TEXT)
    texts = ["one text", "another text", "one text"]
    rows = []
    for _ in range(2):
        known = KnownVectors(wired.database, tenant, task.document_id, Counting(wired))
        rows.append(known.embed(texts))
    assert known.hits == 3
    np.testing.assert_array_equal(*rows)
    np.testing.assert_allclose(rows[0], wired.embedder.embed(texts), atol=1e-3)


def test_another_tenant_or_model_knows_nothing(
    wired: App, tenant: TenantId, other_tenant: TenantId, uploader: Uploader
) -> None:
    task = _upload(wired, uploader, TEXT)
    KnownVectors(wired.database, tenant, task.document_id, Counting(wired)).embed(["a text"])
    elsewhere = KnownVectors(wired.database, other_tenant, task.document_id, Counting(wired))
    elsewhere.embed(["a text"])
    assert elsewhere.hits == 0
    assert kept(wired, other_tenant) == 0, "the document is not the other tenant's"


def test_an_erased_document_takes_its_vectors_with_it(
    wired: App, tenant: TenantId, uploader: Uploader
) -> None:
    task = _upload(wired, uploader, TEXT)
    _run(wired, task)
    assert kept(wired, tenant) == 2
    with wired.database.transaction(tenant) as session:
        documents.remove_document(session, task.document_id, removed_by=UserId(new_id()))
    assert kept(wired, tenant) == 2, "it may come back from the trash"
    assert wired.erasure.erase(tenant, task.document_id)
    assert kept(wired, tenant) == 0
    late = KnownVectors(wired.database, tenant, task.document_id, Counting(wired))
    late.embed(["a step that was still under way"])
    assert kept(wired, tenant) == 0


@pytest.mark.parametrize(("days", "most", "left"), [(0, 100, 0), (30, 1, 1), (30, 100, 3)])
def test_what_nobody_uses_and_what_is_too_much_goes(
    wired: App, tenant: TenantId, uploader: Uploader, days: int, most: int, left: int
) -> None:
    document: DocumentId = _upload(wired, uploader, TEXT).document_id
    for text in ("one", "two", "three"):
        KnownVectors(wired.database, tenant, document, Counting(wired)).embed([text])
    with wired.database.transaction(tenant) as session:
        forget_old_vectors(session, days=days, most=most)
    assert kept(wired, tenant) == left
