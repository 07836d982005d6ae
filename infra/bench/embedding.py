"""Embedding speed: tokens per second, ours against sentence-transformers on the same texts.

Both take turns in the same run, so that whatever else the machine does strikes both. Both cut at
the model's length; a token counts once it is embedded, special tokens included.
"""

from __future__ import annotations

import contextlib
import json
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from infra.bench.measurement import Measurement, Progress
from shared.inference.embedding import TOKENIZER_FILE, Embedder, Tokenizer
from shared.inference.registry import known_model, model_folder, open_embedder, wheel_folder
from shared.kernel.errors import UnavailableError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NAME = "all-MiniLM-L6-v2"
ROUNDS = 5
TEXTS, TEXT_CHARS = 96, 900  # as long as the chunks of our documents; some seconds a round
REST_S = 0.3  # OpenMP's threads spin that long after their work and would steal ours
PEER_SCRIPT = Path(__file__).with_name("peer.py")
HOW_TO = (
    "to compare: python3 -m venv DIR; DIR/bin/pip install torch==2.13.0 sentence-transformers; "
    "make bench ARGS='embedding --peer-python DIR/bin/python'"
)


def sample_texts(contents: Sequence[bytes]) -> list[str]:
    """Cut texts as long as chunks out of files, evenly over all of them."""
    whole = "\n".join(content.decode("utf-8", "replace") for content in contents)
    step = max(TEXT_CHARS, len(whole) // TEXTS)
    texts = [whole[at : at + TEXT_CHARS] for at in range(0, len(whole), step)]
    return [text for text in texts if text.strip()][:TEXTS]


def measure_embedding(
    texts: Sequence[str],
    *,
    model_dir: Path,
    peer_python: Path | None,
    surroundings: Mapping[str, str],
    progress: Progress,
    rounds: int = ROUNDS,
) -> list[Measurement]:
    """Measure tokens per second; against the peer when a Python that has it is named.

    Raises UnavailableError when the peer does not run.
    """
    tokens = count_tokens(texts, model_dir)
    embedder = open_embedder(model_dir, NAME)
    embedder.embed(texts[:8])
    with contextlib.ExitStack() as stack:
        peer = None
        if peer_python is not None:
            progress("Loading sentence-transformers.")
            peer = stack.enter_context(_peer(peer_python, texts, surroundings))
        turns = []
        for number in range(1, rounds + 1):
            progress(f"Embedding, round {number} of {rounds}.")
            turns.append(_take_turns(embedder, peer, texts))
    note = f"{len(texts)} texts, {tokens:,} tokens, median of {rounds} rounds"
    speed = tokens / statistics.median(turn.our_seconds for turn in turns)
    if peer is None:
        return [Measurement("embedding", speed, "tokens/s", f"{note}; {HOW_TO}")]
    peer_speed = tokens / statistics.median(turn.their_seconds for turn in turns)
    cosine = min(turn.cosine for turn in turns)
    return [
        Measurement("embedding", speed, "tokens/s", note),
        Measurement("embedding by sentence-transformers", peer_speed, "tokens/s", note),
        Measurement("embedding, ours to theirs", speed / peer_speed, "times", "ratio of medians"),
        Measurement("embedding, least agreement", cosine, "cosine", "vectors of the same text"),
    ]


@dataclass(frozen=True, slots=True)
class _Turn:
    our_seconds: float
    their_seconds: float
    cosine: float


def _take_turns(
    embedder: Embedder, peer: subprocess.Popen[str] | None, texts: Sequence[str]
) -> _Turn:
    """Embed the same texts, we first, then the peer if there is one."""
    began = time.perf_counter()
    vectors = embedder.embed(texts)
    our_seconds = time.perf_counter() - began
    if peer is None:
        return _Turn(our_seconds, 0.0, 0.0)
    time.sleep(REST_S)
    reply = _ask(peer, "embed")
    time.sleep(REST_S)
    cosine = smallest_cosine(vectors, reply["vectors"])
    return _Turn(our_seconds, float(str(reply["seconds"])), cosine)


def count_tokens(texts: Sequence[str], model_dir: Path) -> int:
    """Count the tokens that are embedded: cut at the model's length, special ones included."""
    known = known_model(NAME)
    tokenizer = Tokenizer(model_folder(model_dir, known) / TOKENIZER_FILE)
    return sum(map(len, tokenizer.encode(texts, max_tokens=known.model.max_tokens)))


def smallest_cosine(ours: NDArray[np.float32], theirs: object) -> float:
    """Compare the first rows of both, all of length 1."""
    import numpy as np

    other = np.asarray(theirs, dtype=np.float32)
    return float(np.einsum("ij,ij->i", ours[: len(other)], other).min())


@contextlib.contextmanager
def _peer(
    python: Path, texts: Sequence[str], surroundings: Mapping[str, str]
) -> Iterator[subprocess.Popen[str]]:
    known = known_model(NAME)
    script = [str(PEER_SCRIPT), str(wheel_folder(known)), str(known.model.max_tokens)]
    with tempfile.TemporaryFile("w+", encoding="utf-8") as said:
        try:
            process = subprocess.Popen(  # noqa: S603 - the Python that the person named
                [str(python.absolute()), "-I", *script],
                env={**surroundings, "HF_HUB_OFFLINE": "1"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=said,
                text=True,
            )
        except OSError as error:
            raise UnavailableError(f"{python} does not run: {error.strerror}.") from error
        try:
            _ask(process, json.dumps(list(texts)))
            yield process
        except EOFError as error:
            process.wait()
            said.seek(0)
            last = said.read().strip().splitlines() or ["it said nothing"]
            raise UnavailableError(
                f"sentence-transformers does not run: {last[-1]}", hint=HOW_TO
            ) from error
        finally:
            process.kill()
            process.communicate()


def _ask(process: subprocess.Popen[str], line: str) -> dict[str, object]:
    """Send a line and read the answer. Raises EOFError when the peer has ended."""
    assert process.stdin is not None
    assert process.stdout is not None
    with contextlib.suppress(BrokenPipeError):  # it has ended; reading shows it
        process.stdin.write(line + "\n")
        process.stdin.flush()
    answer = process.stdout.readline()
    if not answer:
        raise EOFError
    reply = json.loads(answer)
    return reply if isinstance(reply, dict) else {}
