"""`kontor agent`: steps are printed as they come, changes wait for a yes, sources are named."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.unit.cli.server import problem

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Cli
    from tests.unit.cli.server import FakeKontor

pytestmark = pytest.mark.usefixtures("signed_in")
RUN = "/agents/runs/r-1"
STEP = {"number": 1, "node": "plan", "title": "Next: \x1b[31mcalculate [x]", "took_ms": 3}
WEB = {
    "kind": "web",
    "number": 1,
    "url": "https://a.example/x",
    "title": "A page",
    "quote": "It is\n1,642 m deep.",
}
DONE = {
    "id": "r-1",
    "state": "done",
    "answer": "It is 1,642 m deep. [1]",
    "citations": [WEB],
    "steps": [STEP],
    "actions": [],
}
WAITING = {
    "id": "r-1",
    "state": "waiting",
    "detail": "Tag the document “Handbook” with staff",
    "answer": "",
    "citations": [],
    "steps": [STEP],
    "actions": [{"id": "a-1", "state": "proposed", "title": "Tag it"}],
}


def test_a_run_streams_its_steps_and_names_its_sources(cli: Cli, kontor: FakeKontor) -> None:
    kontor.stream = [("run", {"run_id": "r-1"}), ("step", STEP), ("run_state", {"state": "done"})]
    kontor.answers[("GET", RUN)] = DONE
    done = cli("agent", "run", "How", "deep", "is", "it?", "--web")
    assert done.code == 0, done.err
    assert kontor.bodies == [{"task": "How deep is it?", "web": True}]
    lines = done.out.splitlines()
    assert lines[0].strip() == "1  Next: [31mcalculate [x]"
    assert "It is 1,642 m deep. [1]" in lines
    assert "[1] A page (web: https://a.example/x)" in lines
    assert "“It is 1,642 m deep.”" in done.out


def test_json_is_the_run_itself(cli: Cli, kontor: FakeKontor) -> None:
    kontor.answers[("POST", "/agents/runs")] = {**DONE, "state": "running"}
    kontor.answers[("POST", f"{RUN}/continue")] = DONE
    assert json.loads(cli("agent", "run", "x", "--json").out) == DONE


def test_a_change_waits_where_nobody_can_be_asked(cli: Cli, kontor: FakeKontor) -> None:
    kontor.has_stream = False
    kontor.answers[("POST", "/agents/runs")] = WAITING
    done = cli("agent", "run", "Tag the Handbook with staff")
    assert "Proposed: Tag the document “Handbook” with staff" in done.out
    assert "kontor agent show r-1 --yes" in done.out
    assert not any("confirm" in path for _, path, _ in kontor.requests)


def test_a_yes_is_sent_for_the_proposed_change(cli: Cli, kontor: FakeKontor) -> None:
    kontor.answers[("GET", RUN)] = WAITING
    kontor.answers[("POST", f"{RUN}/confirm")] = {**DONE, "answer": "Done.", "citations": []}
    assert "Done." in cli("agent", "show", "r-1", "--yes").out
    assert kontor.requests[-1][2] == {"action_id": "a-1", "answer": "yes"}


def test_runs_are_listed(cli: Cli, kontor: FakeKontor) -> None:
    kontor.answers[("GET", "/agents/runs")] = {"items": [], "next_cursor": None}
    assert "No runs yet" in cli("agent", "ls").out
    run = {**DONE, "task": "How deep?", "created_at": "2026-01-02T03:04:05Z"}
    kontor.answers[("GET", "/agents/runs")] = {"items": [run], "next_cursor": None}
    assert "How deep?" in cli("agent", "ls").out


def test_an_error_in_the_stream_ends_the_program(cli: Cli, kontor: FakeKontor) -> None:
    body = json.loads(bytes(problem(503, "unavailable", "It is away.").body))
    kontor.stream = [("run", {"run_id": "r-1"}), ("error", body)]
    done = cli("agent", "run", "x")
    assert (done.code, "It is away." in done.err) == (75, True)
