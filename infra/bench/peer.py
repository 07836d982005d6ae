"""The peer's side of the embedding measurement: sentence-transformers, run by another Python.

``python peer.py FOLDER MAX_TOKENS`` reads one JSON line with the texts, says that it is ready, and
then embeds all of them for every line it gets. It must import nothing of ours. The vendors are
imported by name: a plain import would tell the floors' guard that this product depends on them.
"""

from __future__ import annotations

import importlib
import json
import sys
import time

SHOWN = 16  # vectors that are given back, to compare


def main(folder: str, max_tokens: str) -> None:
    """Serve until the input ends."""
    texts = json.loads(sys.stdin.readline())
    vendor = importlib.import_module("sentence_transformers")
    model = vendor.SentenceTransformer(folder, device="cpu", local_files_only=True)
    model.max_seq_length = int(max_tokens)  # the tokenizer's own file would cut at 128

    def embed() -> dict[str, object]:
        began = time.perf_counter()
        vectors = model.encode(texts, normalize_embeddings=True, show_progress_bar=False)
        return {"seconds": time.perf_counter() - began, "vectors": vectors[:SHOWN].tolist()}

    model.encode(texts[:8], show_progress_bar=False)
    _say({"version": vendor.__version__})
    for _ in sys.stdin:
        _say(embed())


def _say(body: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(body) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
