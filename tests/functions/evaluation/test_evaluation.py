"""Feedback, runs, fitting and the closer look at a search, through the whole handler."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from shared.identity.model import Principal
from shared.inference.embedding import Embedder
from shared.kernel.ids import DocumentId, TenantId
from shared.wiring import App
from tests.functions.http_events import Answer, Handler, call
from tests.functions.library import caller, fill
from tests.unit.answering.library import LEASE, Shelf

QUESTION = "Wie lang ist die Kündigungsfrist der Wohnung?"


@pytest.fixture
def shelf(served: App, tenant: TenantId, embedder: Embedder) -> Shelf:
    return fill(served, tenant, embedder)


@pytest.fixture
def handler(served: App) -> Handler:
    from functions.evaluation.handler import handler

    return handler


@pytest.fixture
def admin(tenant: TenantId) -> Principal:
    return caller(tenant, role="admin")


class Room:
    """One tenant's people and what they say of answers."""

    def __init__(self, handler: Handler, admin: Principal, ada: Principal) -> None:
        self.handler = handler
        self.admin = admin
        self.ada = ada

    def ask(self, question: str = QUESTION) -> Answer:
        from functions.chat.handler import handler

        body = {"question": question}
        return call(handler, "POST", "/api/v1/chat", body=body, principal=self.ada)

    def judge(self, message_id: str, **body: object) -> Answer:
        path = f"/api/v1/messages/{message_id}/feedback"
        return call(self.handler, "POST", path, body=body, principal=self.ada)

    def get(self, path: str, **query: str) -> Answer:
        path = f"/api/v1/evaluation/{path}"
        return call(self.handler, "GET", path, query=query, principal=self.admin)

    def send(self, method: str, path: str, **body: object) -> Answer:
        path = f"/api/v1/evaluation/{path}"
        return call(self.handler, method, path, body=body, principal=self.admin)


@pytest.fixture
def room(handler: Handler, shelf: Shelf, admin: Principal, tenant: TenantId) -> Room:
    return Room(handler, admin, caller(tenant))


def test_an_opinion_is_kept_changed_seen_by_admins_and_taken_back(room: Room) -> None:
    answer = room.ask().body
    message = answer["message_id"]
    assert room.judge(message, verdict="up").status == 204
    assert room.judge(message, verdict="down", reason="outdated", comment="Alt.").status == 204

    (row,) = room.get("feedback").body["items"]
    assert (row["verdict"], row["reason"], row["comment"]) == ("down", "outdated", "Alt.")
    assert row["question"] == QUESTION
    assert row["answer"] == answer["answer"]
    assert row["user_id"] == str(room.ada.user_id)
    assert room.get("feedback", verdict="up").body["items"] == []

    path = f"/api/v1/messages/{message}/feedback"
    assert call(room.handler, "DELETE", path, principal=room.ada).status == 204
    assert call(room.handler, "DELETE", path, principal=room.ada).status == 404
    assert room.get("feedback").body["items"] == []


def test_feedback_is_paged_without_gaps(room: Room) -> None:
    messages = [room.ask().body["message_id"] for _ in range(3)]
    for message in messages:
        room.judge(message, verdict="up")
    first = room.get("feedback", limit="2").body
    second = room.get("feedback", limit="2", cursor=first["next_cursor"]).body
    seen = [row["message_id"] for row in first["items"] + second["items"]]
    assert seen == messages[::-1]
    assert second["next_cursor"] is None


