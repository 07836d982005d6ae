"""Questions in the corpus' own words: parts of sentences of the documents on the server."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from shared.kernel.errors import NotFoundError

if TYPE_CHECKING:
    from infra.cli.client import Body, KontorClient

SEED = 20
DOCUMENTS = 40
FEWEST_WORDS, MOST_WORDS = 5, 9
_SENTENCE = re.compile(r"[^.!?\n]{30,300}[.!?]")
_WORD = re.compile(r"[^\W\d_]{2,}")
_PROSE_SHARE = 0.75  # letters among all characters: code and tables have fewer


def questions_from(texts: Iterable[str], count: int) -> tuple[str, ...]:
    """Draw up to ``count`` different questions of a few words; the same for the same texts."""
    chance = random.Random(SEED)  # noqa: S311 - a sample, not a secret
    found = list(dict.fromkeys(_candidates(texts, chance)))
    chance.shuffle(found)
    return tuple(found[:count])


def questions_about(client: KontorClient, count: int) -> tuple[str, ...]:
    """Draw questions from documents on the server.

    Raises NotFoundError when no document there has sentences to draw them from.
    """
    documents = [
        entry
        for entry in client.list_all("/api/v1/documents", limit=2000)
        if entry.get("stage") == "completed"
    ]
    chosen = random.Random(SEED).sample(documents, min(DOCUMENTS, len(documents)))  # noqa: S311
    questions = questions_from((_text(client, entry) for entry in chosen), count)
    if not questions:
        raise NotFoundError(
            "The server has no documents to ask about.",
            hint="Put some there, or leave --api and --data off: then the bench brings its own.",
        )
    return questions


def _candidates(texts: Iterable[str], chance: random.Random) -> Iterator[str]:
    for text in texts:
        for sentence in _SENTENCE.findall(text):
            words: Sequence[str] = _WORD.findall(sentence)
            letters = sum(map(len, words))
            if len(words) < FEWEST_WORDS or letters < _PROSE_SHARE * len(sentence.replace(" ", "")):
                continue
            length = chance.randint(FEWEST_WORDS, min(MOST_WORDS, len(words)))
            start = chance.randint(0, len(words) - length)
            yield " ".join(words[start : start + length])


def _text(client: KontorClient, document: Body) -> str:
    path = f"/api/v1/documents/{document['id']}/versions/{document['version']}/text"
    return str(client.get(path).get("text") or "")
