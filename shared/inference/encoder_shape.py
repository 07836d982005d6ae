"""What an encoder's ``config.json`` says of it: its numbers, and what its weights are called.

Four families cover the sentence encoders people use: BERT (MiniLM, E5, GBERT, BGE), RoBERTa
(XLM-R, CamemBERT), DistilBERT and MPNet. They share one arithmetic, post-layer normalisation as
in Devlin et al. 2018, and differ in names, in where positions begin, and in MPNet's relative
positions (Song et al. 2020, with the buckets of T5).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from shared.kernel.errors import InvalidError

Activation = Literal["gelu", "gelu_tanh", "relu"]

_ACTIVATIONS: Mapping[str, Activation] = {
    "gelu": "gelu",
    "gelu_new": "gelu_tanh",
    "gelu_fast": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
    "relu": "relu",
}


@dataclass(frozen=True, slots=True)
class Names:
    """What one layer's weights are called, after the layer's own prefix."""

    layer: str = "encoder.layer."
    query: str = "attention.self.query"
    key: str = "attention.self.key"
    value: str = "attention.self.value"
    attention_output: str = "attention.output.dense"
    attention_norm: str = "attention.output.LayerNorm"
    inner: str = "intermediate.dense"
    outer: str = "output.dense"
    outer_norm: str = "output.LayerNorm"


_BERT = Names()
_MPNET = Names(
    query="attention.attn.q",
    key="attention.attn.k",
    value="attention.attn.v",
    attention_output="attention.attn.o",
    attention_norm="attention.LayerNorm",
)
_DISTILBERT = Names(
    layer="transformer.layer.",
    query="attention.q_lin",
    key="attention.k_lin",
    value="attention.v_lin",
    attention_output="attention.out_lin",
    attention_norm="sa_layer_norm",
    inner="ffn.lin1",
    outer="ffn.lin2",
    outer_norm="output_layer_norm",
)


@dataclass(frozen=True, slots=True)
class EncoderShape:
    """The numbers of an encoder that its weights do not say by themselves.

    ``first_position`` is the row of the position table that a text's first token has.
    ``relative_buckets`` is 0 for encoders without relative positions.
    """

    hidden: int
    heads: int
    layers: int
    epsilon: float
    activation: Activation = "gelu"
    names: Names = _BERT
    first_position: int = 0
    has_segments: bool = True
    relative_buckets: int = 0

    @classmethod
    def from_config(cls, config: Mapping[str, object]) -> EncoderShape:
        """Read a ``config.json``; raises InvalidError naming what cannot be built."""
        kind = str(config.get("model_type", "bert"))
        readers = {
            "bert": _bert,
            "roberta": _roberta,
            "xlm-roberta": _roberta,
            "camembert": _roberta,
            "distilbert": _distilbert,
            "mpnet": _mpnet,
        }
        if kind not in readers:
            raise InvalidError(
                f"The model's model_type is {kind!r}; only {', '.join(readers)} can be built."
            )
        if config.get("position_embedding_type", "absolute") != "absolute":
            raise InvalidError(
                f"The model's position_embedding_type is {config['position_embedding_type']!r}; "
                "only 'absolute' can be built."
            )
        try:
            shape = readers[kind](config)
        except KeyError as error:
            raise InvalidError(f"The model's config.json lacks {error}.") from error
        if shape.hidden % shape.heads:
            raise InvalidError("The model's hidden size is not a multiple of its heads.")
        return shape


def _bert(config: Mapping[str, object]) -> EncoderShape:
    return EncoderShape(
        hidden=_number(config, "hidden_size"),
        heads=_number(config, "num_attention_heads"),
        layers=_number(config, "num_hidden_layers"),
        epsilon=float(str(config.get("layer_norm_eps", 1e-12))),
        activation=_activation(config.get("hidden_act", "gelu")),
    )


def _roberta(config: Mapping[str, object]) -> EncoderShape:
    plain = _bert(config)
    return EncoderShape(
        hidden=plain.hidden,
        heads=plain.heads,
        layers=plain.layers,
        epsilon=plain.epsilon,
        activation=plain.activation,
        first_position=int(str(config.get("pad_token_id", 1))) + 1,
    )


def _mpnet(config: Mapping[str, object]) -> EncoderShape:
    plain = _bert(config)
    return EncoderShape(
        hidden=plain.hidden,
        heads=plain.heads,
        layers=plain.layers,
        epsilon=plain.epsilon,
        activation=plain.activation,
        names=_MPNET,
        # transformers' MPNetEmbeddings fixes its padding index at 1, whatever the config says.
        first_position=2,
        has_segments=False,
        relative_buckets=int(str(config.get("relative_attention_num_buckets", 32))),
    )


def _distilbert(config: Mapping[str, object]) -> EncoderShape:
    return EncoderShape(
        hidden=_number(config, "dim"),
        heads=_number(config, "n_heads"),
        layers=_number(config, "n_layers"),
        epsilon=1e-12,
        activation=_activation(config.get("activation", "gelu")),
        names=_DISTILBERT,
        has_segments=False,
    )


def _number(config: Mapping[str, object], name: str) -> int:
    return int(str(config[name]))


def _activation(name: object) -> Activation:
    if str(name) not in _ACTIVATIONS:
        raise InvalidError(
            f"The model's hidden_act is {name!r}; only {', '.join(_ACTIVATIONS)} can be built."
        )
    return _ACTIVATIONS[str(name)]
