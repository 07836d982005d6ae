"""What a text says, as sparse vectors in which BM25 is an inner product with a question's weights.

The database defines them (``kontor.stem_vector``, ``kontor.gram_vector``) and makes a question's
side; computed here, many texts at once, they cost a fifteenth. A test holds both against each
other. One vector holds whole lexemes, the other the character 4-grams inside them; BM25 has k1 1.2
and b 0.75, and the average length is a constant, as chunks are cut to a size.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PLACES = 1 << 28
"""Places a term's hash may fall on; two terms on one place are harmless."""
MOST_TERMS = 16_000
"""What pgvector's ``sparsevec`` holds."""
_STEM_AVERAGE, _GRAM_AVERAGE = 100.0, 500.0
_GRAM = 4
_CODES: dict[str, int] = {}
_MOST_CODES = 200_000  # some 20 MB


@dataclass(frozen=True, slots=True)
class Sparse:
    """Weights at ascending places, counted from 0."""

    places: NDArray[np.int64]
    weights: NDArray[np.float32]

    def to_binary(self) -> bytes:
        """Write it as pgvector sends and takes a ``sparsevec`` of ``PLACES`` dimensions."""
        head = struct.pack(">iii", PLACES, len(self.places), 0)
        return head + self.places.astype(">i4").tobytes() + self.weights.astype(">f4").tobytes()


def stem_vectors(said: Sequence[Mapping[str, int]]) -> list[Sparse]:
    """Weigh the lexemes of each text."""
    import numpy as np

    lexemes, places, counts, rows = _gathered(said)
    codes = term_codes(lexemes)
    return _weighed(rows, codes[places], counts.astype(np.float64), len(said), _STEM_AVERAGE)


def gram_vectors(said: Sequence[Mapping[str, int]]) -> list[Sparse]:
    """Weigh the 4-grams inside the lexemes of each text, their edges marked by spaces."""
    import numpy as np

    lexemes, places, counts, rows = _gathered(said)
    grams = [grams_of(lexeme) for lexeme in lexemes]
    known = {gram: at for at, gram in enumerate(dict.fromkeys(chain.from_iterable(grams)))}
    codes = term_codes(list(known))[[known[gram] for gram in chain.from_iterable(grams)]]
    lengths = np.fromiter(map(len, grams), np.int64, len(grams))
    starts = np.cumsum(lengths) - lengths
    # Every occurrence of a lexeme stands for the run of its grams.
    runs = lengths[places]
    before = np.cumsum(runs) - runs
    at = np.arange(int(runs.sum())) - np.repeat(before - starts[places], runs)
    return _weighed(
        np.repeat(rows, runs),
        codes[at],
        np.repeat(counts, runs).astype(np.float64),
        len(said),
        _GRAM_AVERAGE,
    )


def word_codes(tenant_id: UUID, stems: Sparse) -> list[int]:
    """Number what a text says so that tenants' numbers differ, as ``kontor.word_codes`` does."""
    salt = int.from_bytes(tenant_id.bytes[-4:], "big", signed=True)
    codes: list[int] = ((stems.places + 1) ^ salt).tolist()
    return codes


def grams_of(lexeme: str) -> list[str]:
    """Cut a lexeme between spaces into runs of four letters; a shorter one is its own."""
    marked = f" {lexeme} "
    return [marked[at : at + _GRAM] for at in range(max(len(marked) - _GRAM + 1, 1))]


def term_codes(terms: Sequence[str]) -> NDArray[np.int64]:
    """Number each term from 1 to ``PLACES``, as ``kontor.term_code`` does.

    Numbers are remembered: after a few documents nearly every 4-gram has been met before.
    """
    import numpy as np

    known = {term: _CODES[term] for term in terms if term in _CODES}
    new = [term for term in dict.fromkeys(terms) if term not in known]
    if new:
        made = dict(zip(new, _numbered(new).tolist(), strict=True))
        if len(_CODES) + len(made) > _MOST_CODES:
            _CODES.clear()
        _CODES.update(made)
        known |= made
    return np.fromiter((known[term] for term in terms), np.int64, len(terms))


