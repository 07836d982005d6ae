"""Folders: moved as whole trees, removed when empty, never into themselves."""

from __future__ import annotations

import threading

import pytest

from shared.adapters.database import Database
from shared.documents import folders, trash
from shared.documents import service as documents
from shared.documents.model import Folder
from shared.kernel.errors import ConflictError, InvalidError, NotFoundError
from shared.kernel.ids import FolderId, TenantId, new_id
from tests.unit.documents.library import Office


def make(office: Office, path: str) -> Folder:
    with office.database.transaction(office.tenant) as session:
        folder_id = folders.make_folder(session, path, created_by=office.user)
        assert folder_id is not None
        return folders.find_folder(session, folder_id)


def move(office: Office, folder: Folder, path: str) -> Folder:
    with office.database.transaction(office.tenant) as session:
        return folders.move_folder(session, folder.id, path, moved_by=office.user)


def paths(office: Office) -> list[str]:
    with office.database.transaction(office.tenant) as session:
        return [f.path for f in folders.list_folders(session, cursor=None, limit=200).items]


def place(office: Office, kept: documents.Kept) -> str:
    with office.database.transaction(office.tenant) as session:
        return documents.find_document(session, kept.document_id).folder


def test_moving_a_folder_takes_everything_below_it_along(office: Office) -> None:
    deep = office.put(b"1", folder="a/b/c")
    beside = office.put(b"2", folder="a/bc")
    moved = move(office, make(office, "a/b"), "archive/2026")
    assert (moved.name, moved.path) == ("2026", "archive/2026")
    assert place(office, deep) == "archive/2026/c"
    assert place(office, beside) == "a/bc"
    assert paths(office) == ["a", "a/bc", "archive", "archive/2026", "archive/2026/c"]
    with office.database.transaction(office.tenant) as session:
        found = documents.list_documents(session, folder="archive", cursor=None, limit=9).items
    assert [row.id for row in found] == [deep.document_id]


def test_renaming_is_moving_within_the_parent(office: Office) -> None:
    folder = make(office, "Verträge/2025")
    assert move(office, folder, "Verträge/2026").parent_id == folder.parent_id
    assert move(office, folder, "Verträge/2026").path == "Verträge/2026"


@pytest.mark.parametrize("path", ["a/b/c", "", "/", "a/b/../x", "/".join("x" * 32)])
def test_moves_that_cannot_be_are_refused(office: Office, path: str) -> None:
    make(office, "a/b/c")
    with pytest.raises(InvalidError):
        move(office, make(office, "a/b"), path)
    assert paths(office) == ["a", "a/b", "a/b/c"]


def test_a_taken_path_is_refused(office: Office) -> None:
    make(office, "b")
    with pytest.raises(ConflictError, match="folder b already"):
        move(office, make(office, "a"), "b")


def test_what_lies_in_the_trash_comes_back_to_where_its_folder_went(office: Office) -> None:
    kept = office.put(b"1", folder="a/b")
    with office.database.transaction(office.tenant) as session:
        documents.remove_document(session, kept.document_id)
    move(office, make(office, "a"), "z")
    with office.database.transaction(office.tenant) as session:
        trash.restore_document(session, kept.document_id, restored_by=office.user)
    assert place(office, kept) == "z/b"


def test_folders_made_while_their_parent_moves_land_in_one_tree(
    office: Office, database_url: str
) -> None:
    top = make(office, "top")
    stop = threading.Event()

    def fill() -> None:
        other = Office(Database(database_url), office.tenant)
        for number in range(40):
            make(other, f"top/{number}")
        other.database.close()
        stop.set()

    thread = threading.Thread(target=fill)
    thread.start()
    turn = 0
    while not stop.is_set():
        turn += 1
        top = move(office, top, f"moved/{turn}")
    thread.join()
    with office.database.transaction(office.tenant) as session:
        found = folders.list_folders(session, cursor=None, limit=200).items
    by_id = {folder.id: folder for folder in found}
    for folder in found:
        parent = by_id[folder.parent_id].path + "/" if folder.parent_id else ""
        assert folder.path == parent + folder.name


def test_only_an_empty_folder_can_be_removed(office: Office) -> None:
    office.put(b"1", folder="full/deep")
    empty = make(office, "empty")
    with office.database.transaction(office.tenant) as session:
        folders.remove_folder(session, empty.id)
        for path in ("full", "full/deep"):
            with pytest.raises(ConflictError):
                folders.remove_folder(session, make(office, path).id)
        with pytest.raises(NotFoundError):
            folders.remove_folder(session, empty.id)
        assert not folders.remove_empty_tree(session, make(office, "full").id)


def test_a_tree_goes_once_its_documents_are_in_the_trash(office: Office) -> None:
    kept = office.put(b"1", folder="full/deep")
    full = make(office, "full")
    with office.database.transaction(office.tenant) as session:
        assert folders.list_documents_below(session, full, limit=9) == [kept.document_id]
        documents.remove_document(session, kept.document_id)
        assert folders.remove_empty_tree(session, full.id)
    assert paths(office) == []
    with office.database.transaction(office.tenant) as session:
        trash.restore_document(session, kept.document_id, restored_by=office.user)
    assert place(office, kept) == "full/deep"


def test_other_tenants_folders_are_not_there(office: Office, other_tenant: TenantId) -> None:
    folder = make(office, "a")
    stranger = Office(office.database, other_tenant)
    with pytest.raises(NotFoundError) as theirs:
        move(stranger, folder, "b")
    with (
        office.database.transaction(other_tenant) as session,
        pytest.raises(NotFoundError) as nowhere,
    ):
        folders.find_folder(session, FolderId(new_id()))
    assert theirs.value.problem() == nowhere.value.problem()
