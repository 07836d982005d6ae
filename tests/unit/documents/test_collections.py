"""Collections: documents may be in many, whatever folders they lie in."""

from __future__ import annotations

import pytest

from shared.documents import collections
from shared.documents import service as documents
from shared.documents.collection_store import Collection
from shared.kernel.errors import ConflictError, InvalidError, NotFoundError
from shared.kernel.ids import CollectionId, DocumentId, TenantId, new_id
from tests.unit.documents.library import Office


def add(office: Office, name: str) -> Collection:
    with office.database.transaction(office.tenant) as session:
        return collections.add_collection(
            session, name=name, description=" about ", created_by=office.user
        )


def fill(office: Office, collection: Collection, *ids: DocumentId) -> int:
    with office.database.transaction(office.tenant) as session:
        return collections.add_documents(session, collection.id, ids, added_by=office.user)


def test_a_document_is_in_as_many_collections_as_it_is_put_into(office: Office) -> None:
    board, audit = add(office, "Board"), add(office, "Audit")
    one, two = (office.put(bytes([n]), folder=str(n)).document_id for n in range(2))
    assert fill(office, board, one, two, one) == 2
    assert fill(office, board, one) == 0
    assert fill(office, audit, one) == 1
    with office.database.transaction(office.tenant) as session:
        names = [c.name for c in collections.list_collections_of(session, one)]
        page = documents.list_documents(
            session, folder="", cursor=None, limit=9, collection_id=board.id
        )
        assert names == ["Audit", "Board"]
        assert [row.id for row in page.items] == [two, one]
        collections.take_document(session, board.id, one)
        with pytest.raises(NotFoundError):
            collections.take_document(session, board.id, one)
        documents.remove_document(session, two)
        listed = collections.list_collections(session, cursor=None, limit=9).items
    assert [(c.name, c.document_count) for c in listed] == [("Audit", 1), ("Board", 0)]


def test_names_are_unique_whatever_their_case(office: Office) -> None:
    board, audit = add(office, " Board  meeting "), add(office, "Audit")
    assert (board.name, board.description) == ("Board meeting", "about")
    with pytest.raises(ConflictError, match="already"):
        add(office, "BOARD MEETING")
    with office.database.transaction(office.tenant) as session:
        with pytest.raises(ConflictError):
            collections.change_collection(session, audit.id, name="board meeting", description=None)
        same = collections.change_collection(
            session, board.id, name="Board Meeting", description=None
        )
    assert (same.name, same.description) == ("Board Meeting", "about")


@pytest.mark.parametrize("name", ["", "  ", "x" * 256, "a\x00b"])
def test_names_that_cannot_be_are_refused(office: Office, name: str) -> None:
    with pytest.raises(InvalidError):
        add(office, name)


def test_pages_go_through_all_collections_once(office: Office) -> None:
    for name in ("b", "A", "d", "C"):
        add(office, name)
    names, cursor = [], None
    with office.database.transaction(office.tenant) as session:
        while True:
            page = collections.list_collections(session, cursor=cursor, limit=2)
            names += [c.name for c in page.items]
            cursor = page.next_cursor
            if cursor is None:
                break
    assert names == ["A", "b", "C", "d"]


def test_all_documents_are_added_or_none(office: Office) -> None:
    board = add(office, "Board")
    one = office.put(b"1").document_id
    with pytest.raises(NotFoundError, match="1 of these"):
        fill(office, board, one, DocumentId(new_id()))
    with office.database.transaction(office.tenant) as session:
        assert collections.find_collection(session, board.id).document_count == 0


def test_removing_a_collection_leaves_its_documents(office: Office) -> None:
    board = add(office, "Board")
    one = office.put(b"1").document_id
    fill(office, board, one)
    with office.database.transaction(office.tenant) as session:
        collections.remove_collection(session, board.id)
        assert documents.find_document(session, one)
        with pytest.raises(NotFoundError):
            collections.remove_collection(session, board.id)


def test_other_tenants_collections_are_not_there(office: Office, other_tenant: TenantId) -> None:
    board = add(office, "Board")
    stranger = Office(office.database, other_tenant)
    theirs = stranger.put(b"1").document_id
    with pytest.raises(NotFoundError):
        fill(stranger, board, theirs)
    with pytest.raises(NotFoundError):
        fill(office, board, theirs)
    assert add(stranger, "Board").id != board.id
    with office.database.transaction(other_tenant) as session, pytest.raises(NotFoundError):
        collections.change_collection(session, CollectionId(board.id), name="x", description=None)
