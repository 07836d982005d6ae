"""A tenant's passages embedded by another model, then the switch and the way back."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from shared.inference import registry
from shared.inference.registry import known_model
from shared.kernel.errors import ConflictError, InvalidError, NotFoundError
from shared.kernel.ids import TenantId
from shared.reprocessing import service, switching
from shared.reprocessing.model import Order
from shared.search import service as search
from shared.search.model import SearchRequest
from shared.wiring import App
from tests.functions.conftest import Uploader
from tests.functions.reprocess.workflow import (
    LEASE,
    MINILM,
    QUESTION,
    found,
    gate,
    put,
    rows,
    show,
    start,
    switch,
    work_all,
)
from tests.functions.steps.test_steps import _run, _upload


def variant(folder: Path, name: str, matrix: np.ndarray) -> registry.KnownModel:
    """Build another embedding model: the known one with its space turned by a matrix."""
    known = known_model(MINILM)
    width = matrix.shape[1]
    model = replace(
        known.model, name=name, dimension=width, revision=f"{known.model.revision}-turned"
    )
    source = folder / MINILM / known.model.revision
    target = folder / name / model.revision
    target.mkdir(parents=True)
    graph = onnx.load(source / "model.onnx")
    output = graph.graph.output[0].name
    graph.graph.output[0].type.tensor_type.shape.dim[1].dim_value = width
    for node in graph.graph.node:
        node.output[:] = ["plain" if each == output else each for each in node.output]
    graph.graph.initializer.append(numpy_helper.from_array(matrix.astype(np.float32), "turn"))
    graph.graph.node.append(helper.make_node("MatMul", ["plain", "turn"], ["turned"]))
    graph.graph.node.append(helper.make_node("LpNormalization", ["turned"], [output], axis=-1, p=2))
    onnx.save(graph, target / "model.onnx")
    shutil.copy(source / "tokenizer.json", target)
    card = json.loads((source / "model.json").read_text())
    card.update(name=name, revision=model.revision, dimension=width)
    del card["files"]["question.onnx"]
    card["files"]["model.onnx"]["size_bytes"] = (target / "model.onnx").stat().st_size
    (target / "model.json").write_text(json.dumps(card))
    return replace(known, model=model, wheel="")


@pytest.fixture(scope="module")
def turned_models(
    model_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, tuple[Path, registry.KnownModel]]:
    """Models with the same distances in other spaces, and one that has lost nearly all."""
    folder = tmp_path_factory.mktemp("models")
    shutil.copytree(model_dir / MINILM, folder / MINILM)
    random = np.random.default_rng(7)
    rotation, _ = np.linalg.qr(random.normal(size=(384, 384)))
    wide, _ = np.linalg.qr(random.normal(size=(768, 384)))
    flat = np.zeros((384, 384))
    flat[:, :2] = rotation[:, :2]
    return {
        name: (folder, variant(folder, name, matrix))
        for name, matrix in (("turned", rotation), ("widened", wide.T), ("flattened", flat))
    }


@pytest.fixture
def models(
    wired: App,
    turned_models: dict[str, tuple[Path, registry.KnownModel]],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[App]:
    """The App with these models in its registry."""
    for name, (folder, known) in turned_models.items():
        monkeypatch.setitem(registry.MODELS, name, known)
        moved = wired.settings.model_copy(update={"model_dir": str(folder)})
    monkeypatch.setattr(wired, "settings", moved)
    return wired


def test_a_new_model_answers_after_the_switch_and_the_way_back_is_open(
    models: App, tenant: TenantId, uploader: Uploader
) -> None:
    put(models, uploader)
    before = found(models, tenant)
    made = start(models, tenant, Order(reason="model", model="turned"))
    assert work_all(models, tenant) == 1
    assert found(models, tenant) == before
    verdict = gate(models, tenant, made)
    assert verdict["is_open"], verdict
    assert verdict["questions"] == rows(models, tenant, "chunks")
    assert verdict["found_after"] == verdict["found_before"] == 1
    assert switch(models, tenant, made) == "switched"
    with models.database.transaction(tenant) as session:
        assert models.embedder_in(session).model.name == "turned"
        wrong = search.find(session, models.embedder, SearchRequest(query=QUESTION)).hits
        right = search.find(session, models.embedder_in(session), SearchRequest(query=QUESTION))
    assert found(models, tenant) == before
    assert right.hits[0].dense_score == pytest.approx(wrong[0].dense_score, abs=0.01)

    back = start(models, tenant, Order(reason="model", model=MINILM))
    assert show(models, tenant, back).reprocessing.state == "ready"
    assert gate(models, tenant, back)["is_open"]
    assert switch(models, tenant, back) == "switched"
    with models.database.transaction(tenant) as session:
        assert models.embedder_in(session).model.name == MINILM
    assert found(models, tenant) == before
    switching.drop(models.database, models.objects, tenant, back, until=time.monotonic() + 9)
    assert rows(models, tenant, "chunk_vectors") == rows(models, tenant, "chunks")


def test_a_model_that_finds_less_is_refused_and_can_be_forced(
    models: App, tenant: TenantId, uploader: Uploader
) -> None:
    for number in range(12):
        put(models, uploader, LEASE.replace("garden", f"garden {number}"))
    made = start(models, tenant, Order(reason="model", model="flattened"))
    work_all(models, tenant)
    verdict = gate(models, tenant, made)
    assert not verdict["is_open"]
    assert float(str(verdict["found_after"])) < float(str(verdict["found_before"])) - 0.02
    with pytest.raises(ConflictError, match="The new model finds"):
        switch(models, tenant, made)
    assert switch(models, tenant, made, is_forced=True) == "switched"


def test_documents_that_come_during_and_after_a_switch_are_embedded_by_the_new_model(
    models: App, tenant: TenantId, uploader: Uploader
) -> None:
    put(models, uploader)
    made = start(models, tenant, Order(reason="model", model="turned"))
    work_all(models, tenant)
    late = put(models, uploader, LEASE.replace("garden", "harbour"))
    with models.database.transaction(tenant) as session:
        assert switching.plan_late_comers(session, made) == 1
    assert show(models, tenant, made).reprocessing.state == "running"
    assert work_all(models, tenant) == 1
    with models.database.transaction(tenant) as session:
        assert switching.plan_late_comers(session, made) == 0
        switching.begin_switch(session, made, is_forced=True)
    # Embedded by the old model before the switch, written into the index after it.
    put(models, uploader, LEASE.replace("garden", "island"))
    assert service.sweep(models.database, models.workflows, tenant, silent_after_s=0) == 0
    assert work_all(models, tenant) == 1
    assert rows(models, tenant, "chunk_vectors") == 2 * rows(models, tenant, "chunks")
    assert late.version_id is not None
    assert "island" in found(models, tenant, "When does the lease of the island end?")[0][1]


def test_a_model_of_another_width_takes_over_and_hands_back(
    models: App, tenant: TenantId, uploader: Uploader
) -> None:
    put(models, uploader)
    before = found(models, tenant)
    made = start(models, tenant, Order(reason="model", model="widened"))
    work_all(models, tenant)
    verdict = gate(models, tenant, made)
    assert verdict["is_open"], verdict
    assert verdict["found_after"] == verdict["graph_recall"] == 1
    assert switch(models, tenant, made) == "switched"
    assert found(models, tenant) == before
    # What comes from now on is embedded at the new width by the ordinary workflow.
    task = _upload(models, uploader, LEASE.replace("garden", "island"))
    _run(models, task, embedder=models.embedder_of(tenant))
    assert "island" in found(models, tenant, "When does the lease of the island end?")[0][1]
    assert rows(models, tenant, "chunk_vectors") == int(1.5 * rows(models, tenant, "chunks"))


def test_a_new_model_concerns_every_document(
    wired: App, tenant: TenantId, uploader: Uploader
) -> None:
    put(wired, uploader)
    with pytest.raises(InvalidError, match="concerns all documents"):
        start(wired, tenant, Order(reason="model", model=MINILM, folder="contracts"))


def test_another_tenants_reprocessing_is_not_there(
    wired: App, tenant: TenantId, other_tenant: TenantId, uploader: Uploader
) -> None:
    put(wired, uploader)
    made = start(wired, tenant, Order(reason="chunking"))
    with pytest.raises(NotFoundError):
        show(wired, other_tenant, made)
    with pytest.raises(NotFoundError), wired.database.transaction(other_tenant) as session:
        switching.begin_abandoning(session, made)
