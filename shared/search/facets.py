"""How what was found falls into folders, collections, types, languages, months, tags and so on.

Counted are documents, among the first ``DEPTH`` passages of the ranking that have to do with the
question at all (``ranks.relevant``): the same that can be paged through, under the same access
rules. Each facet is counted with the filters of the others, as shops do: whoever has chosen one
type still sees how many there are of each other. Tags are different, since a document must carry
all that are chosen: their counts say what is left after one more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from shared.adapters.database import Session
from shared.inference.embedding import Embedder
from shared.kernel.errors import InvalidError
from shared.kernel.ids import DocumentId
from shared.search import discovery_store as store
from shared.search.model import Filters, Ranking, SearchRequest
from shared.search.ranks import DEPTH, rank, relevant
from shared.search.service import check_request, filters_json, plan

FACETS = (
    "folder",
    "collection",
    "media_type",
    "language",
    "year",
    "month",
    "tag",
    "kind",
    "metadata",
)
MOST_VALUES = 50
# Which filter a facet chooses, and so is counted without.
_OWN_FILTERS = {
    "folder": ("folder",),
    "collection": ("collection",),
    "media_type": ("media_types",),
    "language": ("languages",),
    "year": ("created_after", "created_before"),
    "month": ("created_after", "created_before"),
    "kind": ("kinds",),
}


@dataclass(frozen=True, slots=True)
class FacetValue:
    """A value and how many of the documents found have it."""

    value: str
    label: str
    document_count: int


@dataclass(frozen=True, slots=True)
class Facet:
    """One way to divide what was found; ``value_count`` also counts the values left out."""

    name: str
    values: tuple[FacetValue, ...]
    value_count: int


@dataclass(frozen=True, slots=True)
class Facets:
    """All facets, and how many documents were found under all filters.

    ``is_capped`` says that the ranking goes on beyond what was counted.
    """

    facets: tuple[Facet, ...]
    document_count: int
    is_capped: bool


def count_facets(
    session: Session,
    embedder: Embedder,
    request: SearchRequest,
    names: Sequence[str],
    *,
    ranking: Ranking,
    most_values: int = 20,
) -> Facets:
    """Count the facets called ``names`` for a search.

    ``metadata`` becomes one facet for each name in the documents' metadata. Raises InvalidError
    for a facet that is not known.
    """
    check_request(request)
    _check(names, most_values)
    counting = _Counting(session, embedder, request, ranking)
    by_name: dict[str, Facet] = {}
    for filters, together in _passes(request.filters, names):
        counted = _count(session, counting.documents(filters), together, most_values)
        by_name.update((facet.name, facet) for facet in counted)
    order = {name: at for at, name in enumerate(FACETS)}
    facets = sorted(by_name.values(), key=lambda each: (order[each.name.split(".")[0]], each.name))
    everything = counting.documents(request.filters)
    return Facets(tuple(facets), len(everything), counting.is_capped(request.filters))


class _Counting:
    """The documents found under some filters, each set looked for once."""

    def __init__(
        self, session: Session, embedder: Embedder, request: SearchRequest, ranking: Ranking
    ) -> None:
        self._session = session
        self._embedder = embedder
        self._request = request
        self._ranking = ranking
        self._vector = embedder.embed_question(request.query.strip())
        self._found: dict[str, tuple[list[DocumentId], bool]] = {}

    def documents(self, filters: Filters) -> list[DocumentId]:
        """List the documents found under ``filters``."""
        return self._look(filters)[0]

    def is_capped(self, filters: Filters) -> bool:
        """Tell whether there is more than was looked at."""
        return self._look(filters)[1]

    def _look(self, filters: Filters) -> tuple[list[DocumentId], bool]:
        key = filters_json(filters)
        if key not in self._found:
            request = replace(self._request, filters=filters)
            planned = plan(self._session, self._embedder.model, request, ranking=self._ranking)
            ranks = rank(
                self._session,
                self._embedder,
                planned,
                ranking=self._ranking,
                most=DEPTH,
                vector=self._vector,
            )
            kept = relevant(ranks)
            rows = store.list_documents_of(self._session, [row.chunk_id for row in kept])
            documents = list(dict.fromkeys(row.document_id for row in rows))
            self._found[key] = (documents, len(kept) >= DEPTH)
        return self._found[key]


def _passes(filters: Filters, names: Sequence[str]) -> list[tuple[Filters, list[str]]]:
    """Group the facets by the filters they are counted with."""
    together: list[str] = []
    passes = [(filters, together)]
    for name in dict.fromkeys(names):
        own = _OWN_FILTERS.get(name, ())
        if any(getattr(filters, each) for each in own):
            passes.append((replace(filters, **dict.fromkeys(own)), [name]))
        else:
            together.append(name)
    if "metadata" in names:
        for key in filters.metadata or {}:
            rest = {name: value for name, value in (filters.metadata or {}).items() if name != key}
            passes.append((replace(filters, metadata=rest or None), [f"metadata.{key}"]))
    return [each for each in passes if each[1]]


def _count(
    session: Session, documents: Sequence[DocumentId], names: Sequence[str], most_values: int
) -> list[Facet]:
    rows = store.count_facets(session, documents, facets=names, most_values=most_values)
    values: dict[str, list[FacetValue]] = {name: [] for name in names if name != "metadata"}
    totals: dict[str, int] = {}
    for row in rows:
        value = FacetValue(row.value, row.label, row.document_count)
        values.setdefault(row.facet, []).append(value)
        totals[row.facet] = row.value_count
    return [Facet(name, tuple(found), totals.get(name, 0)) for name, found in values.items()]


def _check(names: Sequence[str], most_values: int) -> None:
    unknown = sorted(set(names) - set(FACETS))
    if unknown:
        raise InvalidError(
            f"There is no facet {unknown[0]!r}.",
            hint=f"Use some of: {', '.join(FACETS)}.",
            fields={"facets": f"only {', '.join(FACETS)} are known"},
        )
    if not 1 <= most_values <= MOST_VALUES:
        raise InvalidError(f"A facet shows 1 to {MOST_VALUES} values.")
