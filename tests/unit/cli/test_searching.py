"""`kontor search` with pages and facets, `similar`, and `searches`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Cli
    from tests.unit.cli.server import FakeKontor

pytestmark = pytest.mark.usefixtures("signed_in")

HIT = {
    "title": "Mietvertrag",
    "heading_path": ["§ 3 Kaution"],
    "page": 2,
    "text": "Die Kaution beträgt drei Mieten.",
    "score": 0.87,
    "highlights": [[4, 11]],
}
SAVED = {"id": "s1", "name": "Fristen", "query": "Frist", "is_shared": True, "ran_at": None}


def test_many_hits_are_read_page_by_page(cli: Cli, kontor: FakeKontor) -> None:
    kontor.results = [{**HIT, "title": f"Akte {n}"} for n in range(240)]
    done = cli("search", "Kaution", "-k", "230", "--facet", "folder", "--json")
    found = json.loads(done.out)
    assert [hit["title"] for hit in found["results"]] == [f"Akte {n}" for n in range(230)]
    first, *others = kontor.bodies
    assert (first["k"], first["facets"], len(others)) == (100, ["folder"], 2)
    assert all("facets" not in body and body["k"] == 100 for body in others)


def test_facets_and_corrections_stand_below_the_hits(cli: Cli, kontor: FakeKontor) -> None:
    kontor.results = [HIT]
    kontor.around = {
        "did_you_mean": "Kaution \x1b[31m",
        "warning": "The passages were not reranked.",
        "facets": {
            "facets": [
                {
                    "name": "folder",
                    "values": [{"value": "a/b", "label": "a/b", "document_count": 3}],
                    "value_count": 4,
                }
            ],
            "document_count": 3,
            "is_capped": True,
        },
    }
    done = cli("search", "Kautoin", "--facet", "folder", "--rerank", "llm", "--kind", "document")
    assert "folder: a/b (3), and 3 more\nat least 3 documents found\n" in done.out
    assert "Did you mean: Kaution [31m\n" in done.out
    assert done.err == "warning: The passages were not reranked.\n"
    (body,) = kontor.bodies
    assert (body["rerank"], body["filters"]) == ("llm", {"kinds": ["document"]})


def test_documents_alike_are_listed(cli: Cli, kontor: FakeKontor) -> None:
    document_id = kontor.add_document("Mietvertrag")
    path = f"/documents/{document_id}/similar"
    kontor.answers["GET", path] = {"results": [{"title": "Other", "score": 0.5, "hit": HIT}]}
    assert cli("similar", "Mietv", "-k", "3").out.startswith("0.870\tMietvertrag › § 3 Kaution")
    assert kontor.requests[-1] == ("GET", path, {"k": "3"})
    kontor.answers["GET", path] = {"results": []}
    assert cli("similar", "Mietv").out == "Nothing is like Mietvertrag.\n"
    assert cli("similar", "Unbekannt").code == 66


def test_searches_are_kept_listed_run_and_removed(cli: Cli, kontor: FakeKontor) -> None:
    kontor.answers["POST", "/searches"] = SAVED
    done = cli("searches", "save", "Fristen", "Frist", "am", "Ende", "--shared", "--type", "pdf")
    assert done.out == "saved Fristen; run it: kontor searches run 'Fristen'\n"
    assert kontor.requests[-1][2] == {
        "name": "Fristen",
        "query": "Frist am Ende",
        "filters": {"media_types": ["application/pdf"]},
        "is_shared": True,
    }
    kontor.answers["GET", "/searches"] = {"items": [SAVED], "next_cursor": None}
    assert cli("searches", "list").out == "Fristen  Frist  shared  never run\n"
    ran = {"results": [{**HIT, "is_new": True}, {**HIT, "is_new": False}], "new_count": 1}
    kontor.answers["POST", "/searches/s1/run"] = ran
    done = cli("searches", "run", "fristen", "--new", "--peek")
    assert done.out.count("Mietvertrag") == 1
    assert done.out.endswith("1 document new since your last run\n")
    assert kontor.requests[-1][2] == {"marks_seen": "false"}
    kontor.answers["DELETE", "/searches/s1"] = {}
    assert cli("searches", "remove", "s1").out == "removed Fristen\n"


def test_a_name_must_mean_one_search(cli: Cli, kontor: FakeKontor) -> None:
    kontor.answers["GET", "/searches"] = {"items": [], "next_cursor": None}
    assert cli("searches", "list").out.startswith("No saved searches yet.")
    assert cli("searches", "run", "Fristen").code == 66
    twice = [SAVED, {**SAVED, "id": "s2"}]
    kontor.answers["GET", "/searches"] = {"items": twice, "next_cursor": None}
    done = cli("searches", "run", "Fristen")
    assert (done.code, "by its id" in done.err) == (65, True)


def test_an_explanation_names_what_adds_to_the_score(cli: Cli, kontor: FakeKontor) -> None:
    terms = [
        {"word": "frist", "lexeme": "frist", "kind": "exact", "score": 4.25, "frequency": 2},
        {"word": "frist", "lexeme": "kundigungsfrist", "kind": "compound", "score": 1.5},
        {"word": "kaution", "lexeme": "kautionen", "kind": "neighbour", "score": 1, "frequency": 1},
    ]
    explanation = {
        "dense_weight": 0.2, "dense_share": 0.5, "dense_rank": 3, "lexical_share": 1,
        "lexical_rank": 1, "terms": terms * 3, "gram_weight": 0.5, "gram_share": 0,
        "gram_rank": 9, "title_weight": 0.1, "title_share": 1, "exact": ["§ 433"], "exact_share": 1,
    }  # fmt: skip
    hit = {**HIT, "similarity": 0.7, "dense_score": 0.41, "explanation": explanation}
    kontor.results = [hit]
    lines = cli("search", "Frist", "--explain").out.splitlines()
    assert kontor.bodies[-1]["explain"] is True
    assert [line.strip() for line in lines[1:-1]] == [
        "likely to help   0.70",
        "meaning          0.20 × 0.50  #3     cosine 0.41",
        "words            0.40 × 1.00  #1     frist 4.2 (×2), "
        "kundigungsfrist 1.5 [compound of frist], kautionen 1.0 [for kaution], frist 4.2 (×2), "
        "kundigungsfrist 1.5 [compound of frist], kautionen 1.0 [for kaution], and 3 more",
        "of it in title   1.00",
        "exactly          1.00 × 1.00         § 433",
    ]
