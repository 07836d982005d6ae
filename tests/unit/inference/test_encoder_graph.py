"""Every architecture's graph computes what transformers computes from the same weights.

The figures below were computed once with transformers 5.24 and torch 2.13 from the weights that
``architectures`` makes: mean over real tokens, length 1, the first six of sixteen numbers.
"""

from __future__ import annotations

import numpy as np
import pytest

from shared.inference.encoder_graph import Head, Precision, build_model
from shared.inference.encoder_shape import EncoderShape
from shared.kernel.errors import InvalidError
from tests.unit.inference.architectures import CONFIGS, HIDDEN, texts, weights_of

COMPUTED = {
    "bert": (
        [0.08658, -0.53084, 0.00863, -0.58883, 0.20617, 0.10763],
        [0.08833, -0.52055, 0.00425, -0.55952, 0.20271, 0.10320],
    ),
    "xlm-roberta": (
        [0.08667, -0.53133, 0.00757, -0.57723, 0.20038, 0.10508],
        [0.08212, -0.52479, 0.00224, -0.55587, 0.19409, 0.09951],
    ),
    "mpnet": (
        [0.15723, -0.10736, -0.50795, 0.16854, 0.19011, -0.07943],
        [0.07429, -0.05785, -0.46358, 0.25923, 0.25722, -0.03174],
    ),
    "distilbert": (
        [-0.16505, -0.09196, -0.14713, 0.07055, 0.04757, -0.06954],
        [-0.14034, -0.13033, -0.04461, 0.09267, -0.01000, -0.07376],
    ),
}


def run(
    kind: str, head: Head | None = None, precision: Precision = "half", **changes: np.ndarray
) -> np.ndarray:
    import onnxruntime

    shape = EncoderShape.from_config(CONFIGS[kind])
    graph = build_model(shape, {**weights_of(kind), **changes}, head, precision=precision)
    session = onnxruntime.InferenceSession(
        graph.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    ids, mask = texts()
    (vectors,) = session.run(["embedding"], {"input_ids": ids, "attention_mask": mask})
    found: np.ndarray = vectors
    return found


@pytest.mark.parametrize("kind", COMPUTED)
def test_the_graph_computes_what_transformers_computes(kind: str) -> None:
    vectors = run(kind)
    assert vectors.shape == (2, HIDDEN)
    np.testing.assert_allclose(vectors[:, :6], COMPUTED[kind], atol=5e-5)


@pytest.mark.parametrize("kind", COMPUTED)
def test_bytes_change_little(kind: str) -> None:
    cosines = (run(kind, precision="byte") * run(kind)).sum(axis=1)
    assert cosines.min() > 0.998


@pytest.mark.parametrize("precision", ["half", "byte"])
@pytest.mark.parametrize("kind", COMPUTED)
def test_padding_changes_nothing(kind: str, precision: Precision) -> None:
    words = weights_of(kind)["embeddings.word_embeddings.weight"].copy()
    ids, mask = texts()
    unseen = sorted(set(ids[1][mask[1] == 0]) - set(ids[1][mask[1] == 1]))
    words[unseen] += 3
    changed = run(kind, precision=precision, **{"embeddings.word_embeddings.weight": words})
    np.testing.assert_allclose(changed[1], run(kind, precision=precision)[1], atol=1e-5)


def test_numbers_too_large_for_half_precision_are_kept_whole() -> None:
    table = weights_of("bert")["embeddings.word_embeddings.weight"].copy()
    table[1] = 1e6
    assert np.isfinite(run("bert", **{"embeddings.word_embeddings.weight": table})).all()


def test_a_dense_layer_of_another_width_is_refused() -> None:
    dense = {"linear.weight": np.ones((4, HIDDEN + 1), np.float32)}
    with pytest.raises(InvalidError, match="dense layer does not fit"):
        run("bert", Head(dense=dense))
