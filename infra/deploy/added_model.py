"""Builds an operator's own embedding model: a sentence-transformers folder in, one of ours out.

Nothing is downloaded, and no PyTorch is needed: the graph is drawn from the weights. Where the
extra ``kontor[sentence-transformers]`` is installed, the built model is held against the original
and refused when they differ.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import re
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from infra.deploy.model import (
    OUTPUTS,
    QUESTION_LEAST_COSINE,
    draw,
    files_of,
    has_its_bytes,
    install,
    question_parity,
)
from infra.deploy.prefixes import Pair, fit_prefixes
from shared.inference.cards import CARD_FILE, Card, check_card, check_name, find_card, read_card
from shared.inference.embedding import QUESTION_FILE, TOKENIZER_FILE, OnnxEmbedder, Tokenizer
from shared.inference.model import EmbeddingModel, Prefixes
from shared.inference.registry import MODELS
from shared.inference.sentence_folder import (
    SentenceFolder,
    load_weights,
    read_folder,
    read_head,
)
from shared.kernel.errors import ConflictError, InvalidError, UnavailableError
from shared.kernel.hashing import sha256_of_file

if TYPE_CHECKING:
    from shared.inference.embedding import Embedder

Progress = Callable[[str], None]

LEAST_COSINE = 0.9995
"""How closely each vector must agree with the original's; float16 weights keep 0.99999."""

