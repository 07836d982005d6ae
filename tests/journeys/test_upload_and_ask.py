"""The whole way as a person goes it: put files, watch, ask, follow a citation to the words."""

from __future__ import annotations

import json
import time
from pathlib import Path

import httpx
import pytest
from websockets.sync.client import connect

from tests.journeys.conftest import Server

LEASE = """# Mietvertrag

## § 4 Kündigung

Die Kündigungsfrist für die Wohnung beträgt drei Monate zum Monatsende.
Eine Kündigung muss schriftlich erfolgen.

## § 9 Haustiere

Die Haltung von Hunden bedarf der Zustimmung des Vermieters.
"""
MANUAL = """<html><head><title>Pump manual</title></head><body><h1>Pump P-200</h1>
<h2>Maintenance</h2><p>The seal of the pump must be replaced every 4,000 operating hours.</p>
<h2>Noise</h2><p>The pump emits 62 decibels at full load.</p></body></html>"""


def _follow(client: httpx.Client, job_id: str) -> dict[str, object]:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        job = client.get(f"/api/v1/jobs/{job_id}").json()
        if job["stage"] in {"completed", "failed"}:
            return dict(job)
        time.sleep(0.1)
    pytest.fail(f"job {job_id} did not finish: {job}")


def _send(client: httpx.Client, filename: str, body: bytes) -> dict[str, object]:
    answer = client.post("/api/v1/assets", params={"filename": filename}, content=body)
    assert answer.status_code == 202, answer.text
    return _follow(client, answer.json()["job_id"])


