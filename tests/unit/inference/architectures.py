"""Random weights of every architecture that can be drawn, under the names its checkpoints use."""

from __future__ import annotations

import numpy as np

WORDS, PLACES, HIDDEN, INNER = 50, 152, 16, 32
_BERT = {
    "layer": "encoder.layer.{}.",
    "square": ["attention.self.query", "attention.self.key", "attention.self.value",
               "attention.output.dense"],
    "inner": "intermediate.dense",
    "outer": "output.dense",
    "norms": ["attention.output.LayerNorm", "output.LayerNorm"],
}  # fmt: skip
_MPNET = {
    **_BERT,
    "square": [f"attention.attn.{name}" for name in "qkvo"],
    "norms": ["attention.LayerNorm", "output.LayerNorm"],
}
_DISTILBERT = {
    "layer": "transformer.layer.{}.",
    "square": [f"attention.{name}_lin" for name in ("q", "k", "v", "out")],
    "inner": "ffn.lin1",
    "outer": "ffn.lin2",
    "norms": ["sa_layer_norm", "output_layer_norm"],
}
CONFIGS: dict[str, dict[str, object]] = {
    kind: {
        "model_type": kind,
        "hidden_size": HIDDEN,
        "num_attention_heads": 2,
        "num_hidden_layers": 2,
        "intermediate_size": INNER,
        "vocab_size": WORDS,
        "max_position_embeddings": PLACES,
        "layer_norm_eps": 1e-5,
        "pad_token_id": 0 if kind == "bert" else 1,
        "type_vocab_size": 1,
        "hidden_act": "gelu_new" if kind == "bert" else "gelu",
    }
    for kind in ("bert", "xlm-roberta", "mpnet")
}
CONFIGS["distilbert"] = {
    "model_type": "distilbert", "dim": HIDDEN, "n_heads": 2, "n_layers": 2, "hidden_dim": INNER,
    "vocab_size": WORDS, "max_position_embeddings": PLACES, "activation": "relu",
}  # fmt: skip


def weights_of(kind: str) -> dict[str, np.ndarray]:
    """Make weights that float16 holds exactly, the same every time."""
    names = {"mpnet": _MPNET, "distilbert": _DISTILBERT}.get(kind, _BERT)
    sizes: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (WORDS, HIDDEN),
        "embeddings.position_embeddings.weight": (PLACES, HIDDEN),
        "embeddings.LayerNorm.weight": (HIDDEN,),
        "embeddings.LayerNorm.bias": (HIDDEN,),
    }
    if kind in {"bert", "xlm-roberta"}:
        sizes["embeddings.token_type_embeddings.weight"] = (1, HIDDEN)
    if kind == "mpnet":
        sizes["encoder.relative_attention_bias.weight"] = (32, 2)
    for layer in range(2):
        before = str(names["layer"]).format(layer)
        for name in names["square"]:
            sizes |= {f"{before}{name}.weight": (HIDDEN, HIDDEN), f"{before}{name}.bias": (HIDDEN,)}
        inner, outer = names["inner"], names["outer"]
        sizes |= {f"{before}{inner}.weight": (INNER, HIDDEN), f"{before}{inner}.bias": (INNER,)}
        sizes |= {f"{before}{outer}.weight": (HIDDEN, INNER), f"{before}{outer}.bias": (HIDDEN,)}
        for name in names["norms"]:
            sizes |= {f"{before}{name}.weight": (HIDDEN,), f"{before}{name}.bias": (HIDDEN,)}
    random = np.random.default_rng(5)
    return {
        name: (random.normal(0, 0.4, size) + (len(size) == 1 and name.endswith("orm.weight")))
        .astype(np.float16)
        .astype(np.float32)
        for name, size in sizes.items()
    }


def texts() -> tuple[np.ndarray, np.ndarray]:
    """Token ids and mask of a long text and a padded short one."""
    ids = np.random.default_rng(6).integers(2, WORDS, size=(2, 140))
    mask = np.ones_like(ids)
    mask[1, 9:] = 0
    return ids, mask
