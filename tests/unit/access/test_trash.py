"""The trash stays closed: whatever becomes of the folder that something was removed from."""

from __future__ import annotations

from uuid import UUID

import pytest

from shared.documents import folders, trash
from shared.kernel.ids import DocumentId, FolderId, UserId
from tests.unit.access.world import World


@pytest.fixture
def ada(world: World) -> UUID:
    return world.people["ada"]


@pytest.fixture
def bob(world: World) -> UUID:
    return world.people["bob"]


def removed(world: World, document: UUID, path: str) -> None:
    world.run(
        "UPDATE kontor.documents SET removed_at = now(), folder_id = NULL, removed_from = %s"
        " WHERE id = %s",
        path,
        document,
    )


def test_a_new_folder_of_an_old_name_does_not_open_what_the_old_one_left_in_the_trash(
    world: World, ada: UUID, bob: UUID
) -> None:
    board = world.folder("board", ada)
    minutes = world.document("minutes", ada, board)
    world.grant("folder", board, f"user:{ada}", "manage")
    removed(world, minutes, "board")
    world.run("DELETE FROM kontor.folders WHERE id = %s", board)
    again = world.folder("board", bob)
    world.grant("folder", again, f"user:{bob}", "manage")
    assert world.seen_by(bob) == set()
    assert world.rank(bob, "document", minutes) == 0
    assert world.rank(ada, "document", minutes) == 3


def test_a_name_that_became_free_by_a_move_opens_nothing_either(
    world: World, ada: UUID, bob: UUID
) -> None:
    board = world.folder("board", ada)
    minutes = world.document("minutes", ada, board)
    world.grant("folder", board, f"user:{ada}", "manage")
    removed(world, minutes, "board")
    # The path in the trash stays behind when whoever moves the folder does not see the document.
    world.run("UPDATE kontor.folders SET name = 'old', path = 'old' WHERE id = %s", board)
    again = world.folder("board", bob)
    world.grant("folder", again, f"user:{bob}", "manage")
    assert world.seen_by(bob) == set()
    world.grant("folder", board, f"user:{bob}", "view")
    assert world.seen_by(bob) == {minutes}


def test_a_deny_of_the_folder_outlives_it_beside_a_grant_on_the_document(
    world: World, ada: UUID, bob: UUID
) -> None:
    board = world.folder("board", ada)
    minutes = world.document("minutes", ada, board)
    world.grant("document", minutes, f"user:{bob}", "view")
    world.grant("folder", board, f"user:{bob}", "deny")
    removed(world, minutes, "board")
    assert world.rank(bob, "document", minutes) == 0
    world.run("DELETE FROM kontor.folders WHERE id = %s", board)
    assert world.rank(bob, "document", minutes) == 0
    world.run("UPDATE kontor.documents SET removed_at = NULL, removed_from = NULL")
    assert world.rank(bob, "document", minutes) == 0


def test_a_document_comes_back_to_its_folder_though_whoever_moved_that_did_not_see_it(
    world: World, ada: UUID, bob: UUID
) -> None:
    board = world.folder("board", ada)
    minutes = world.document("minutes", ada, board)
    world.grant("folder", board, f"user:{bob}", "edit")
    world.grant("document", minutes, f"user:{bob}", "deny")
    removed(world, minutes, "board")
    with world.eyes_of(bob) as session:
        folders.move_folder(session, FolderId(board), "old", moved_by=UserId(bob))
    with world.eyes_of(ada) as session:
        trash.restore_document(session, DocumentId(minutes), restored_by=UserId(ada))
    cem = world.people["cem"]
    assert world.seen_by(cem) == set()
    assert world.seen_by(ada, "folders") == {board}


def test_a_folder_that_its_mover_does_not_see_moves_along(
    world: World, ada: UUID, bob: UUID
) -> None:
    top = world.folder("top", ada)
    hidden = world.folder("hidden", ada, top)
    world.folder("deep", ada, hidden)
    world.grant("folder", hidden, f"user:{ada}", "manage")
    with world.eyes_of(bob) as session:
        folders.move_folder(session, FolderId(top), "new", moved_by=UserId(bob))
    with world.eyes_of(ada) as session:
        paths = [
            folder.path for folder in folders.list_folders(session, cursor=None, limit=9).items
        ]
    assert paths == ["new", "new/hidden", "new/hidden/deep"]
