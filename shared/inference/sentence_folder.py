"""Reads a sentence-transformers folder: what a model is made of, before anything is built from it.

Such a folder says in ``modules.json`` which parts follow each other. Those that can be drawn are
an encoder, mean or first-token pooling, one dense layer and normalisation; anything else is
refused by name rather than left out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from shared.inference.encoder_shape import EncoderShape
from shared.inference.model import Prefixes
from shared.kernel.errors import InvalidError, NotFoundError, UnavailableError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from shared.inference.encoder_graph import Head

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"
TOKENIZER_FILE = "tokenizer.json"
WORDS = "embeddings.word_embeddings.weight"

_LONGEST_CARD = 1_000_000
_QUERY_PROMPTS = ("query", "web_search_query", "search_query", "question")
_PASSAGE_PROMPTS = ("document", "passage", "corpus", "search_document")


@dataclass(frozen=True, slots=True)
class SentenceFolder:
    """What a folder says of its model. ``dense`` is the folder of the dense layer, if any.

    ``prefixes`` is ``None`` where the folder does not say. ``max_tokens`` counts special tokens.
    """

    path: Path
    encoder: Path
    shape: EncoderShape
    pooling: Literal["mean", "cls"]
    dense: Path | None
    max_tokens: int
    prefixes: Prefixes | None

    @property
    def weights(self) -> Path:
        """The encoder's weights."""
        return self.encoder / WEIGHTS_FILE

    @property
    def tokenizer(self) -> Path:
        """The tokenizer's one file."""
        found = self.encoder / TOKENIZER_FILE
        return found if found.is_file() else self.path / TOKENIZER_FILE


def read_folder(path: Path) -> SentenceFolder:
    """Read what a folder says; raises NotFoundError or InvalidError naming what is wrong."""
    if not path.is_dir():
        raise NotFoundError(f"There is no folder {path}.")
    encoder, pooling, dense = _modules(path)
    config = _json(encoder / CONFIG_FILE)
    shape = EncoderShape.from_config(config)
    return SentenceFolder(
        path=path,
        encoder=encoder,
        shape=shape,
        pooling=pooling,
        dense=dense,
        max_tokens=_max_tokens(path, encoder, config, shape),
        prefixes=_prefixes(path),
    )


def load_weights(path: Path) -> dict[str, NDArray[np.float32]]:
    """Read a weights file as float32, names as the bare encoder has them.

    Raises UnavailableError when only a pickled file is there, InvalidError for a broken one.
    """
    import numpy as np
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    if not path.is_file():
        raise UnavailableError(
            f"{path} is not there.",
            hint="Save the model with safe serialization first: with kontor[sentence-transformers] "
            "installed, SentenceTransformer(FOLDER).save(OTHER_FOLDER) writes it.",
        )
    try:
        loaded = load_file(path)
    except (SafetensorError, OSError, TypeError, ValueError) as error:
        raise InvalidError(
            f"{path} cannot be read as float16 or float32 weights.",
            hint="Copy the file again, or save the model as float32.",
        ) from error
    words = next((name for name in loaded if name.endswith(WORDS)), WORDS)
    before = words.removesuffix(WORDS)
    return {name.removeprefix(before): value.astype(np.float32) for name, value in loaded.items()}


def read_head(folder: SentenceFolder) -> Head:
    """Read how tokens become one vector, the dense layer's weights included."""
    from shared.inference.encoder_graph import Head

    if folder.dense is None:
        return Head(folder.pooling)
    config = _json(folder.dense / CONFIG_FILE)
    activation = str(config.get("activation_function", "Tanh")).rpartition(".")[2]
    if activation not in {"Tanh", "Identity"}:
        raise InvalidError(
            f"The model's dense layer ends in {activation}; only Tanh and Identity can be built."
        )
    return Head(folder.pooling, load_weights(folder.dense / WEIGHTS_FILE), activation == "Tanh")


def _modules(path: Path) -> tuple[Path, Literal["mean", "cls"], Path | None]:
    """Return the encoder's folder, the pooling, and the dense layer's folder."""
    listed = path / "modules.json"
    if not listed.is_file():
        # A bare encoder: sentence-transformers itself then averages its tokens.
        return path, "mean", None
    encoder, pooling, dense = path, None, None
    for module in _list(listed):
        kind = str(module.get("type", "")).rpartition(".")[2]
        place = path / str(module.get("path", ""))
        if kind == "Transformer":
            encoder = place
        elif kind == "Pooling":
            pooling = _pooling(_json(place / CONFIG_FILE))
        elif kind == "Dense" and dense is None:
            dense = place
        elif kind != "Normalize":
            raise InvalidError(f"The model's part {kind!r} cannot be built.")
    if pooling is None:
        raise InvalidError("The model's modules.json names no Pooling.")
    return encoder, pooling, dense


def _pooling(config: Mapping[str, object]) -> Literal["mean", "cls"]:
    chosen = [name for name, is_on in config.items() if name.startswith("pooling_mode_") and is_on]
    named = config.get("pooling_mode")
    if isinstance(named, str):
        chosen = [f"pooling_mode_{named}_tokens" if named == "mean" else f"pooling_mode_{named}"]
    if chosen == ["pooling_mode_mean_tokens"]:
        return "mean"
    if chosen in (["pooling_mode_cls_token"], ["pooling_mode_cls"]):
        return "cls"
    raise InvalidError(
        f"The model pools by {', '.join(chosen) or 'nothing'}; only the mean of its tokens or the "
        "first token can be built."
    )


def _max_tokens(
    path: Path, encoder: Path, config: Mapping[str, object], shape: EncoderShape
) -> int:
    """Read how many tokens the model was made for, at most what its position table holds."""
    room = int(str(config.get("max_position_embeddings", 512))) - shape.first_position
    for file in (path / "sentence_bert_config.json", encoder / "sentence_bert_config.json"):
        if file.is_file() and (said := _json(file).get("max_seq_length")):
            return min(room, int(str(said)))
    file = encoder / "tokenizer_config.json"
    said = _json(file).get("model_max_length") if file.is_file() else None
    # Tokenizers without a limit write a number beyond all bounds.
    return min(room, int(float(str(said)))) if said else room


def _prefixes(path: Path) -> Prefixes | None:
    file = path / "config_sentence_transformers.json"
    prompts = _json(file).get("prompts") if file.is_file() else None
    if not isinstance(prompts, dict) or not any(prompts.values()):
        return None
    return Prefixes(_first(prompts, _QUERY_PROMPTS), _first(prompts, _PASSAGE_PROMPTS))


def _first(prompts: Mapping[str, object], names: tuple[str, ...]) -> str:
    return next((str(prompts[name]) for name in names if prompts.get(name)), "")


def _json(path: Path) -> dict[str, object]:
    found = _read(path)
    if not isinstance(found, dict):
        raise InvalidError(f"{path} is damaged.", hint="Copy the model's folder again, whole.")
    return found


def _list(path: Path) -> list[dict[str, object]]:
    found = _read(path)
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise InvalidError(f"{path} is damaged.", hint="Copy the model's folder again, whole.")
    return found


def _read(path: Path) -> object:
    try:
        if path.stat().st_size > _LONGEST_CARD:
            raise InvalidError(f"{path} is too large to be a model's settings.")
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InvalidError(
            f"{path} is missing.", hint="Name the folder of a sentence-transformers model, whole."
        ) from error
    except (OSError, ValueError) as error:
        raise InvalidError(
            f"{path} is damaged.", hint="Copy the model's folder again, whole."
        ) from error