def test_nobody_judges_other_peoples_answers_or_their_own_questions(
    room: Room, tenant: TenantId, other_tenant: TenantId
) -> None:
    message = room.ask().body["message_id"]
    path = f"/api/v1/messages/{message}/feedback"
    for stranger in (caller(tenant), caller(other_tenant)):
        answer = call(room.handler, "POST", path, body={"verdict": "up"}, principal=stranger)
        assert answer.status == 404
    assert room.judge(str(uuid4()), verdict="up").status == 404
    assert call(room.handler, "POST", path, body={"verdict": "up"}).status == 401


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"verdict": "maybe"}, "verdict"),
        ({"verdict": "up", "reason": "boring"}, "reason"),
        ({"verdict": "up", "comment": "x" * 2001}, "comment"),
        ({"verdict": "down", "correction": {}}, "correction.document_id"),
    ],
)
def test_wrong_feedback_names_the_field(room: Room, body: dict[str, object], field: str) -> None:
    answer = room.judge(str(uuid4()), **body)
    assert (answer.status, list(answer.body["fields"])) == (422, [field])


def test_corrections_must_point_at_something_that_is_there(room: Room, tenant: TenantId) -> None:
    answer = room.ask().body
    cited = answer["citations"][0]
    place = {"document_id": cited["document_id"], "version_id": cited["version_id"]}
    spans: list[dict[str, object]] = [{"start": 5}, {"start": 5, "end": 5}]
    for span in spans:
        wrong = room.judge(answer["message_id"], verdict="down", correction={**place, **span})
        assert (wrong.status, list(wrong.body["fields"])) == (422, ["correction.end"])
    foreign = {**place, "version_id": str(uuid4()), "start": 0, "end": 5}
    wrong = room.judge(answer["message_id"], verdict="down", correction=foreign)
    assert (wrong.status, list(wrong.body["fields"])) == (422, ["correction.version_id"])
    nowhere = {"document_id": str(uuid4())}
    assert room.judge(answer["message_id"], verdict="down", correction=nowhere).status == 404


def test_praise_and_corrections_become_an_evaluation_set(room: Room, shelf: Shelf) -> None:
    praised = room.ask().body
    room.judge(praised["message_id"], verdict="up")
    wrong = room.ask("Wie hoch ist die Miete?").body
    document = wrong["citations"][0]["document_id"]
    room.judge(wrong["message_id"], verdict="down", correction={"document_id": document})
    room.judge(room.ask("Sind Haustiere erlaubt?").body["message_id"], verdict="down")

    items = room.get("questions").body["items"]
    assert [item["question"] for item in items] == ["Wie hoch ist die Miete?", QUESTION]
    assert items[0]["golds"] == [
        {"document_id": document, "version_id": None, "start": None, "end": None}
    ]
    quoted = {LEASE[gold["start"] : gold["end"]] for gold in items[1]["golds"]}
    assert quoted == {citation["quote"] for citation in praised["citations"]}

    made = room.send("POST", "runs")
    assert made.status == 201
    assert made.body["kind"] == "feedback"
    assert made.body["measures"]["ndcg@10"]["count"] == 2
    assert set(made.body["values"]["hit@1"]) == {item["message_id"] for item in items}
    assert made.body["values"]["recall@10"][praised["message_id"]] == 1
    (listed,) = room.get("runs").body["items"]
    assert listed["id"] == made.body["id"]
    assert room.get(f"runs/{listed['id']}").body == made.body


def test_documents_in_the_trash_are_no_gold(room: Room, served: App, tenant: TenantId) -> None:
    from shared.documents.service import remove_document

    answer = room.ask().body
    room.judge(answer["message_id"], verdict="up")
    assert len(room.get("questions").body["items"]) == 1
    with served.database.transaction(tenant) as session:
        remove_document(session, DocumentId(UUID(answer["citations"][0]["document_id"])))
    golds = [gold for item in room.get("questions").body["items"] for gold in item["golds"]]
    assert answer["citations"][0]["document_id"] not in {gold["document_id"] for gold in golds}


def test_without_judgements_there_is_nothing_to_measure(room: Room) -> None:
    answer = room.send("POST", "runs")
    assert answer.status == 422
    assert "judged" in answer.body["detail"]
    fitted = room.send("POST", "fit", apply=True).body
    assert not fitted["is_applied"]
    assert [each["questions"] for each in fitted["fits"]] == [0, 0]


