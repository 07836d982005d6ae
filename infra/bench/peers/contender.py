"""The other systems' side of the comparison, run by a Python that has them.

``python contender.py NAME MODEL_FOLDER STORE`` reads one line of JSON, ``{"texts": [[id, text],
…], "queries": [[id, text], …], "timed": [text, …]}``, and answers with one line: seconds for taking
the texts in, the ranking of each query, the milliseconds of each timed one for ten hits, the CPU
seconds of both, and the share of the tokens that the model reads of what it is given: it cuts
whatever is longer, and says nothing. It must import nothing of ours. The vendors are imported by
name: a plain import would tell the floors' guard that this product depends on them. Each is set up
as its own documentation does it, with the model in MODEL_FOLDER.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

DEPTH, ASKED = 100, 10
Pairs = Sequence[Sequence[str]]


class Contender(Protocol):
    """What a system must be able to do here."""

    version: str

    def pieces(self, texts: Pairs) -> list[Sequence[str]]:
        """Cut texts into what is embedded, each with its text's id."""

    def take(self, pieces: Pairs) -> None:
        """Take the pieces in."""

    def find(self, query: str, depth: int) -> list[str]:
        """Rank texts by so many hits."""


class Txtai:
    """txtai: BM25 and vectors, mixed by its own hybrid search."""

    def __init__(self, model: str, store: str) -> None:
        vendor = importlib.import_module("txtai")
        self.version = _version("txtai")
        self._index: Any = vendor.Embeddings(
            path=model, method="sentence-transformers", hybrid=True, content=False
        )
        self._store = store
        self._index.batchtransform(["warm up"], "query")

    def pieces(self, texts: Pairs) -> list[Sequence[str]]:
        """Leave the texts whole."""
        return list(texts)

    def take(self, pieces: Pairs) -> None:
        """Index all texts and save the index, as Kontor's is saved."""
        self._index.index((text_id, text, None) for text_id, text in pieces)
        self._index.save(self._store)

    def find(self, query: str, depth: int) -> list[str]:
        """Rank texts."""
        return [str(text_id) for text_id, _score in self._index.search(query, depth)]


class LangChain:
    """LangChain's splitter and retriever over Chroma, the tutorial's sizes of chunks."""

    def __init__(self, model: str, store: str) -> None:
        embeddings = importlib.import_module("langchain_huggingface").HuggingFaceEmbeddings(
            model_name=model,
            model_kwargs={"device": "cpu", "local_files_only": True},
            encode_kwargs={"normalize_embeddings": True},
        )
        splitters = importlib.import_module("langchain_text_splitters")
        self._splitter: Any = splitters.RecursiveCharacterTextSplitter(
            chunk_size=1000, chunk_overlap=200
        )
        chroma = importlib.import_module("langchain_chroma")
        self.version = f"{_version('langchain')}, chroma {_version('chromadb')}"
        self._store: Any = chroma.Chroma(
            collection_name="peers",
            embedding_function=embeddings,
            persist_directory=store,
            collection_metadata={"hnsw:space": "cosine"},
        )
        embeddings.embed_query("warm up")

    def pieces(self, texts: Pairs) -> list[Sequence[str]]:
        """Split the texts."""
        return [
            (text_id, part) for text_id, text in texts for part in self._splitter.split_text(text)
        ]

    def take(self, pieces: Pairs) -> None:
        """Add all pieces, in parts as large as Chroma takes."""
        for first in range(0, len(pieces), 4000):
            some = pieces[first : first + 4000]
            self._store.add_texts(
                [part for _, part in some], metadatas=[{"text": text_id} for text_id, _ in some]
            )

    def find(self, query: str, depth: int) -> list[str]:
        """Rank texts by their best part."""
        found = self._store.similarity_search(query, k=depth)
        return list(dict.fromkeys(str(part.metadata["text"]) for part in found))


CONTENDERS: dict[str, Callable[[str, str], Contender]] = {"txtai": Txtai, "langchain": LangChain}


def main(name: str, model: str, store: str) -> None:
    """Take the texts in, answer the queries, say how it went."""
    job = json.loads(sys.stdin.readline())
    contender = CONTENDERS[name](model, store)
    began, cpu_began = time.perf_counter(), time.process_time()
    pieces = contender.pieces(job["texts"])
    contender.take(pieces)
    seconds, cpu_s = time.perf_counter() - began, time.process_time() - cpu_began
    rankings = {query_id: contender.find(query, DEPTH) for query_id, query in job["queries"]}
    times: list[float] = []
    contender.find("warm up", ASKED)
    cpu_began = time.process_time()
    for query in job["timed"]:
        began = time.perf_counter()
        contender.find(query, ASKED)
        times.append((time.perf_counter() - began) * 1000)
    body = {
        "version": contender.version,
        "seconds": seconds,
        "cpu_s": cpu_s,
        "query_cpu_s": time.process_time() - cpu_began,
        "read": read_share([piece for _, piece in pieces], Path(model)),
        "ms": times,
        "rankings": rankings,
    }
    sys.stdout.write(f"\n{json.dumps(body)}\n")
    sys.stdout.flush()


def read_share(pieces: Sequence[str], model: Path) -> float:
    """Return which share of the pieces' tokens the model reads."""
    vendor = importlib.import_module("tokenizers").Tokenizer.from_file(f"{model}/tokenizer.json")
    vendor.no_truncation()
    vendor.no_padding()
    config = json.loads((model / "sentence_bert_config.json").read_text("utf-8"))
    most = int(config["max_seq_length"])
    lengths: list[int] = [len(each.ids) for each in vendor.encode_batch(list(pieces))]
    return sum(min(length, most) for length in lengths) / sum(lengths)


def _version(package: str) -> str:
    return importlib.metadata.version(package)


if __name__ == "__main__":
    main(*sys.argv[1:])