PARITY_TEXTS = (
    "",
    "Hello",
    "That is a happy person.",
    "Die Kündigungsfrist beträgt drei Monate zum Monatsende.",
    "Wie lange habe ich Zeit, um gegen den Bescheid Widerspruch einzulegen?",
    "§ 433 Abs. 1 BGB: Durch den Kaufvertrag wird der Verkäufer einer Sache verpflichtet.",
    "The quick brown fox jumps over the lazy dog, 1,234.56 times a year.",
    "Rechnung Nr. 2026-0815 vom 3. März 2026 über 1.190,00 € inkl. 19 % USt.",
    "Ärger über Öl im Übermaß: Straßenfußballmannschaftsführer",
    "E-mail ada@example.org about the café — “naïve” résumé, 東京 and Ω.",
    "word " * 700,
    "Der Vermieter hat die Mietsache während der Mietzeit in diesem Zustand zu erhalten. " * 40,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the operator wants of a model beyond its folder; empty fields leave it to the folder."""

    name: str = ""
    max_tokens: int = 0
    prefixes: Prefixes | None = None
    pairs: Sequence[Pair] = ()


def add_model(
    source: Path, model_dir: Path, wish: Wish, *, progress: Progress = lambda _: None
) -> Card:
    """Build the model of a sentence-transformers folder below ``model_dir``; returns its card.

    A model that was built before is left as it is. Raises InvalidError for a folder that cannot
    be built or whose vectors differ from the original's, ConflictError for a name that is taken
    by other weights, UnavailableError when weights are absent or the disk refuses.
    """
    name = wish.name or name_of(source)
    check_name(name)
    if name in MODELS and MODELS[name].model.revision:
        raise ConflictError(
            f"{name} comes with Kontor, which builds it from its own wheel.",
            hint="Give another model another name with --name.",
        )
    folder = read_folder(source)
    if wish.max_tokens:
        folder = replace(folder, max_tokens=_most_tokens(folder, wish.max_tokens))
    target = model_dir / name
    try:
        target.mkdir(parents=True, exist_ok=True)
        building = Path(tempfile.mkdtemp(prefix=".building-", dir=target))
        try:
            return _add(folder, building, target, wish=wish, progress=progress)
        finally:
            shutil.rmtree(building, ignore_errors=True)
    except OSError as error:
        raise UnavailableError(
            f"The model cannot be written to {target}: {error.strerror}.",
            hint="Free space, or set another MODEL_DIR.",
        ) from error


def name_of(source: Path) -> str:
    """Name a model after its folder; a snapshot in Hugging Face's cache after its repository."""
    place = source.resolve()
    if place.parent.name == "snapshots":
        return place.parent.parent.name.rpartition("--")[2]
    return place.name


def _most_tokens(folder: SentenceFolder, wanted: int) -> int:
    config = json.loads((folder.encoder / "config.json").read_text(encoding="utf-8"))
    room = int(config.get("max_position_embeddings", 512)) - folder.shape.first_position
    if not 16 <= wanted <= room:  # noqa: PLR2004 - fewer hold no sentence
        raise InvalidError(f"The model reads 16 to {room} tokens, not {wanted}.")
    return wanted


def _add(
    folder: SentenceFolder,
    building: Path,
    target: Path,
    *,
    wish: Wish,
    progress: Progress,
) -> Card:
    name, model_dir = target.name, target.parent
    progress(f"Reading the weights of {name}.")
    dimension = _draw(folder, building, progress)
    plain = EmbeddingModel(name, dimension, "", folder.max_tokens)
    if not question_parity(OnnxEmbedder(building, plain), PARITY_TEXTS) >= QUESTION_LEAST_COSINE:
        progress("Bytes are too coarse for this model: questions share the passages' graph.")
        (building / QUESTION_FILE).unlink()
    prefixes, reason = fit_prefixes(
        folder, OnnxEmbedder(building, plain), name=name, given=wish.prefixes, pairs=wish.pairs
    )
    tokens = Tokenizer(building / TOKENIZER_FILE).count_tokens(prefixes.passage)
    model = replace(plain, revision=_revision(folder, prefixes), prefix_tokens=tokens)
    present = find_card(model_dir, name)
    if present is not None and present.model == model and has_its_bytes(present.folder):
        progress(f"{name} was built before.")
        return present
    if present is not None and present.model != model:
        raise ConflictError(
            f"There is another model {name} already ({present.model.revision}).",
            hint="Documents may be embedded with it. Give the new one a name of its own: --name.",
        )
    progress("Comparing it with the original.")
    parity = compare(folder, OnnxEmbedder(building, model))
    _write_card(building, folder, model, prefixes, {"prefixes_by": reason, "parity": parity})
    install(building, target / model.revision, model)
    return read_card(target / model.revision)


def _draw(folder: SentenceFolder, building: Path, progress: Progress) -> int:
    """Draw the graph and put the tokenizer beside it; returns the vectors' width."""
    if not folder.tokenizer.is_file():
        raise InvalidError(
            f"{folder.path} has no {TOKENIZER_FILE}.",
            hint="Save its tokenizer as a fast one: AutoTokenizer.from_pretrained(FOLDER)"
            ".save_pretrained(FOLDER).",
        )
    weights, head = load_weights(folder.weights), read_head(folder)
    progress("Drawing the graph.")
    graph = draw(building, folder.shape, weights, head)
    shutil.copyfile(folder.tokenizer, building / TOKENIZER_FILE)
    return int(graph.graph.output[0].type.tensor_type.shape.dim[1].dim_value)


def _revision(folder: SentenceFolder, prefixes: Prefixes) -> str:
    """Name everything that a vector depends on, in twelve hexadecimal digits."""
    parts = [
        sha256_of_file(folder.weights).hex(),
        sha256_of_file(folder.tokenizer).hex(),
        sha256_of_file(folder.dense / "model.safetensors").hex() if folder.dense else "",
        folder.pooling,
        str(folder.max_tokens),
        prefixes.query,
        prefixes.passage,
    ]
    return f"{hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:12]}-f16"


def compare(folder: SentenceFolder, built: Embedder) -> float | None:
    """Return the least cosine between the built model's vectors and the original's.

    ``None`` when sentence-transformers is not installed. Raises InvalidError when they differ,
    or when the built model's vectors are none.
    """
    import numpy as np

    ours = built.embed(PARITY_TEXTS)
    if not np.isfinite(ours).all() or float(np.abs((ours**2).sum(1) - 1).max()) > 1e-3:  # noqa: PLR2004 - rounding
        raise InvalidError(
            "The built model's vectors are not of length 1: its weights are damaged."
        )
    if importlib.util.find_spec("sentence_transformers") is None:
        return None
    from shared.inference.torch_embedding import SentenceTransformerEmbedder

    theirs = SentenceTransformerEmbedder(folder.path, built.model).embed(PARITY_TEXTS)
    least = float((ours * theirs).sum(axis=1).min())
    if not least >= LEAST_COSINE:  # also true for NaN
        raise InvalidError(
            f"The built model's vectors differ from the original's: cosine {least:.4f}, "
            f"at least {LEAST_COSINE} is wanted.",
            hint="The folder has parts that its settings do not name; it cannot be used.",
        )
    return round(least, 6)


def _write_card(
    building: Path,
    folder: SentenceFolder,
    model: EmbeddingModel,
    prefixes: Prefixes,
    found: dict[str, object],
) -> None:
    config = json.loads((folder.encoder / "config.json").read_text(encoding="utf-8"))
    card = {
        "name": model.name,
        "dimension": model.dimension,
        "revision": model.revision,
        "max_tokens": model.max_tokens,
        "prefix_tokens": model.prefix_tokens,
        "query_prefix": prefixes.query,
        "passage_prefix": prefixes.passage,
        "architecture": str(config.get("model_type", "bert")),
        "layers": folder.shape.layers,
        "pooling": folder.pooling,
        **found,
        "source_sha256": sha256_of_file(folder.weights).hex(),
        "outputs": OUTPUTS,
        "files": files_of(building),
    }
    (building / CARD_FILE).write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")


def examine(card: Card, original: Path | None = None) -> float | None:
    """Check a built model again: its bytes, its vectors, and the original's where it is named.

    Returns the least cosine with the original, ``None`` without one to compare. Raises
    InvalidError or UnavailableError when something is wrong.
    """
    check_card(card)
    if not has_its_bytes(card.folder):
        raise InvalidError(
            f"The files in {card.folder} are not those that were built.",
            hint="Remove the folder and build it again: kontor model add FOLDER.",
        )
    built = OnnxEmbedder(card.folder, card.model, prefixes=card.prefixes)
    if original is not None:
        plain = OnnxEmbedder(card.folder, card.model)
        found = compare(read_folder(original), plain)
        if found is None:
            raise UnavailableError(
                "The original cannot be run: sentence-transformers is not installed.",
                hint="Install kontor[sentence-transformers] to compare; nothing else needs it.",
            )
        return found
    vectors = built.embed(PARITY_TEXTS[1:3])
    if float(abs(vectors[0] @ vectors[0] - 1)) > 1e-3:  # noqa: PLR2004 - rounding
        raise InvalidError(f"The vectors of {card.model.name} are not of length 1.")
    return None


def has_extra() -> bool:
    """Whether the original can be run here at all."""
    return importlib.util.find_spec("sentence_transformers") is not None


def languages_of(name: str) -> str:
    """Say which languages a model that is known by name reads."""
    known = MODELS.get(name)
    return known.languages if known else ("many" if re.search("multilingual", name, re.I) else "")
