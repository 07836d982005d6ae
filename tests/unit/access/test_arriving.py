"""Files on their way: a place that is closed meanwhile takes nothing in any more."""

from __future__ import annotations

from uuid import UUID

import pytest

from shared.documents import service as documents
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
