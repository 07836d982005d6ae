"""Draws a BERT encoder as an ONNX graph from its weights, so that no install needs torch.

The graph takes token ids and a mask and gives one vector of length 1 per text: mean pooling and
normalisation are inside. Matrices are stored as float16 (half the file, cosine > 0.99999 against
float32, research measurement) and computed in float32. Architecture: Devlin et al. 2018, with
post-layer normalisation and exact GELU as in the published MiniLM checkpoints.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, checker, helper, numpy_helper

from shared.kernel.errors import InvalidError

if TYPE_CHECKING:
    from numpy.typing import NDArray

OPSET = 20
IR_VERSION = 10
INPUT_IDS = "input_ids"
ATTENTION_MASK = "attention_mask"
OUTPUT = "embedding"

_MASKED = -1e9


@dataclass(frozen=True, slots=True)
class BertShape:
    """The numbers of a BERT encoder that its weights do not say by themselves."""

    hidden: int
    heads: int
    layers: int
    epsilon: float

    @classmethod
    def from_config(cls, config: Mapping[str, object]) -> BertShape:
        """Read a ``config.json``; raises InvalidError when it is not a plain BERT."""
        expected = {
            "model_type": "bert",
            "hidden_act": "gelu",
            "position_embedding_type": "absolute",
        }
        for field, value in expected.items():
            if config.get(field, value) != value:
                raise InvalidError(
                    f"The model's {field} is {config[field]!r}; only {value!r} can be built."
                )
        shape = cls(
            hidden=int(str(config["hidden_size"])),
            heads=int(str(config["num_attention_heads"])),
            layers=int(str(config["num_hidden_layers"])),
            epsilon=float(str(config["layer_norm_eps"])),
        )
        if shape.hidden % shape.heads:
            raise InvalidError("The model's hidden size is not a multiple of its heads.")
        return shape


def build_model(shape: BertShape, weights: Mapping[str, NDArray[np.float32]]) -> ModelProto:
    """Build the checked ONNX model; raises InvalidError when a weight is missing."""
    drawing = _Drawing(weights)
    mask = drawing.add("Cast", [ATTENTION_MASK], to=TensorProto.FLOAT)
    hidden = _embeddings(drawing, shape)
    penalty = _attention_penalty(drawing, mask)
    for layer in range(shape.layers):
        hidden = _layer(drawing, shape, f"encoder.layer.{layer}.", hidden, penalty)
    _pool(drawing, hidden, mask)
    graph = helper.make_graph(
        drawing.nodes,
        "bert-sentence-encoder",
        [
            helper.make_tensor_value_info(name, TensorProto.INT64, ["texts", "tokens"])
            for name in (INPUT_IDS, ATTENTION_MASK)
        ],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["texts", shape.hidden])],
        drawing.constants,
    )
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="kontor",
    )
    checker.check_model(model)
    return model


class _Drawing:
    """Nodes and constants drawn so far; every method returns the name of its result."""

    def __init__(self, weights: Mapping[str, NDArray[np.float32]]) -> None:
        self._weights = weights
        self._known: set[str] = set()
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []

    def add(self, operator: str, inputs: list[str], *, result: str = "", **settings: Any) -> str:
        name = result or f"{operator}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [name], name=name, **settings))
        return name

    def constant(self, name: str, value: object, kind: type[np.generic]) -> str:
        if name not in self._known:
            self._known.add(name)
            array = np.array(value, dtype=kind, order="C")
            self.constants.append(numpy_helper.from_array(array, name))
        return name

    def weight(self, name: str) -> NDArray[np.float32]:
        try:
            return self._weights[name]
        except KeyError as error:
            raise InvalidError(f"The model's weights lack {name!r}.") from error

    def vector(self, name: str) -> str:
        return self.constant(name, self.weight(name), np.float32)

    def matrix(self, name: str) -> str:
        """Store a matrix transposed for ``x @ W`` as float16, computed in float32."""
        stored = self.constant(name, self.weight(name).T, np.float16)
        return self.add("Cast", [stored], to=TensorProto.FLOAT)

    def linear(self, source: str, prefix: str) -> str:
        product = self.add("MatMul", [source, self.matrix(prefix + ".weight")])
        return self.add("Add", [product, self.vector(prefix + ".bias")])

    def layer_norm(self, source: str, prefix: str, *, epsilon: float) -> str:
        scale, bias = self.vector(prefix + ".weight"), self.vector(prefix + ".bias")
        return self.add("LayerNormalization", [source, scale, bias], epsilon=epsilon, axis=-1)

    def axes(self, *axes: int) -> str:
        return self.constant(f"axes_{'_'.join(map(str, axes))}", list(axes), np.int64)


def _embeddings(drawing: _Drawing, shape: BertShape) -> str:
    """Sum word, position and segment vectors; the float16 word table is cast after the look-up."""
    prefix = "embeddings."
    words = drawing.constant("words", drawing.weight(prefix + "word_embeddings.weight"), np.float16)
    looked_up = drawing.add("Gather", [words, INPUT_IDS], axis=0)
    word = drawing.add("Cast", [looked_up], to=TensorProto.FLOAT)
    positions = drawing.constant(
        "positions", drawing.weight(prefix + "position_embeddings.weight"), np.float16
    )
    length = drawing.add(
        "Slice", [drawing.add("Shape", [INPUT_IDS]), drawing.axes(1), drawing.axes(2)]
    )
    first = drawing.add("Slice", [positions, drawing.axes(0), length, drawing.axes(0)])
    position = drawing.add("Cast", [first], to=TensorProto.FLOAT)
    segment = drawing.constant(
        "segment", drawing.weight(prefix + "token_type_embeddings.weight")[0], np.float32
    )
    total = drawing.add("Add", [drawing.add("Add", [word, position]), segment])
    return drawing.layer_norm(total, prefix + "LayerNorm", epsilon=shape.epsilon)


def _attention_penalty(drawing: _Drawing, mask: str) -> str:
    """Give 0 for real tokens and a huge negative for padding, shaped (texts, 1, 1, tokens)."""
    wide = drawing.add("Unsqueeze", [mask, drawing.axes(1, 2)])
    absent = drawing.add("Sub", [drawing.constant("unit", 1.0, np.float32), wide])
    return drawing.add("Mul", [absent, drawing.constant("masked", _MASKED, np.float32)])


def _layer(drawing: _Drawing, shape: BertShape, prefix: str, hidden: str, penalty: str) -> str:
    attention = prefix + "attention.output."
    context = _attention(drawing, shape, prefix + "attention.self.", hidden, penalty)
    attended = drawing.add("Add", [drawing.linear(context, attention + "dense"), hidden])
    middle = drawing.layer_norm(attended, attention + "LayerNorm", epsilon=shape.epsilon)
    inner = drawing.add("Gelu", [drawing.linear(middle, prefix + "intermediate.dense")])
    outer = drawing.add("Add", [drawing.linear(inner, prefix + "output.dense"), middle])
    return drawing.layer_norm(outer, prefix + "output.LayerNorm", epsilon=shape.epsilon)


def _attention(drawing: _Drawing, shape: BertShape, prefix: str, hidden: str, penalty: str) -> str:
    per_head = shape.hidden // shape.heads
    split = drawing.constant("split_heads", [0, 0, shape.heads, per_head], np.int64)
    joined = drawing.constant("join_heads", [0, 0, shape.hidden], np.int64)

    def heads(name: str, order: list[int]) -> str:
        flat = drawing.add("Reshape", [drawing.linear(hidden, prefix + name), split])
        return drawing.add("Transpose", [flat], perm=order)

    query, value = heads("query", [0, 2, 1, 3]), heads("value", [0, 2, 1, 3])
    product = drawing.add("MatMul", [query, heads("key", [0, 2, 3, 1])])
    scale = drawing.constant("scale", 1.0 / math.sqrt(per_head), np.float32)
    scored = drawing.add("Add", [drawing.add("Mul", [product, scale]), penalty])
    mixed = drawing.add("MatMul", [drawing.add("Softmax", [scored], axis=-1), value])
    return drawing.add("Reshape", [drawing.add("Transpose", [mixed], perm=[0, 2, 1, 3]), joined])


def _pool(drawing: _Drawing, hidden: str, mask: str) -> None:
    """Average over real tokens, then scale to length 1, as all-MiniLM's own modules do."""
    weight = drawing.add("Unsqueeze", [mask, drawing.axes(2)])
    total = drawing.add(
        "ReduceSum", [drawing.add("Mul", [hidden, weight]), drawing.axes(1)], keepdims=0
    )
    count = drawing.add("ReduceSum", [weight, drawing.axes(1)], keepdims=0)
    mean = drawing.add("Div", [total, count])
    drawing.add("LpNormalization", [mean], result=OUTPUT, axis=-1, p=2)
