"""Files on their way: a place that is closed meanwhile takes nothing in any more."""

from __future__ import annotations

from uuid import UUID

import pytest

from shared.documents import service as documents
from shared.documents import trash
from shared.documents.service import ReceivedFile
from shared.kernel.errors import NotFoundError
from shared.kernel.ids import DocumentId, JobId, UserId
from tests.unit.access.world import World
from tests.unit.documents.library import Office


@pytest.fixture
def bob(world: World) -> UUID:
    return world.people["bob"]


@pytest.fixture
def office(world: World, bob: UUID) -> Office:
    return Office(world.database, world.tenant, UserId(bob))


def arrive(office: Office, upload: JobId) -> documents.Kept:
    file = ReceivedFile(sha256=b"x" * 32, size_bytes=3, media_type="text/plain", object_version="1")
    with office.database.transaction(office.tenant) as session:
        return documents.keep(session, documents.find_upload(session, upload), file)


@pytest.mark.parametrize("level", ["view", "deny"])
def test_a_document_closed_meanwhile_gets_no_version_by_an_old_permission(
    world: World, bob: UUID, office: Office, level: str
) -> None:
    document = world.document("plan", world.people["ada"])
    upload = office.announce(document_id=DocumentId(document))
    world.grant("document", document, f"user:{bob}", level)
    with pytest.raises(NotFoundError, match="no longer yours"):
        arrive(office, upload)
    world.grant("document", document, f"user:{bob}", "edit")
    assert arrive(office, upload).document_id == document


def test_a_folder_closed_meanwhile_takes_nothing_in(
    world: World, bob: UUID, office: Office
) -> None:
    folder = world.folder("board", world.people["ada"])
    upload = office.announce(folder="board")
    world.grant("folder", folder, f"user:{world.people['ada']}", "manage")
    with pytest.raises(NotFoundError, match="no longer yours"):
        arrive(office, upload)


def test_who_may_only_look_at_an_attachment_does_not_open_it_by_putting_it_again(
    world: World, bob: UUID, office: Office
) -> None:
    ada = Office(world.database, world.tenant, UserId(world.people["ada"]))
    mail = world.document("mail", world.people["ada"])
    attached = ada.put(b"salaries", "salaries.pdf").document_id
    world.run("UPDATE kontor.documents SET parent_document_id = %s WHERE id = %s", mail, attached)
    world.grant("document", mail, f"user:{bob}", "view")
    assert office.keep(b"salaries", "salaries.pdf").document_id == attached
    assert world.rank(bob, "document", attached) == 1
    assert world.seen_by(world.people["cem"]) == set()
    assert ada.keep(b"salaries", "salaries.pdf").document_id == attached
    assert world.rank(world.people["cem"], "document", attached) == 2, "its owner may free it"


def test_an_attachment_that_comes_back_alone_stays_as_closed_as_its_mail(
    world: World, bob: UUID, office: Office
) -> None:
    ada = world.people["ada"]
    folder = world.folder("inbox", ada)
    mail = world.document("mail", ada, folder)
    attached = world.document("salaries", ada, folder, mail)
    world.grant("document", mail, f"user:{bob}", "edit")
    with world.eyes_of(ada) as session:
        documents.remove_document(session, DocumentId(mail))
    with world.eyes_of(bob) as session:
        trash.restore_document(session, DocumentId(attached), restored_by=UserId(bob))
    assert world.seen_by(world.people["cem"]) == set()
    world.grant("folder", folder, f"user:{world.people['cem']}", "view")
    assert world.seen_by(world.people["cem"]) == {mail, attached}, "what the folder grants"
    world.withdraw("folder", folder)
    assert world.seen_by(world.people["cem"]) == set()
    with world.eyes_of(ada) as session:
        trash.restore_document(session, DocumentId(mail), restored_by=UserId(ada))
    assert world.seen_by(bob) == {mail, attached}
    assert world.seen_by(world.people["cem"]) == set()


def test_an_attachment_stays_closed_when_the_mail_in_the_trash_is_erased(
    world: World, bob: UUID
) -> None:
    ada = world.people["ada"]
    mail = world.document("mail", ada)
    attached = world.document("salaries", ada, None, mail)
    world.grant("document", mail, f"user:{bob}", "view")
    with world.eyes_of(ada) as session:
        documents.remove_document(session, DocumentId(mail))
        trash.restore_document(session, DocumentId(attached), restored_by=UserId(ada))
    world.run("DELETE FROM kontor.documents WHERE id = %s", mail)
    assert world.seen_by(bob) == {attached}
    assert world.seen_by(world.people["cem"]) == set()
