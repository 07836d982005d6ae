"""`kontor eval` towards a server: what is sent, and what a person reads."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.unit.cli.server import AT, FakeKontor, Serving, problem

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Cli

pytestmark = pytest.mark.usefixtures("signed_in")
ID = "01a21e70-6b57-7ce5-a5ac-0a38e3e9702c"


class JudgedKontor(FakeKontor):
    """A server whose people have judged two answers."""

    def __init__(self) -> None:
        super().__init__()
        self.values = {"ndcg@10": {"m1": 1.0, "m2": 0.5}}
        self.weights = [(0.6, 0.2)]

    def _run(self) -> dict[str, object]:
        return {
            "id": ID,
            "kind": "feedback",
            "name": "feedback",
            "measures": {"ndcg@10": {"mean": 0.75, "low": 0.5, "high": 1.0, "count": 2}},
            "latency_ms": {"mean": 12.5},
            "circumstances": {"questions": 2},
            "created_by": ID,
            "created_at": AT,
        }

    async def runs(self, request: Request) -> Response:
        if refused := self.refuse(request):
            return refused
        if request.method == "GET":
            return JSONResponse({"items": [self._run()], "next_cursor": None})
        self.bodies.append(await request.json())
        return JSONResponse({**self._run(), "values": self.values}, 201)

    async def questions(self, request: Request) -> Response:
        item = {"message_id": ID, "question": "Wie lange?", "verdict": "up", "golds": []}
        return self.refuse(request) or JSONResponse({"items": [item]})

    async def fit(self, request: Request) -> Response:
        if refused := self.refuse(request):
            return refused
        body = await request.json()
        self.bodies.append(body)
        found = {
            "language": "de", "questions": 30, "present": 0.2, "proposed": 0.1, "before": 0.5,
            "held_out": 0.625, "change": None, "is_accepted": True, "reason": "better",
        }  # fmt: skip
        return JSONResponse({"fits": [found], "is_applied": body["apply"], "ranking": {}})

    async def ranking(self, request: Request) -> Response:
        if refused := self.refuse(request):
            return refused
        if request.method == "DELETE":
            if len(self.weights) == 1:
                return problem(404, "not-found", "This tenant has no weights of its own.")
            self.weights.pop()
        english, german = self.weights[-1]
        is_own = len(self.weights) > 1
        return JSONResponse(
            {
                "ranking": {"dense_weight_en": english, "dense_weight_de": german},
                "source": "tenant" if is_own else "settings",
                "evidence": {"source": "feedback"} if is_own else {},
            }
        )

    def application(self) -> Starlette:
        app = super().application()
        api = "/api/v1/evaluation"
        app.router.routes[:0] = [
            Route(f"{api}/runs", self.runs, methods=["GET", "POST"]),
            Route(f"{api}/questions", self.questions),
            Route(f"{api}/fit", self.fit, methods=["POST"]),
            Route(f"{api}/ranking", self.ranking, methods=["GET", "DELETE"]),
        ]
        return app


@pytest.fixture
def kontor() -> Iterator[JudgedKontor]:
    fake = JudgedKontor()
    serving = Serving(fake)
    yield fake
    serving.stop()


def test_feedback_is_measured_saved_and_compared(
    cli: Cli, kontor: JudgedKontor, tmp_path: Path
) -> None:
    saved = tmp_path / "run.json"
    done = cli("eval", "feedback", "--save", str(saved))
    assert done.code == 0, done.err
    assert "ndcg@10" in done.out
    assert "0.7500" in done.out
    kontor.values = {"ndcg@10": {"m1": 0.5, "m2": 0.0}}
    worse = cli("eval", "feedback", "--compare", str(saved))
    assert worse.code == 2
    assert "WORSE" in worse.out
    kept = cli("eval", "keep", str(saved))
    assert kept.code == 0, kept.err
    assert kontor.bodies[-1]["run"] == json.loads(saved.read_text("utf-8"))


def test_a_missing_run_is_found_out_before_anything_is_measured(
    cli: Cli, kontor: JudgedKontor, tmp_path: Path
) -> None:
    done = cli("eval", "feedback", "--compare", str(tmp_path / "none.json"))
    assert done.code not in {0, 2}
    assert "no saved run" in done.err
    assert kontor.bodies == []


def test_judged_questions_are_written_as_json_lines(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "judged.jsonl"
    done = cli("eval", "feedback", "--export", str(file))
    assert "1 judged question" in done.out
    assert json.loads(file.read_text("utf-8"))["question"] == "Wie lange?"


def test_kept_runs_are_listed(cli: Cli) -> None:
    done = cli("eval", "runs")
    assert done.code == 0, done.err
    assert "feedback" in done.out
    assert "ndcg@10 0.7500" in done.out


def test_weights_are_fitted_and_hold_only_when_asked_to(cli: Cli, kontor: JudgedKontor) -> None:
    looked = cli("eval", "fit")
    assert looked.code == 0, looked.err
    assert "other languages (30 questions): 0.20 → 0.10" in looked.out
    assert "Nothing was changed." in looked.out
    assert "The new weights hold." in cli("eval", "fit", "--apply").out
    assert [body["apply"] for body in kontor.bodies] == [False, True]


def test_weights_are_shown_with_their_reason_and_taken_back(cli: Cli, kontor: JudgedKontor) -> None:
    assert "English 0.60, other languages 0.20 (from the settings)" in cli("eval", "ranking").out
    kontor.weights.append((0.7, 0.1))
    assert "0.70, other languages 0.10 (feedback)" in cli("eval", "ranking").out
    assert "English 0.60" in cli("eval", "ranking", "--undo").out
    refused = cli("eval", "ranking", "--undo")
    assert refused.code != 0
    assert "no weights of its own" in refused.err
