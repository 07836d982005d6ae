"""An administrator invites a colleague, who joins, signs in with a code, and ends a session."""

from __future__ import annotations

import json
import time
from base64 import b32decode
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from shared.identity.second_factor import STEP_S, code_at
from tests.journeys.conftest import Server

BEA, PASSWORD = "bea@acme.example", "mein Hund heißt anders als dieser"


def mails(server: Server, count: int) -> list[dict[str, str]]:
    """Wait until so many mails to Bea were written, and read them."""
    found: list[dict[str, str]] = []

    def are_there() -> bool:
        items = json.loads(server.kontor("mail", "--json").stdout)["items"]
        found[:] = [one for one in items if one["to"] == BEA]
        return len(found) >= count

    server.wait(are_there, 60)
    return found


def test_colleague_joins_signs_in_with_a_code_and_ends_a_lost_session(
    server: Server, tmp_path: Path
) -> None:
    server.kontor("invite", BEA, "--role", "editor", "--language", "de")
    (invitation,) = mails(server, 1)
    assert invitation["link"].startswith(f"{server.api}/auth/invitations/accept?token=")
    server.wait(lambda: b"mail to bea@acme.example: Einladung" in server.output.read_bytes(), 20)
    there = ("--api", server.api)
    bea = tmp_path / "bea"
    joined = server.kontor(
        "accept", invitation["link"], "--name", "Bea", "--password-stdin", *there,
        typed=PASSWORD + "\n", data=bea,
    )  # fmt: skip
    assert "You belong to demo as editor now." in joined.stdout
    sign_in = ("login", "--email", BEA, "--password-stdin", *there)
    server.kontor(*sign_in, typed=PASSWORD + "\n", data=bea)
    with httpx.Client(base_url=server.api, timeout=60) as client:
        lost = client.post("/auth/login", json={"email": BEA, "password": PASSWORD}).json()
        bearer = {"authorization": f"Bearer {lost['access_token']}"}
        begun = client.post("/auth/totp", json={"password": PASSWORD}, headers=bearer).json()
        secret, step = b32decode(begun["secret"]), int(time.time()) // STEP_S
        confirm = {"code": code_at(secret, step)}
        done = client.post("/auth/totp/confirm", json=confirm, headers=bearer)
        assert done.status_code == 200, done.text
        recovery = done.json()["recovery_codes"]
        refused = server.kontor(*sign_in, ok=False, typed=PASSWORD + "\n", data=bea)
        assert refused.returncode != 0
        again = server.kontor(*sign_in, "--totp", recovery[0], typed=PASSWORD + "\n", data=bea)
        assert "renewed by itself" in again.stdout

        url = client.get("/api/v1/endpoints", headers=bearer).json()["websocket_url"]
        offered = ["kontor.v1", f"bearer.{lost['access_token']}"]
        with connect(url, subprotocols=offered) as socket:  # type: ignore[arg-type]
            socket.send(json.dumps({"action": "ping"}))
            assert json.loads(socket.recv(20))["type"] == "pong"
            server.kontor("sessions", "end", lost["session_id"], *there, data=bea)
            # API Gateway's own answer to a token that the authorizer refuses.
            assert client.get("/auth/me", headers=bearer).status_code == 403
            renewal = {"refresh_token": lost["refresh_token"]}
            assert client.post("/auth/refresh", json=renewal).status_code == 401
            socket.send(json.dumps({"action": "ping"}))
            assert json.loads(socket.recv(20))["problem"]["status"] == 401
            with pytest.raises(ConnectionClosed):
                socket.recv(20)
    listed = json.loads(server.kontor("sessions", "list", "--json", *there, data=bea).stdout)
    assert [one["is_current"] for one in listed["items"]].count(True) == 1
    assert lost["session_id"] not in {one["id"] for one in listed["items"]}
    server.kontor("logout", *there, data=bea)
    assert server.kontor("sessions", "list", *there, ok=False, data=bea).returncode == 77
