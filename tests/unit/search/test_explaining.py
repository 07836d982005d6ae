"""Every number of a hit can be accounted for, and the same passage comes once."""

from __future__ import annotations

import pytest

from shared.kernel.errors import InvalidError
from shared.search import service
from shared.search.model import Explanation, Hit, Ranking, SearchRequest
from tests.unit.search.library import Library


def find(library: Library, query: str, **fields: object) -> list[Hit]:
    assert library.embedder is not None
    request = SearchRequest(query=query, **fields)  # type: ignore[arg-type]
    with library.database.transaction(library.tenant) as session:
        return list(service.find(session, library.embedder, request).hits)


def recomputed(hit: Hit, why: Explanation) -> float:
    words = (1 - why.gram_weight) * why.lexical_share + why.gram_weight * why.gram_share
    return why.dense_weight * why.dense_share + (1 - why.dense_weight) * words + why.exact_share


def test_an_explanation_adds_up(library: Library) -> None:
    library.add_text("The notice period is three months.", "Rent is due monthly.", title="Lease")
    library.add_text("A month has thirty days of rent.", title="Rent calendar")
    hits = find(library, "notice period of the rent in INV-2024-77", explain=True)
    assert len(hits) == 3
    best = None
    for hit in hits:
        why = hit.explanation
        assert why is not None
        assert sum(term.score for term in why.terms) == pytest.approx(hit.lexical_score, rel=1e-4)
        assert why.exact == ("INV-2024-77",)
        total = recomputed(hit, why)
        best = best or total / hit.score
        assert total / best == pytest.approx(hit.score, rel=1e-6)
    ranks = [hit.explanation.dense_rank for hit in hits if hit.explanation]
    assert sorted(ranks) == [1, 2, 3]


def test_nothing_is_explained_unless_asked_for(library: Library) -> None:
    library.add_text("The notice period is three months.")
    assert find(library, "notice period")[0].explanation is None


def test_the_same_passage_in_several_documents_is_one_hit(library: Library) -> None:
    law = "The buyer must pay the seller the price agreed in clause 7 and take the goods."
    first = library.add_text(law, title="law.pdf")
    second = library.add_text(law.replace(" ", "\n", 3), title="law.txt")
    other = library.add_text(law.replace("7", "8"), title="other law")
    hits = find(library, "What must the buyer pay?")
    assert len(hits) == 2
    same = next(hit for hit in hits if hit.document_id in {first, second})
    assert {same.document_id, *(place.document_id for place in same.also_in)} == {first, second}
    assert {place.title for place in same.also_in} <= {"law.pdf", "law.txt"}
    assert [hit.document_id for hit in hits if hit is not same] == [other]


def test_copies_do_not_crowd_out_what_else_there_is(library: Library) -> None:
    for number in range(12):
        library.add_text("The rent is due on the third.", title=f"copy {number}")
    other = library.add_text("Rent can be reduced when the heating fails.")
    hits = find(library, "rent due", k=2)
    assert len(hits) == 2
    assert len(hits[0].also_in) == 11
    assert hits[1].document_id == other


def test_one_documents_repetitions_stay_apart(library: Library) -> None:
    library.add_text("The rent is due on the third.", "The rent is due on the third.")
    assert len(find(library, "rent due")) == 2


def test_similarity_means_the_same_over_searches(library: Library) -> None:
    library.add_text("The notice period for tenants is three months.")
    library.add_text("Bananas grow in warm countries.")
    good = find(library, "What is the notice period for tenants?")[0]
    bad = find(library, "Who won the football world cup?")[0]
    assert good.similarity > 0.7
    assert bad.similarity < 0.3
    assert bad.score > 0.5, "the relative score cannot tell"


def test_a_similarity_threshold_leaves_out_what_hardly_helps(library: Library) -> None:
    library.add_text("The notice period for tenants is three months.")
    library.add_text("Bananas grow in warm countries.")
    question = "What is the notice period for tenants?"
    assert len(find(library, question)) == 2
    assert len(find(library, question, similarity=0.7)) == 1
    assert library.embedder is not None
    with library.database.transaction(library.tenant) as session:
        result = service.find(
            session, library.embedder, SearchRequest(query="Who won the football world cup?"),
            ranking=Ranking(similarity_threshold=0.7),
        )  # fmt: skip
    assert result.hits == ()


def test_a_similarity_beyond_one_is_refused(library: Library) -> None:
    with pytest.raises(InvalidError, match="similarity"):
        find(library, "rent", similarity=1.5)
