"""Two tenants with the same file: neither sees rows, hits, citations or deduplication."""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx
import pytest

from tests.journeys.conftest import Server

TEXT = b"The vault of the Lindenhof branch opens with two keys at nine o'clock sharp."
PASSWORD = "correct horse battery staple"


@pytest.fixture(scope="module")
def rival(server: Server) -> Iterator[httpx.Client]:
    """The administrator of another tenant."""
    server.kontor(
        "tenant", "add", "rival", "--email", "admin@rival.example", "--name", "Rival",
        "--password", PASSWORD,
    )  # fmt: skip
    with server.client("admin@rival.example", PASSWORD, "rival") as client:
        yield client


def _send(client: httpx.Client) -> dict[str, object]:
    sent = client.post("/api/v1/assets", params={"filename": "vault.txt"}, content=TEXT)
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        job = client.get(f"/api/v1/jobs/{sent.json()['job_id']}").json()
        if job["stage"] in {"completed", "failed"}:
            return dict(job)
        time.sleep(0.1)
    pytest.fail(f"did not finish: {job}")


def test_the_same_file_in_two_tenants_stays_two_documents_nobody_else_sees(
    server: Server, rival: httpx.Client
) -> None:
    with server.client() as ours:
        mine = _send(ours)
        before = rival.post("/api/v1/search", json={"query": "vault Lindenhof keys"}).json()
        assert before["results"] == []
        theirs = _send(rival)
        assert theirs["stage"] == "completed"
        assert theirs["detail"] == "", "deduplication must not tell of another tenant's file"
        assert theirs["document_id"] != mine["document_id"]
        question = {"question": "When does the vault of the Lindenhof branch open?"}
        answer = ours.post("/api/v1/chat", json=question).json()
        cited = {citation["document_id"] for citation in answer["citations"]}
        assert cited == {mine["document_id"]}
        foreign = [
            f"/api/v1/documents/{mine['document_id']}",
            f"/api/v1/documents/{mine['document_id']}/versions/1/text",
            f"/api/v1/documents/{mine['document_id']}/download",
            f"/api/v1/documents/{mine['document_id']}/trace",
            f"/api/v1/jobs/{mine['id']}",
            f"/api/v1/citations/{answer['citations'][0]['id']}",
            f"/api/v1/conversations/{answer['conversation_id']}",
        ]
        for path in foreign:
            assert ours.get(path).status_code == 200, path
            assert rival.get(path).status_code == 404, path
        assert rival.delete(f"/api/v1/documents/{mine['document_id']}").status_code == 404
        continued = {**question, "conversation_id": answer["conversation_id"]}
        assert rival.post("/api/v1/chat", json=continued).status_code == 404
        target = {"filename": "x.txt", "size_bytes": 3, "document_id": mine["document_id"]}
        assert rival.post("/api/v1/assets", json=target).status_code == 404


def test_roles_are_kept(server: Server, rival: httpx.Client) -> None:
    made = rival.post(
        "/api/v1/users",
        json={
            "email": "viewer@rival.example", "display_name": "Viewer",
            "password": PASSWORD, "role": "viewer",
        },
    )  # fmt: skip
    assert made.status_code == 201, made.text
    with server.client("viewer@rival.example", PASSWORD) as viewer:
        assert viewer.get("/api/v1/documents").status_code == 200
        refused = viewer.post("/api/v1/assets", params={"filename": "x.txt"}, content=b"x")
        assert refused.status_code == 403
        assert viewer.post("/api/v1/users", json={}).status_code in {403, 422}
        assert viewer.post("/auth/logout").status_code in {200, 204}
        assert viewer.get("/api/v1/documents").status_code in {401, 403}
