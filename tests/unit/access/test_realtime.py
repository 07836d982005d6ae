"""Jobs and frames: whoever may not see what it is about neither lists nor hears it."""

from __future__ import annotations

from uuid import UUID

import pytest

from shared.kernel.context import working_on
from shared.kernel.ids import JobId, UserId, new_id
from shared.realtime import service as realtime
from tests.unit.access.world import World
from tests.unit.documents.library import Office


@pytest.fixture
def office(world: World) -> Office:
    return Office(world.database, world.tenant, user=world.people["ada"])


def upload(world: World, office: Office, folder: str) -> JobId:
    job = office.announce(folder=folder)
    with world.transaction() as session:
        realtime.open_job(session, job_id=job, subject="secret.txt", created_by=office.user)
    return job


def jobs(world: World, user: UUID) -> set[JobId]:
    with world.eyes_of(user) as session:
        page = realtime.list_jobs(session, cursor=None, is_open_only=False, limit=50)
        hops = [realtime.list_hops(session, job.id) for job in page.items]
    assert len(hops) == len(page.items)
    return {job.id for job in page.items}


def heard_by(world: World, job: JobId, document: UUID | None) -> set[str]:
    """List who hears of a job, each listening on every topic that could carry it."""
    with world.transaction() as session:
        for name, user in world.people.items():
            realtime.connect(session, connection_id=name, user_id=UserId(user))
            realtime.subscribe(session, name, "uploads")
            realtime.subscribe(session, name, f"job:{job}")
            if document is not None:
                realtime.subscribe(session, name, f"document:{document}")
    with working_on(correlation="t", tenant=str(world.tenant)), world.transaction() as session:
        return set(
            realtime.list_listeners(session, job, None if document is None else str(document))
        )


def test_a_job_on_its_way_into_a_closed_folder_is_its_senders(world: World, office: Office) -> None:
    open_job = upload(world, office, "")
    closed_job = upload(world, office, "closed")
    with world.transaction() as session:
        row = session.connection.execute("SELECT id FROM kontor.folders").fetchone()
    assert row is not None
    world.grant("folder", row[0], f"user:{world.people['cem']}", "view")
    assert jobs(world, world.people["ada"]) == {open_job, closed_job}
    assert jobs(world, world.people["cem"]) == {open_job, closed_job}
    assert jobs(world, world.people["bob"]) == {open_job}
    assert heard_by(world, closed_job, None) == {"ada", "cem", "amy"}
    assert heard_by(world, open_job, None) == {"ada", "bob", "cem", "amy"}


def test_stages_of_a_closed_document_are_heard_by_those_who_see_it(
    world: World, office: Office
) -> None:
    job = upload(world, office, "")
    document = world.document("secret", world.people["ada"])
    world.run("UPDATE kontor.jobs SET document_id = %s WHERE id = %s", document, job)
    assert heard_by(world, job, document) == {"ada", "bob", "cem", "amy"}
    world.grant("document", document, f"user:{world.people['cem']}", "view")
    assert heard_by(world, job, document) == {"ada", "cem", "amy"}
    assert jobs(world, world.people["bob"]) == set()


def test_a_connection_by_a_key_hears_of_what_the_key_may_see(world: World, office: Office) -> None:
    job = upload(world, office, "")
    document = world.document("secret", world.people["ada"])
    world.run("UPDATE kontor.jobs SET document_id = %s WHERE id = %s", document, job)
    world.grant("document", document, f"user:{world.people['cem']}", "view")
    amy = UserId(world.people["amy"])
    with world.transaction() as session:
        for name, scopes in (("program", ["search"]), ("overseer", ["access:manage"])):
            key = new_id()
            session.connection.execute(
                "INSERT INTO kontor.api_keys (tenant_id, id, user_id, name, hint, scopes,"
                " created_by, expires_at) VALUES (%s, %s, %s, %s, 'x', %s, %s, 'infinity')",
                (world.tenant, key, amy, name, scopes, amy),
            )
            realtime.connect(session, connection_id=name, user_id=amy, session_id=key)
            realtime.subscribe(session, name, f"job:{job}")
    with working_on(correlation="t", tenant=str(world.tenant)), world.transaction() as session:
        heard = set(realtime.list_listeners(session, job, str(document)))
    assert heard == {"overseer"}
