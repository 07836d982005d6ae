"""Tiny sentence-transformers folders with random weights, as people would copy them here."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

_LIST = """
    the a is in of and who what when how long notice period lease tenant garden price due pays
    wer was wann wie lange die der das ist und frist mieter vermieter miete vertrag endet query
    passage : . ? ! , 1 2 3 euro month monat hello happy person word"""
WORDS = _LIST.split()
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
LETTERS = [chr(n) for n in range(ord("a"), ord("z") + 1)]
WIDTH = 16


def write_tokenizer(path: Path) -> int:
    """Write a WordPiece tokenizer; returns how many words it knows."""
    pieces = [*SPECIAL, *WORDS, *LETTERS, *(f"##{letter}" for letter in LETTERS)]
    vocabulary = {piece: number for number, piece in enumerate(dict.fromkeys(pieces))}
    made = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        special_tokens=[("[CLS]", vocabulary["[CLS]"]), ("[SEP]", vocabulary["[SEP]"])],
    )
    made.save(str(path))
    return len(vocabulary)


def write_folder(
    path: Path,
    *,
    seed: int = 7,
    pooling: str = "pooling_mode_mean_tokens",
    prompts: dict[str, str] | None = None,
    dense: int = 0,
    prefix: str = "",
    **config: object,
) -> Path:
    """Write a whole folder: an encoder of two layers, pooling, perhaps a dense layer."""
    (path / "1_Pooling").mkdir(parents=True)
    known = write_tokenizer(path / "tokenizer.json")
    settings = {
        "model_type": "bert",
        "hidden_size": WIDTH,
        "num_attention_heads": 2,
        "num_hidden_layers": 2,
        "intermediate_size": 2 * WIDTH,
        "max_position_embeddings": 64,
        "vocab_size": known,
        "layer_norm_eps": 1e-12,
        "hidden_act": "gelu",
        **config,
    }
    write(path / "config.json", settings)
    write(path / "sentence_bert_config.json", {"max_seq_length": 48, "do_lower_case": False})
    modules = [("", "Transformer"), ("1_Pooling", "Pooling")]
    write(path / "1_Pooling" / "config.json", {"word_embedding_dimension": WIDTH, pooling: True})
    random = np.random.default_rng(seed)
    if dense:
        modules.append(("2_Dense", "Dense"))
        (path / "2_Dense").mkdir()
        write(
            path / "2_Dense" / "config.json",
            {"in_features": WIDTH, "out_features": dense, "activation_function": "torch.nn.Tanh"},
        )
        layer = {
            "linear.weight": random.normal(0, 0.5, (dense, WIDTH)).astype(np.float32),
            "linear.bias": random.normal(0, 0.5, dense).astype(np.float32),
        }
        save_file(layer, path / "2_Dense" / "model.safetensors")
    modules.append(("9_Normalize", "Normalize"))
    listed = [
        {"idx": n, "name": str(n), "path": place, "type": f"sentence_transformers.models.{kind}"}
        for n, (place, kind) in enumerate(modules)
    ]
    (path / "modules.json").write_text(json.dumps(listed))
    if prompts is not None:
        write(path / "config_sentence_transformers.json", {"prompts": prompts})
    weights = bert_weights(random, known, places=64)
    save_file({prefix + name: value for name, value in weights.items()}, path / "model.safetensors")
    return path


def write(path: Path, fields: dict[str, object]) -> None:
    path.write_text(json.dumps(fields))


def bert_weights(random: np.random.Generator, words: int, *, places: int) -> dict[str, np.ndarray]:
    sizes: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (words, WIDTH),
        "embeddings.position_embeddings.weight": (places, WIDTH),
        "embeddings.token_type_embeddings.weight": (2, WIDTH),
        "embeddings.LayerNorm.weight": (WIDTH,),
        "embeddings.LayerNorm.bias": (WIDTH,),
    }
    for layer in range(2):
        before = f"encoder.layer.{layer}."
        for name, rows, columns in (
            ("attention.self.query", WIDTH, WIDTH),
            ("attention.self.key", WIDTH, WIDTH),
            ("attention.self.value", WIDTH, WIDTH),
            ("attention.output.dense", WIDTH, WIDTH),
            ("intermediate.dense", 2 * WIDTH, WIDTH),
            ("output.dense", WIDTH, 2 * WIDTH),
        ):
            sizes[f"{before}{name}.weight"] = (rows, columns)
            sizes[f"{before}{name}.bias"] = (rows,)
        for name in ("attention.output.LayerNorm", "output.LayerNorm"):
            sizes[f"{before}{name}.weight"] = (WIDTH,)
            sizes[f"{before}{name}.bias"] = (WIDTH,)
    return {
        name: (random.normal(0, 0.3, size) + name.endswith("LayerNorm.weight"))
        .astype(np.float16)
        .astype(np.float32)
        for name, size in sizes.items()
    }