def _numbered(terms: Sequence[str]) -> NDArray[np.int64]:
    import numpy as np

    encoded = [term.encode() for term in terms]
    by_length: dict[int, list[int]] = {}
    for at, each in enumerate(encoded):
        by_length.setdefault(len(each), []).append(at)
    codes = np.zeros(len(encoded), np.int64)
    for length, members in by_length.items():
        joined = b"".join(encoded[at] for at in members)
        letters = np.frombuffer(joined, np.uint8).reshape(len(members), length)
        codes[members] = (_hashed(letters) & (PLACES - 1)).astype(np.int64) + 1
    return codes


def _gathered(
    said: Sequence[Mapping[str, int]],
) -> tuple[list[str], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the lexemes there are, and for every one said which it is, how often, and where."""
    import numpy as np

    known: dict[str, int] = {}
    for each in said:
        for lexeme in each:
            known.setdefault(lexeme, len(known))
    total = sum(map(len, said))
    places = np.fromiter((known[lexeme] for each in said for lexeme in each), np.int64, total)
    counts = np.fromiter((count for each in said for count in each.values()), np.int64, total)
    rows = np.repeat(np.arange(len(said)), [len(each) for each in said])
    return list(known), places, counts, rows


def _weighed(
    rows: NDArray[np.int64],
    codes: NDArray[np.int64],
    counts: NDArray[np.float64],
    texts: int,
    average: float,
) -> list[Sparse]:
    import numpy as np

    keys, members = np.unique(rows * PLACES + codes - 1, return_inverse=True)
    times = np.bincount(members, weights=counts, minlength=len(keys))
    row, place = np.divmod(keys, PLACES)
    total = np.bincount(row, weights=times, minlength=texts)[row]
    # Five digits, as the database writes them down.
    weights = np.round(times * 2.2 / (times + 1.2 * (0.25 + 0.75 * total / average)), 5)
    ends = np.searchsorted(row, np.arange(texts + 1))
    found = []
    for begin, end in pairwise(ends.tolist()):
        part = slice(begin, min(end, begin + MOST_TERMS))
        is_there = weights[part] > 0
        found.append(Sparse(place[part][is_there], weights[part][is_there].astype(np.float32)))
    return found


def _hashed(letters: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """Hash rows of bytes of one length as Postgres hashes a text.

    ``hash_bytes`` of its common/hashfn.c, which is Bob Jenkins's lookup3 with a seed of its own.
    """
    import numpy as np

    count, length = letters.shape
    padded = np.zeros((count, -(-(length + 1) // 12) * 12), np.uint8)
    padded[:, :length] = letters
    whole = length // 12 * 3
    words: NDArray[np.uint32] = padded.view(np.uint32)
    a = np.full(count, (0x9E3779B9 + length + 3923095) & 0xFFFFFFFF, np.uint32)
    b, c = a.copy(), a.copy()
    for at in range(0, whole, 3):
        a, b, c = _mixed(a + words[:, at], b + words[:, at + 1], c + words[:, at + 2])
    # The last word's lowest byte is kept free for the length.
    last = (words[:, whole + 2] << 8).astype(np.uint32)
    return _finished(a + words[:, whole], b + words[:, whole + 1], c + last)


def _turned(word: NDArray[np.uint32], by: int) -> NDArray[np.uint32]:
    import numpy as np

    return (word << by | word >> (32 - by)).astype(np.uint32)


def _mixed(
    a: NDArray[np.uint32], b: NDArray[np.uint32], c: NDArray[np.uint32]
) -> tuple[NDArray[np.uint32], NDArray[np.uint32], NDArray[np.uint32]]:
    for by in (4, 6, 8, 16, 19, 4):
        a = (a - c) ^ _turned(c, by)
        c = c + b
        a, b, c = b, c, a
    return a, b, c


def _finished(
    a: NDArray[np.uint32], b: NDArray[np.uint32], c: NDArray[np.uint32]
) -> NDArray[np.uint32]:
    for by in (14, 11, 25, 16, 4, 14, 24):
        c = (c ^ b) - _turned(b, by)
        a, b, c = b, c, a
    return b