@pytest.fixture(scope="module")
def library(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two files put with the command line."""
    folder = tmp_path_factory.mktemp("library")
    (folder / "Mietvertrag Süd.md").write_text(LEASE, "utf-8")
    (folder / "pump.html").write_text(MANUAL, "utf-8")
    server.kontor("put", str(folder))
    return folder


def test_put_tells_what_became_of_every_file_and_exits_by_it(server: Server, library: Path) -> None:
    again = server.kontor("put", "--json", str(library / "pump.html"))
    assert json.loads(again.stdout.splitlines()[0])["outcome"] == "completed"
    bad = library.parent / "program.pdf"
    bad.write_bytes(b"MZ" + bytes(64))
    failed = server.kontor("put", str(bad), ok=False)
    assert failed.returncode == 1
    assert "program" in failed.stdout + failed.stderr


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("Wie lange ist die Kündigungsfrist für die Wohnung?", "drei Monate zum Monatsende"),
        ("How often must the seal of the pump be replaced?", "4,000 operating hours"),
    ],
)
def test_an_answer_cites_the_exact_words_of_the_version(
    server: Server, question: str, words: str
) -> None:
    with server.client() as client:
        answer = client.post("/api/v1/chat", json={"question": question}).json()
        assert answer["state"] == "answer"
        assert words in answer["answer"]
        for citation in answer["citations"]:
            document = client.get(f"/api/v1/documents/{citation['document_id']}").json()
            number = document["versions"][0]["number"]
            path = f"/api/v1/documents/{citation['document_id']}/versions/{number}/text"
            text = client.get(path).json()["text"]
            assert text[citation["start"] : citation["end"]] == citation["quote"]
            stored = client.get(f"/api/v1/citations/{citation['id']}").json()
            assert stored["quote"] == citation["quote"]


@pytest.mark.usefixtures("library")
def test_what_no_document_says_is_not_answered(server: Server) -> None:
    with server.client() as client:
        question = "Wer gewann 1974 die Fußballweltmeisterschaft?"
        answer = client.post("/api/v1/chat", json={"question": question}).json()
    assert answer["state"] in {"unknown", "related"}


@pytest.mark.usefixtures("library")
def test_the_stream_brings_tokens_citations_and_the_end_in_order(server: Server) -> None:
    with server.client() as client:
        stream_url = client.get("/api/v1/endpoints").json()["stream_url"]
        body = {"question": "How loud is the pump at full load?"}
        with client.stream("POST", stream_url, json=body) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            events = [line[7:] for line in answer.iter_lines() if line.startswith("event: ")]
    assert events[0] == "start"
    assert events[-1] == "done"
    assert "token" in events
    assert "citation" in events
    refused = httpx.post(stream_url, json=body, timeout=30)
    assert refused.status_code == 401
    assert refused.headers["content-type"] == "application/problem+json"


def test_stages_and_answers_arrive_over_one_websocket_with_one_correlation_id(
    server: Server,
) -> None:
    with server.client() as client:
        token = client.headers["authorization"].removeprefix("Bearer ")
        address = client.get("/api/v1/endpoints").json()["websocket_url"]
        with connect(address, subprotocols=["kontor.v1", f"bearer.{token}"]) as socket:  # type: ignore[list-item]
            assert socket.subprotocol == "kontor.v1"
            socket.send(json.dumps({"action": "subscribe", "topic": "uploads"}))
            assert json.loads(socket.recv(30))["type"] == "subscribed"
            sent = client.post(
                "/api/v1/assets",
                params={"filename": "notiz.txt"},
                content="Das Lager in Kassel öffnet um sieben Uhr.".encode(),
                headers={"x-correlation-id": "journey-42"},
            )
            frames = []
            while not frames or frames[-1]["stage"] not in {"completed", "failed"}:
                frames.append(json.loads(socket.recv(60)))
            stages = [frame["stage"] for frame in sorted(frames, key=lambda f: f["sequence"])]
            assert list(dict.fromkeys(stages))[-1] == "completed"
            assert {frame["correlation_id"] for frame in frames} == {"journey-42"}
            assert {frame["job_id"] for frame in frames} == {sent.json()["job_id"]}
            socket.send(
                json.dumps({"action": "ask", "id": "q1", "question": "Wann öffnet das Lager?"})
            )
            kinds = []
            while not kinds or kinds[-1] not in {"done", "error"}:
                frame = json.loads(socket.recv(60))
                if frame["type"] != "progress":
                    assert frame["id"] == "q1"
                    kinds.append(frame["type"])
    assert kinds[0] == "start"
    assert kinds[-1] == "done"
    assert "token" in kinds


def test_correlation_id_reaches_every_functions_log(server: Server) -> None:
    with server.client() as client:
        client.post(
            "/api/v1/assets",
            params={"filename": "spur.txt"},
            content=b"Every hop of this note is logged under one id.",
            headers={"x-correlation-id": "trail-7"},
        )
        job = client.get("/api/v1/jobs", params={"state": "all", "limit": 1}).json()["items"][0]
        _follow(client, job["id"])
    for function in ("intake", "parse", "embed", "index", "settle", "announce"):
        log = server.data / "logs" / f"{function}.log"
        # A function writes its line when it is done, a moment after its news.
        server.wait(lambda log=log: "trail-7" in log.read_text("utf-8"), 20)  # type: ignore[misc]


def test_a_large_file_goes_by_presigned_post_pinned_to_size_and_key(server: Server) -> None:
    body = b"A line about the northern warehouse and its gates.\n" * 200
    with server.client() as client:
        announced = client.post(
            "/api/v1/assets", json={"filename": "gates.txt", "size_bytes": len(body)}
        ).json()
        form = announced["upload"]
        too_long = httpx.post(form["url"], data=form["fields"], files={"file": body + b"more"})
        assert too_long.status_code in {400, 403}
        elsewhere = {**form["fields"], "key": "uploads/elsewhere"}
        assert httpx.post(form["url"], data=elsewhere, files={"file": body}).status_code == 403
        assert httpx.post(form["url"], data=form["fields"], files={"file": body}).status_code in {
            200, 201, 204,
        }  # fmt: skip
        assert _follow(client, announced["job_id"])["stage"] == "completed"


def test_the_same_bytes_twice_are_one_document_that_is_named(server: Server) -> None:
    body = b"The only copy of this sentence lives here."
    with server.client() as client:
        first = _send(client, "one.txt", body)
        second = _send(client, "two.txt", body)
    assert second["document_id"] == first["document_id"]
    assert "one" in str(second["detail"])


def test_a_removed_document_is_gone_from_search_and_from_its_address(server: Server) -> None:
    with server.client() as client:
        job = _send(client, "zebra.txt", b"The zebra crossing near gate nine is closed.")
        found = client.post("/api/v1/search", json={"query": "zebra crossing gate nine"}).json()
        assert found["results"][0]["document_id"] == job["document_id"]
        assert client.delete(f"/api/v1/documents/{job['document_id']}").status_code == 204
        found = client.post("/api/v1/search", json={"query": "zebra crossing gate nine"}).json()
        assert job["document_id"] not in [hit["document_id"] for hit in found["results"]]
        gone = client.get(f"/api/v1/documents/{job['document_id']}")
        assert gone.status_code == 404
        assert gone.headers["content-type"] == "application/problem+json"


def test_every_refusal_is_problem_json_that_says_what_to_do(server: Server) -> None:
    with server.client() as client:
        cases = [
            client.post("/api/v1/assets", json={"filename": "a.txt", "size_bytes": 1 << 40}),
            client.post("/api/v1/assets", json={"filename": "", "size_bytes": 5}),
            client.post("/api/v1/assets", content=b"{not json"),
            client.post("/api/v1/search", json={"query": ""}),
            client.get("/api/v1/documents/not-a-uuid"),
            client.get("/api/v1/documents", params={"cursor": "x"}),
        ]
    for answer in cases:
        assert 400 <= answer.status_code < 500, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["detail"]
    assert httpx.get(f"{server.api}/api/v1/documents").status_code == 401
