"""A colleague joins, signs in by password or at a provider and with a code, and ends a session."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from base64 import b32decode
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from shared.identity.second_factor import STEP_S, code_at
from tests.journeys.conftest import KONTOR, ROOT, Server

BEA, PASSWORD = "bea@acme.example", "mein Hund heißt anders als dieser"
CLEO = "cleo@acme.example"


@pytest.fixture(scope="module")
def provider(server: Server) -> Iterator[str]:
    """An OpenID provider of its own process, where Cleo has an account; its issuer."""
    command = [sys.executable, "-m", "oidc_provider_mock", "-p", str(server.openid_port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    issuer = f"http://127.0.0.1:{server.openid_port}"
    claims = {"email": CLEO, "email_verified": True, "name": "Cleo"}

    def knows_cleo() -> bool:
        try:
            return httpx.put(f"{issuer}/users/cleo-1", json=claims, timeout=5).is_success
        except httpx.TransportError:
            return False

    server.wait(knows_cleo, 30)
    yield issuer
    process.terminate()
    process.wait(10)


def sign_in_there(server: Server, data: Path, code: str) -> subprocess.CompletedProcess[str]:
    """Run `kontor login --oidc`, and be the browser whose address it prints."""
    words = ["login", "--oidc", "office", "--tenant", "demo", "--no-browser", "--totp", code,
             "--api", server.api, "--data", str(data)]  # fmt: skip
    command = subprocess.Popen(
        [*KONTOR, *words], cwd=ROOT, env=server.environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert command.stderr is not None
    said = command.stderr.readline()
    with httpx.Client(timeout=30) as browser:
        started = browser.get(said.split()[-1])
        assert started.status_code == 303, started.text
        consent = browser.post(started.headers["location"], data={"sub": "cleo-1"})
        back = browser.get(consent.headers["location"])
        assert "Your provider signed you in" in browser.get(back.headers["location"]).text
    out, err = command.communicate(timeout=60)
    return subprocess.CompletedProcess(words, command.returncode, out, said + err)


def test_colleague_reads_what_is_shared_and_signs_in_at_a_provider_with_a_code(
    server: Server, provider: str, tmp_path: Path
) -> None:
    cleo, there = tmp_path / "cleo", ("--api", server.api)
    paper = tmp_path / "lease.md"
    paper.write_text("# Lease\n\nThe notice period of the lease is five months.\n", "utf-8")
    server.kontor("put", str(paper), "--folder", "/leases")
    server.kontor("invite", CLEO, "--role", "editor")
    (invitation,) = mails(server, 1, CLEO)
    joined = ("accept", invitation["link"], "--name", "Cleo", "--password-stdin", *there)
    server.kontor(*joined, typed=PASSWORD + "\n", data=cleo)
    server.kontor("share", "/leases", "--with", CLEO, "--view")
    server.kontor(
        "oidc", "add", "office", "--issuer", provider, "--client-id", "kontor", "--secret-stdin",
        "--trust-domain", "acme.example", typed="any secret\n",
    )  # fmt: skip

    with httpx.Client(base_url=server.api, timeout=60) as client:
        first = client.post("/auth/login", json={"email": CLEO, "password": PASSWORD}).json()
        bearer = {"authorization": f"Bearer {first['access_token']}"}
        begun = client.post("/auth/totp", json={"password": PASSWORD}, headers=bearer).json()
        secret, step = b32decode(begun["secret"]), int(time.time()) // STEP_S
        confirm = {"code": code_at(secret, step)}
        recovery = client.post("/auth/totp/confirm", json=confirm, headers=bearer).json()
        wrong = sign_in_there(server, cleo, "000000")
        assert (wrong.returncode, "Signed in" in wrong.stdout) == (77, False)
        entered = sign_in_there(server, cleo, recovery["recovery_codes"][0])
        assert "as cleo@acme.example (demo)" in entered.stdout, entered.stderr

        asked = server.kontor("search", "notice period", *there, data=cleo)
        assert "five months" in asked.stdout
        refused = server.kontor("set", "lease", "--title", "Mine", *there, ok=False, data=cleo)
        assert refused.returncode == 77, refused.stderr
        made = server.kontor(
            "key", "make", "script", "--scope", "search", "--json", *there, data=cleo
        )
        key = {"authorization": f"Bearer {json.loads(made.stdout)['key']}"}
        found = client.post("/api/v1/search", json={"query": "notice period"}, headers=key)
        assert "five months" in found.text

        listed = json.loads(server.kontor("sessions", "list", "--json", *there, data=cleo).stdout)
        (mine,) = [one for one in listed["items"] if one["is_current"]]
        assert mine["methods"] == ["oidc", "recovery_code"]
        ended = client.delete(f"/auth/sessions/{mine['id']}", headers=bearer)
        assert ended.status_code == 204
        gone = server.kontor("search", "notice period", *there, ok=False, data=cleo)
        assert gone.returncode == 77, gone.stdout
        assert client.post("/api/v1/search", json={"query": "notice"}, headers=key).is_success


def mails(server: Server, count: int, to: str = BEA) -> list[dict[str, str]]:
    """Wait until so many mails to somebody were written, and read them."""
    found: list[dict[str, str]] = []

    def are_there() -> bool:
        items = json.loads(server.kontor("mail", "--json").stdout)["items"]
        found[:] = [one for one in items if one["to"] == to]
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
