"""What an embedding model wants before questions and passages: as it says, or as is measured."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from shared.inference.model import Prefixes
from shared.kernel.errors import InvalidError, NotFoundError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from shared.inference.embedding import Embedder
    from shared.inference.sentence_folder import SentenceFolder

FEWEST_PAIRS = 20
MOST_PAIRS = 2000
NONE = Prefixes()
E5 = Prefixes("query: ", "passage: ")
CANDIDATES = (
    E5,
    Prefixes("search_query: ", "search_document: "),
    Prefixes("Represent this sentence for searching relevant passages: ", ""),
    Prefixes("query: ", ""),
)
"""Prefixes that published models were trained with (E5, Nomic, BGE, Snowflake's)."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A question and the passage that answers it."""

    question: str
    passage: str


def read_pairs(path: Path) -> list[Pair]:
    """Read pairs, one a line: question, a tab, passage; or JSON with these two names.

    Raises NotFoundError without the file, InvalidError naming the line that is wrong.
    """
    if not path.is_file():
        raise NotFoundError(f"There is no file {path}.")
    pairs = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if line.strip():
            pairs.append(_pair(line, f"{path.name}, line {number}"))
    if not FEWEST_PAIRS <= len(pairs) <= MOST_PAIRS:
        raise InvalidError(
            f"{path.name} has {len(pairs)} pairs; {FEWEST_PAIRS} to {MOST_PAIRS} tell enough."
        )
    return pairs


def _pair(line: str, place: str) -> Pair:
    if line.lstrip().startswith("{"):
        try:
            found = json.loads(line)
            return Pair(str(found["question"]), str(found["passage"]))
        except (ValueError, KeyError) as error:
            raise InvalidError(f"{place}: no question and passage.") from error
    question, tab, passage = line.partition("\t")
    if not tab or not question.strip() or not passage.strip():
        raise InvalidError(f"{place}: write a question, a tab and its passage.")
    return Pair(question.strip(), passage.strip())


def fit_prefixes(
    folder: SentenceFolder,
    embedder: Embedder,
    *,
    name: str,
    given: Prefixes | None,
    pairs: Sequence[Pair],
) -> tuple[Prefixes, str]:
    """Choose a model's prefixes; returns them and who said so.

    The operator's word counts first, then the folder's own prompts, then measurement, then the
    rule that every model called E5 was trained with its two. ``embedder`` must add none itself.
    """
    if given is not None:
        return given, "operator"
    if folder.prefixes is not None:
        return folder.prefixes, "folder"
    if pairs:
        return best_prefixes(embedder, pairs), f"measured on {len(pairs)} pairs"
    if re.search(r"(?:^|[-_])e5(?:[-_]|$)", name, re.IGNORECASE):
        return E5, "name"
    return NONE, "default"


def best_prefixes(embedder: Embedder, pairs: Sequence[Pair]) -> Prefixes:
    """Choose by the mean reciprocal rank of each question's passage among all of them.

    A prefix is taken only where it gains more than two standard errors of the differences per
    question over none at all: a few lucky pairs decide nothing.
    """
    plain = reciprocal_ranks(embedder, pairs, NONE)
    best, best_gain = NONE, 0.0
    for candidate in CANDIDATES:
        gains = reciprocal_ranks(embedder, pairs, candidate) - plain
        gain = float(gains.mean())
        error = float(gains.std(ddof=1)) / math.sqrt(len(pairs))
        if gain > max(best_gain, 2 * error):
            best, best_gain = candidate, gain
    return best


def reciprocal_ranks(
    embedder: Embedder, pairs: Sequence[Pair], prefixes: Prefixes
) -> NDArray[np.float64]:
    """Rank each question's passage among all distinct ones; returns 1/rank per question."""
    import numpy as np

    passages = list(dict.fromkeys(pair.passage for pair in pairs))
    places = [passages.index(pair.passage) for pair in pairs]
    vectors = embedder.embed([prefixes.passage + passage for passage in passages])
    questions = embedder.embed([prefixes.query + pair.question for pair in pairs])
    scores = questions @ vectors.T
    own = scores[np.arange(len(pairs)), places]
    return np.asarray(1.0 / (scores >= own[:, None]).sum(axis=1), dtype=np.float64)