def test_a_saved_run_can_be_kept_and_a_damaged_one_cannot(room: Room) -> None:
    run = {
        "format": 1,
        "kind": "retrieval",
        "name": "laws",
        "measures": {"ndcg@10": {"q1": 0.5, "q2": 1.0}},
    }
    kept = room.send("POST", "runs", run=run)
    assert (kept.status, kept.body["measures"]["ndcg@10"]["mean"]) == (201, 0.75)
    assert room.send("POST", "runs", run={"format": 1}).status == 422
    assert room.send("POST", "runs", run={**run, "measures": {}}).status == 422
    assert room.get(f"runs/{uuid4()}").status == 404


def test_a_closer_look_tells_scores_weights_and_where_the_time_went(room: Room) -> None:
    found = room.send("POST", "retrieval", query="Kündigungsfrist der Wohnung", k=3).body
    assert found["results"][0]["title"] == "Mietvertrag"
    assert found["results"][0]["lexical_score"] > 0
    why = found["results"][0]["explanation"]
    assert "Kündigungsfrist".lower() in {term["word"] for term in why["terms"]}
    assert why["dense_weight"] == 0.2
    assert found["ranking"] == {"dense_weight_en": 0.6, "dense_weight_de": 0.2}
    assert found["model"].startswith("all-MiniLM-L6-v2@")
    spans = found["latency_ms"]
    assert spans["embed"] > 0
    assert spans["embed"] + spans["search"] == pytest.approx(spans["total"], abs=0.02)

    query = {"query": "Haustiere", "dense_weight": 0}
    by_words = room.send("POST", "retrieval", **query).body
    assert by_words["ranking"]["dense_weight_de"] == 0
    assert by_words["results"][0]["score"] == pytest.approx(1)
    wrong = room.send("POST", "retrieval", query="a", dense_weight=2)
    assert list(wrong.body["fields"]) == ["dense_weight"]


def test_weights_of_its_own_hold_for_one_tenant_and_can_be_taken_back(
    room: Room, other_tenant: TenantId
) -> None:
    before = room.get("ranking").body
    assert (before["source"], before["ranking"]["dense_weight_de"]) == ("settings", 0.2)
    for weight in (0.9, 0.5):
        put = room.send("PUT", "ranking", dense_weight_en=0.7, dense_weight_de=weight)
        assert put.body["ranking"]["dense_weight_de"] == weight
        assert put.body["changed_by"] == str(room.admin.user_id)
    found = room.send("POST", "retrieval", query="Kündigungsfrist").body
    assert found["ranking"] == {"dense_weight_en": 0.7, "dense_weight_de": 0.5}

    stranger = caller(other_tenant, role="admin")
    path = "/api/v1/evaluation/ranking"
    theirs = call(room.handler, "GET", path, principal=stranger).body
    assert theirs["source"] == "settings"
    assert call(room.handler, "DELETE", path, principal=stranger).status == 404

    assert room.send("DELETE", "ranking").body["ranking"]["dense_weight_de"] == 0.9
    assert room.send("DELETE", "ranking").body == before
    assert room.send("DELETE", "ranking").status == 404
    assert room.send("PUT", "ranking", dense_weight_en=2, dense_weight_de=0).status == 422


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "feedback"),
        ("GET", "questions"),
        ("GET", "runs"),
        ("GET", "ranking"),
        ("POST", "runs"),
        ("POST", "fit"),
        ("POST", "retrieval"),
        ("DELETE", "ranking"),
    ],
)
def test_only_administrators_look_behind_search(
    handler: Handler, served: App, tenant: TenantId, method: str, path: str
) -> None:
    body = {"query": "a"} if path == "retrieval" else {}
    editor = caller(tenant, role="editor")
    answer = call(handler, method, f"/api/v1/evaluation/{path}", body=body, principal=editor)
    assert answer.status == 403
