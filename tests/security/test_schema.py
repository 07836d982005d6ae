"""What the OpenAPI file says, held against every operation by schemathesis, over real HTTP."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from shared.identity.keys import SigningKey
from shared.identity.model import Principal
from shared.wiring import App
from tests.describing import described
from tests.functions.doors import PASSWORD, sign_in
from tests.functions.pipeline import Pipeline
from tests.security.api import Api
from tests.security.doorway import doorway
from tests.security.scene import Api as Scene
from tests.security.scene import Side, add_person, fill

TOOL = Path(sys.executable).parent / "schemathesis"
RULES = Path(__file__).parent / "schemathesis.toml"
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", "QUERY"]
QUICK = ["--phases=fuzzing", "--max-examples=1"]
LONG_S, LASTS_S = 3600, 7200
ROUNDS = 4
KNOWN = 0.7
"""How often an id in an address is one of something that is there."""


@pytest.fixture
def spare_token(desk: App, owner_url: str, signer: SigningKey) -> str:
    """The token of somebody who may be signed out at any time."""
    _, token = sign_in(desk, owner_url, slug="spare", lasts_s=LASTS_S, key=signer)
    return token


@pytest.fixture
def things(desk: App, admin: tuple[Principal, Api]) -> dict[str, list[str]]:
    """Ids of what is in the caller's tenant, by their names in paths: some of every kind."""
    caller, _ = admin
    ben = add_person(desk, caller, "ben@mine.example")
    pipeline = Pipeline(desk, caller.tenant_id, user=caller.user_id)
    side = Side(caller.tenant_id, "ZIMTSTERN", caller, caller, ben, pipeline)
    routes = Scene.of_today()
    found = defaultdict(list)
    for number in range(ROUNDS):
        fill(routes, side, mark=f" {number}")
        login = {"email": caller.email, "password": PASSWORD}
        signed_in = routes.call("POST /auth/login", None, body=login)
        side.things["session_id"] = signed_in.body["session_id"]
        invited = {"email": f"new{number}@mine.example"}
        invitation = routes.call("POST /api/v1/invitations", caller, body=invited)
        side.things["invitation_id"] = invitation.body["id"]
        for name, one in side.things.items():
            found[name].append(one)
    return dict(found)


@pytest.mark.timeout(LONG_S + 600)
def test_every_operation_does_what_its_description_says(
    spare_token: str,
    admin: tuple[Principal, Api],
    things: dict[str, list[str]],
    request: pytest.FixtureRequest,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    _, api = admin
    most: int = request.config.getoption("--schema-examples")
    wanted = [f"--max-examples={most}"] if most else QUICK
    with doorway(api.document) as (address, functions):
        tokens = {"TOKEN": api.token, "SPARE_TOKEN": spare_token}
        document = tmp_path / "openapi.json"
        document.write_text(json.dumps(api.document))
        rules = tmp_path / "schemathesis.toml"
        rules.write_text(RULES.read_text() + _known(things))
        options = [f"--url={address}", *wanted, str(document)]
        code, said = _run(rules, *options, tokens=tokens)
    if most:
        with capsys.disabled():
            sys.stdout.write(said[said.rfind("= SUMMARY =") :])
    assert not functions.failures, "\n".join(functions.failures[:5])
    assert code == 0, said[-20_000:]
    assert f"Tested: {len(api.operations)}" in said


def test_methods_that_nothing_describes_reach_no_function() -> None:
    document = described()
    with _shut(document) as client:
        for path, known in document["paths"].items():
            other = next(one for one in METHODS if one.lower() not in known)
            for method in ("TRACE", other):
                answer = client.request(method, path.replace("{", "").replace("}", ""))
                # /users/import is an address of /users/{user_id}, too, whose methods need a token.
                is_lost = answer.status_code == 404 and answer.json() == {"message": "Not Found"}
                assert is_lost or answer.status_code == 401, f"{method} {path}: {answer.text}"


def test_a_line_break_in_an_address_is_a_letter_like_any_other() -> None:
    with _shut(described()) as client:
        for text in ("\n", "a\nb", "a\r\nb\n", "\u2028", "a"):
            answer = client.get(f"/api/v1/documents/{quote(text, safe='')}")
            assert answer.json() == {"message": "Unauthorized"}, repr(text)
        assert client.get("/health%0A").json() == {"message": "Not Found"}


@contextmanager
def _shut(document: dict[str, Any]) -> Iterator[httpx.Client]:
    """Serve a document whose functions may not be asked."""
    with doorway(document) as (address, functions), httpx.Client(base_url=address) as client:
        functions.invoke = _nobody  # type: ignore[method-assign]
        yield client


def _known(things: Mapping[str, list[str]]) -> str:
    """Say in schemathesis' own words which ids are of something: most of those it asks for."""
    lines = []
    for name, ids in things.items():
        lines += [f"[dictionaries.{name}]", f"values = {json.dumps(ids)}"]
    lines.append("[parameters]")
    for name in things:
        lines.append(f'"path.{name}" = {{ dictionary = "{name}", probability = {KNOWN} }}')
    return "\n".join(["", *lines, ""])


def _run(rules: Path, *options: str, tokens: Mapping[str, str]) -> tuple[int, str]:
    """Run schemathesis; returns its exit code and everything it said."""
    command = [TOOL, f"--config-file={rules}", "run", "--no-color", "--no-shrink", "--seed=7"]
    done = subprocess.run(
        [*command, *options],
        cwd=rules.parent,  # it keeps what it learns beside where it is started
        env={**tokens, "PATH": str(TOOL.parent), "COLUMNS": "100"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def _nobody(*_: object, **__: object) -> None:
    raise AssertionError("a function was asked")
