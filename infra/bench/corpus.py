"""What a bench server is filled with, and the questions it is asked.

A corpus is a BEIR ``corpus.jsonl`` (one ``{"title", "text"}`` per line), a folder of files, or, by
default, prose that is installed anyway: the packages' own descriptions, Python's reference, the
manual of AWS's interfaces. Texts are bundled into Markdown files, as people keep them, since one
file per paragraph would measure the pipeline's steps and not its work.
"""

from __future__ import annotations

import gzip
import html
import importlib.metadata
import importlib.util
import json
import pydoc_data.topics
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from shared.kernel.errors import InvalidError, NotFoundError

BUNDLE_CHARS = 32_768
CHARS_PER_CHUNK = 525  # what a chunk of such prose comes to; only decides where to stop
SHORTEST_CHARS = 200
MANUALS = ("s3", "sqs", "stepfunctions", "events", "lambda")  # what this product uses comes first
QUERIES_FILE = "queries.jsonl"
_TAGS = re.compile(r"<[^>]{1,200}>")
_SPACE = re.compile(r"[ \t\r\f\v]+")


@dataclass(frozen=True, slots=True)
class CorpusFile:
    """One file to upload."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Corpus:
    """Files, the questions that came with them if any did, and where they are from."""

    files: tuple[CorpusFile, ...]
    questions: tuple[str, ...]
    origin: str


def read_corpus(path: Path | None, *, chunks: int) -> Corpus:
    """Read the corpus at ``path``, or the installed prose; enough for about ``chunks`` chunks.

    Raises NotFoundError when nothing is there, InvalidError when it is not a corpus.
    """
    if path is None:
        return Corpus(_bundles(installed_prose(), chunks), (), "prose of the installed packages")
    if path.is_dir():
        corpus = path / "corpus.jsonl"
        return read_corpus(corpus, chunks=chunks) if corpus.is_file() else _folder(path)
    if not path.is_file():
        raise NotFoundError(
            f"There is no corpus at {path}.", hint="Name a corpus.jsonl or a folder."
        )
    texts = (
        f"# {line['title']}\n\n{line['text']}" if line.get("title") else str(line.get("text", ""))
        for line in _lines(path)
    )
    queries = path.with_name(QUERIES_FILE)
    questions = tuple(str(q.get("text", "")) for q in _lines(queries)) if queries.exists() else ()
    return Corpus(_bundles(texts, chunks), questions, path.parent.name)


def installed_prose() -> Iterator[str]:
    """Give texts of this Python environment, one after the other, in a fixed order."""
    for distribution in sorted(importlib.metadata.distributions(), key=lambda d: d.name.lower()):
        described = distribution.metadata.json.get("description", "")
        yield f"# {distribution.name}\n\n{described}"
    for name, topic in sorted(pydoc_data.topics.topics.items()):
        yield f"# {name}\n\n{topic}"
    found = importlib.util.find_spec("botocore")
    if found is not None and found.origin is not None:
        folders = (Path(found.origin).parent / "data").iterdir()
        for folder in sorted(folders, key=lambda f: (f.name not in MANUALS, f.name)):
            yield from manual_in(folder)


def manual_in(folder: Path) -> Iterator[str]:
    """Give the descriptions of an AWS service's operations and their parts, without mark-up."""
    versions = sorted(folder.glob("*/service-2.json.gz"))
    if not versions:
        return
    service, body = folder.name, json.loads(gzip.decompress(versions[-1].read_bytes()))
    for kind in ("operations", "shapes"):
        for name, entry in body.get(kind, {}).items():
            text = html.unescape(_TAGS.sub(" ", entry.get("documentation", "")))
            if len(text) >= SHORTEST_CHARS:
                yield f"# {service} {name}\n\n{_SPACE.sub(' ', text).strip()}"


def _folder(path: Path) -> Corpus:
    files = tuple(
        CorpusFile(found.name, found.read_bytes())
        for found in sorted(path.rglob("*"))
        if found.is_file() and not found.name.startswith(".") and found.stat().st_size
    )
    if not files:
        raise NotFoundError(f"There are no files in {path}.")
    return Corpus(files, (), path.name)


def _bundles(texts: Iterable[str], chunks: int) -> tuple[CorpusFile, ...]:
    files = tuple(_bundled(texts, chunks * CHARS_PER_CHUNK))
    if not files:
        raise InvalidError("The corpus holds no texts.", hint="See BEIR's corpus.jsonl.")
    return files


def _bundled(texts: Iterable[str], most_chars: int) -> Iterator[CorpusFile]:
    """Put texts into files of ``BUNDLE_CHARS``, as long as ``most_chars`` are not reached."""
    waiting: list[str] = []
    size = total = number = 0
    for text in (text for text in texts if text.strip()):
        if total >= most_chars:
            break
        for piece in _pieces(text):
            waiting.append(piece)
            size, total = size + len(piece), total + len(piece)
            if size >= BUNDLE_CHARS:
                number += 1
                yield _file(number, waiting)
                waiting, size = [], 0
    if waiting:
        yield _file(number + 1, waiting)


def _pieces(text: str) -> Iterator[str]:
    """Cut a text that is longer than a file at ends of paragraphs."""
    paragraphs = iter(text.split("\n\n"))
    while part := list(islice(paragraphs, 100)):
        yield "\n\n".join(part)


def _file(number: int, texts: list[str]) -> CorpusFile:
    body = "\n\n".join(texts).encode("utf-8", "replace")
    return CorpusFile(f"corpus-{number:04}.md", body)


def _lines(path: Path) -> Iterator[dict[str, object]]:
    with path.open(encoding="utf-8") as stream:
        for number, line in enumerate(stream, 1):
            try:
                entry = json.loads(line)
            except ValueError as error:
                raise InvalidError(f"{path.name}, line {number}, is not JSON.") from error
            if not isinstance(entry, dict):
                raise InvalidError(f"{path.name}, line {number}, is not an object.")
            yield entry
