"""`kontor settings` and `kontor reprocess`: what is sent, and what a person reads."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from infra.cli.ask import cells_of
from tests.unit.cli.server import AT, FakeKontor, Serving, problem

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Cli

pytestmark = pytest.mark.usefixtures("signed_in")
ID = "01a21e70-6b57-7ce5-a5ac-0a38e3e9702c"


class ReadingKontor(FakeKontor):
    """A server with settings and one reprocessing that needs two calls to be switched."""

    def __init__(self) -> None:
        super().__init__()
        self.settings: dict[str, object] = {
            "strategy": "structured",
            "chunk_tokens": 224,
            "overlap_tokens": 0,
            "ocr_languages": ["deu", "eng"],
        }
        self.state = "ready"
        self.gate: dict[str, object] = {}
        self.is_gate_open = True
        self.left = 2

    def _body(self) -> dict[str, object]:
        return {
            "id": ID,
            "reason": "chunking",
            "document_id": None,
            "folder": "contracts",
            "model": "",
            "state": self.state,
            "counts": {"ready": 3, "failed": 1},
            "gate": self.gate,
            "failures": [{"document_id": ID, "title": "Plan", "detail": "The file is broken."}],
            "created_at": AT,
            "updated_at": AT,
        }

    async def reading(self, request: Request) -> Response:
        if refused := self.refuse(request):
            return refused
        if request.method == "PUT":
            self.settings = await request.json()
            self.bodies.append(self.settings)
        return JSONResponse(self.settings)

    async def reprocessings(self, request: Request) -> Response:
        if refused := self.refuse(request):
            return refused
        if request.method == "POST":
            self.bodies.append(await request.json())
            self.state = "running"
            return JSONResponse(self._body(), 201)
        return JSONResponse({"items": [self._body()]})

    async def one(self, request: Request) -> Response:
        if refused := self.refuse(request):
            return refused
        if self.state == "running":
            self.state = "ready"
        return JSONResponse(self._body())

    async def step(self, request: Request) -> Response:
        if refused := self.refuse(request):
            return refused
        step = request.path_params["step"]
        if step == "gate":
            reason = "" if self.is_gate_open else "2 documents would lose text."
            self.gate = {"is_open": self.is_gate_open, "reason": reason, "documents": 3}
        elif step == "switch":
            forced = (await request.json())["force"]
            if not self.is_gate_open and not forced:
                return problem(409, "conflict", f"The gate is shut. {self.gate['reason']}")
            self.state = "switching" if self.state == "ready" else "switched"
        elif step == "drop":
            self.left -= 1
            return JSONResponse({"left": self.left})
        else:
            self.state = {"revert": "reverted", "abandon": "abandoned"}[step]
        return JSONResponse(self._body())

    def application(self) -> Starlette:
        app = super().application()
        api = "/api/v1"
        app.router.routes[:0] = [
            Route(f"{api}/settings/reading", self.reading, methods=["GET", "PUT"]),
            Route(f"{api}/reprocessings", self.reprocessings, methods=["GET", "POST"]),
            Route(f"{api}/reprocessings/{{id}}", self.one),
            Route(f"{api}/reprocessings/{{id}}/{{step}}", self.step, methods=["POST"]),
        ]
        return app


@pytest.fixture
def kontor() -> Iterator[ReadingKontor]:
    fake = ReadingKontor()
    serving = Serving(fake)
    yield fake
    serving.stop()


def test_settings_are_shown_and_only_what_is_named_is_changed(
    cli: Cli, kontor: ReadingKontor
) -> None:
    shown = cli("settings").out
    assert "chunk_tokens     224" in shown
    assert "deu+eng" in shown
    assert kontor.bodies == []
    done = cli("settings", "--chunk-tokens", "128", "--ocr", "eng+fra")
    assert done.code == 0, done.err
    assert kontor.bodies == [
        {
            "strategy": "structured",
            "chunk_tokens": 128,
            "overlap_tokens": 0,
            "ocr_languages": ["eng", "fra"],
        }
    ]
    assert "kontor reprocess start" in done.out
    cli("settings", "--ocr", "none", "--overlap-tokens", "0")
    assert kontor.settings["ocr_languages"] == []


def test_start_waits_until_every_document_is_done_and_names_failures(
    cli: Cli, kontor: ReadingKontor
) -> None:
    done = cli("reprocess", "start", "--reason", "chunking", "--folder", "contracts", "--wait")
    assert done.code == 0, done.err
    assert kontor.bodies == [{"reason": "chunking", "folder": "contracts", "model": ""}]
    assert "chunking, contracts: ready" in done.out
    assert "4 documents: 1 failed, 3 ready" in done.out
    assert "Plan: The file is broken." in done.out
    assert "kontor reprocess switch" in done.out


def test_a_switch_asks_the_gate_first_and_goes_on_until_it_is_done(
    cli: Cli, kontor: ReadingKontor
) -> None:
    done = cli("reprocess", "switch")
    assert done.code == 0, done.err
    assert kontor.calls("POST", f"/api/v1/reprocessings/{ID}/gate") == 1
    assert kontor.calls("POST", f"/api/v1/reprocessings/{ID}/switch") == 2
    assert ": switched" in done.out
    assert "gate open: 3 documents keep their text" in done.out


def test_a_shut_gate_is_an_error_unless_forced(cli: Cli, kontor: ReadingKontor) -> None:
    kontor.is_gate_open = False
    refused = cli("reprocess", "switch", ID[-8:])
    assert refused.code != 0
    assert "would lose text" in refused.err
    assert cli("reprocess", "switch", "--force").code == 0
    assert kontor.state == "switched"


def test_abandoning_forgets_what_was_done(cli: Cli, kontor: ReadingKontor) -> None:
    done = cli("reprocess", "abandon", "--json")
    assert json.loads(done.out)["state"] == "abandoned"
    assert kontor.left == 0


def test_another_id_is_not_found(cli: Cli, kontor: ReadingKontor) -> None:
    done = cli("reprocess", "status", "ffff")
    assert done.code != 0
    assert "kontor reprocess start" in done.err
    assert kontor.state == "ready"


def test_the_cell_that_was_asked_for_is_named_under_the_quote() -> None:
    cell = {"row_header": "Birne", "column_header": "2021", "text": "2,25", "is_asked": True}
    other = {**cell, "column_header": "2020", "text": "2,10", "is_asked": False}
    assert cells_of({"cells": [other, cell, "noise"]}) == ["Birne, 2021: 2,25"]
    assert cells_of({}) == []
