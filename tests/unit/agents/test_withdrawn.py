"""Runs keep their words back once their user may no longer see what they rest on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar
from uuid import UUID

import psycopg
import pytest

from shared.agents import service
from shared.agents.model import Report
from shared.agents.store import WITHDRAWN
from shared.kernel.context import working_on
from shared.kernel.errors import ConflictError
from shared.kernel.ids import DocumentId, new_id
from tests.unit.agents.office import Office, call

QUESTION = "Wie lang ist die Kündigungsfrist der Wohnung?"


def lease_of(office: Office) -> DocumentId:
    with office.desk.instruments.database.transaction(office.desk.principal.tenant_id) as session:
        row = session.connection.execute(
            "SELECT id FROM kontor.documents WHERE title = 'Mietvertrag'"
        ).fetchone()
    assert row is not None
    return DocumentId(UUID(str(row[0])))


def withdraw(office: Office) -> None:
    """Give the lease to somebody else alone."""
    tenant = office.desk.principal.tenant_id
    with office.desk.instruments.database.transaction(tenant) as session:
        session.connection.execute(
            "INSERT INTO kontor.access_grants (tenant_id, resource_kind, resource_id, subject,"
            " level, granted_by) VALUES (%s, 'document', %s, %s, 'view', %s)",
            (tenant, lease_of(office), f"user:{new_id()}", new_id()),
        )


Found = TypeVar("Found")


def looking(office: Office, look: Callable[[], Found]) -> Found:
    """Do something as the office's own person."""
    person = office.desk.principal
    with working_on(correlation="t", tenant=str(person.tenant_id), viewer=person.viewer):
        return look()


def words_of(report: Report) -> str:
    return "\n".join(
        [
            report.run.answer,
            report.run.detail,
            str(report.run.citations),
            *(step.title for step in report.steps),
            *(f"{action.title} {action.arguments} {action.result}" for action in report.actions),
        ]
    )


def test_an_answer_a_plan_and_a_proposal_go_with_the_access(office: Office) -> None:
    done = looking(office, lambda: office.run(QUESTION))
    waiting = looking(office, lambda: office.run("Tag Mietvertrag as rent, home"))
    assert "drei Monate" in done.run.answer
    assert waiting.run.state == "waiting"
    assert "Mietvertrag" in words_of(waiting)
    withdraw(office)
    for before in (done, waiting):
        report = looking(office, lambda run=before.run.id: service.report(office.desk, run))
        assert "drei Monate" not in words_of(report)
        assert "Mietvertrag" not in words_of(report)
        assert WITHDRAWN in words_of(report)
        assert report.run.task == before.run.task, "what they said themselves stays"
    listed = looking(office, lambda: _listed(office))
    assert all(run not in listed for run in ("drei Monate", "Mietvertrag"))
    with pytest.raises(ConflictError, match="not shared with you any more"):
        looking(
            office,
            lambda: service.confirm(
                office.desk, waiting.run.id, waiting.actions[0].id, answer="yes"
            ),
        )


def _listed(office: Office) -> str:
    principal = office.desk.principal
    with office.desk.instruments.database.transaction(principal.tenant_id) as session:
        page = service.list_runs(session, principal, cursor=None, limit=10)
    return "\n".join(f"{run.answer} {run.detail} {run.citations}" for run in page.items)


def test_what_a_planner_asked_after_reading_is_the_documents_too(office: Office) -> None:
    office.think(
        call("search_library", query="Kündigungsfrist Wohnung"),
        call("ask_user", question="The notice is drei Monate. Whose?"),
        call("answer"),
    )
    asking = looking(office, lambda: office.run("What about the flat?"))
    assert (asking.run.state, asking.run.detail) == ("asking", "The notice is drei Monate. Whose?")
    withdraw(office)
    report = looking(office, lambda: service.report(office.desk, asking.run.id))
    assert "drei Monate" not in words_of(report)
    with pytest.raises(ConflictError):
        looking(office, lambda: service.reply(office.desk, asking.run.id, "mine"))
    looking(office, lambda: service.cancel(office.desk, asking.run.id))


def test_a_run_under_way_stops_when_what_it_read_is_taken_away(office: Office) -> None:
    office.think(call("search_library", query="Kündigungsfrist Wohnung"), call("answer"))
    run_id = looking(office, lambda: service.begin(office.desk, "What about the flat?"))
    looking(office, lambda: service.advance(office.desk, run_id, seconds=60))
    with office.desk.instruments.database.transaction(office.desk.principal.tenant_id) as session:
        session.connection.execute(
            "UPDATE kontor.agent_runs SET state = 'running' WHERE id = %s", (run_id,)
        )
    withdraw(office)
    report = looking(office, lambda: service.advance(office.desk, run_id, seconds=60))
    assert (report.run.state, report.run.detail) == ("failed", WITHDRAWN)


def test_an_erased_document_leaves_no_word_in_any_run(office: Office, owner_url: str) -> None:
    office.think(
        call("search_library", query="drei Monate Kündigungsfrist"),
        call("ask_user", question="The notice is drei Monate. Whose?"),
    )
    asking = office.run("What about the flat?")
    assert "drei Monate" in words_of(asking)
    with office.desk.instruments.database.transaction(office.desk.principal.tenant_id) as session:
        service.forget_document(session, lease_of(office))
    with psycopg.connect(owner_url) as connection:
        rows = connection.execute(
            "SELECT r.answer, r.detail, r.memory::text, s.title FROM kontor.agent_runs AS r"
            " JOIN kontor.agent_steps AS s ON s.tenant_id = r.tenant_id AND s.run_id = r.id"
            " WHERE r.id = %s",
            (asking.run.id,),
        ).fetchall()
    assert rows
    assert not [row for row in rows if "drei Monate" in str(row)]
