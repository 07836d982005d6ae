"""What follows from grants: down the tree, by deny, move, group, owner, trash and deletion."""

from __future__ import annotations

from uuid import UUID

import psycopg
import pytest

from shared.adapters.database import Database
from shared.kernel.context import working_on
from shared.kernel.errors import ConflictError
from shared.kernel.ids import TenantId
from tests.unit.access.world import World


@pytest.fixture
def ada(world: World) -> UUID:
    return world.people["ada"]


@pytest.fixture
def bob(world: World) -> UUID:
    return world.people["bob"]


@pytest.fixture
def cem(world: World) -> UUID:
    return world.people["cem"]


def lists(world: World) -> int:
    with world.transaction() as session:
        row = session.connection.execute("SELECT count(*) FROM kontor.access_lists").fetchone()
    assert row is not None
    return int(row[0])


def test_what_nobody_restricts_is_everybodys_and_has_no_list(
    world: World, ada: UUID, bob: UUID
) -> None:
    folder = world.folder("open", ada)
    document = world.document("a", ada, folder)
    assert world.seen_by(bob) == {document}
    assert (world.rank(bob, "folder", folder), world.rank(ada, "folder", folder)) == (2, 3)
    assert lists(world) == 0
    assert world.audience(f"user:{bob}") == "tenant"


def test_a_grant_closes_a_folder_and_all_below_it_to_everybody_else(
    world: World, ada: UUID, bob: UUID, cem: UUID
) -> None:
    top = world.folder("board", ada)
    below = world.folder("minutes", ada, top)
    inside = world.document("a", ada, below)
    world.grant("folder", top, f"user:{bob}", "view")
    later = world.document("b", bob, below)
    assert world.seen_by(bob) == {inside, later}
    assert world.seen_by(cem) == set()
    assert world.seen_by(cem, "folders") == set()
    assert world.rank(bob, "document", inside) == 1
    assert world.rank(bob, "document", later) == 3, "what one put in is one's own"
    assert world.rank(ada, "document", inside) == 3


def test_administrators_see_and_manage_everything(world: World, ada: UUID) -> None:
    amy = world.people["amy"]
    folder = world.folder("private", ada)
    document = world.document("a", ada, folder)
    world.grant("folder", folder, f"user:{ada}", "manage")
    world.grant("folder", folder, f"user:{amy}", "deny")
    assert world.seen_by(amy) == {document}
    assert world.rank(amy, "document", document) == 3
    assert world.audience(f"user:{amy}") == "tenant"


def test_a_deny_by_name_beats_all_and_one_through_a_group_spares_what_is_ones_own(
    world: World, ada: UUID, bob: UUID, cem: UUID
) -> None:
    staff = world.group("staff", bob, cem)
    folder = world.folder("f", ada)
    bobs = world.document("bob's", bob, folder)
    adas = world.document("ada's", ada, folder)
    world.grant("folder", folder, f"group:{staff}", "deny")
    assert world.seen_by(bob) == {bobs}
    assert world.seen_by(cem) == set()
    world.grant("folder", folder, f"user:{bob}", "deny")
    assert world.seen_by(bob) == set()
    assert world.seen_by(ada) == {adas, bobs}
    assert world.seen_by(world.person("dee")) == {adas, bobs}, "a deny alone closes to nobody else"


def test_joining_and_leaving_a_group_counts_at_once(world: World, ada: UUID, bob: UUID) -> None:
    legal = world.group("legal")
    folder = world.folder("contracts", ada)
    document = world.document("a", ada, folder)
    world.grant("folder", folder, f"group:{legal}", "edit")
    assert world.seen_by(bob) == set()
    before = world.audience(f"user:{bob}")
    with world.transaction() as session:
        world.join(session, legal, bob)
    assert world.seen_by(bob) == {document}
    assert world.audience(f"user:{bob}") != before
    world.run("DELETE FROM kontor.group_members WHERE user_id = %s", bob)
    assert world.seen_by(bob) == set()


def test_a_group_that_is_removed_opens_nothing(world: World, ada: UUID, bob: UUID) -> None:
    legal = world.group("legal", bob)
    folder = world.folder("contracts", ada)
    world.document("a", ada, folder)
    world.grant("folder", folder, f"group:{legal}", "view")
    world.run("DELETE FROM kontor.groups WHERE id = %s", legal)
    assert world.seen_by(bob) == set()


def test_moving_a_folder_or_a_document_takes_over_where_it_goes(
    world: World, ada: UUID, bob: UUID
) -> None:
    closed, open_ = world.folder("closed", ada), world.folder("open", ada)
    world.grant("folder", closed, f"user:{ada}", "manage")
    moving = world.folder("moving", ada, open_)
    document = world.document("a", ada, moving)
    mail = world.document("mail", ada, open_)
    attached = world.document("attached", ada, open_, mail)
    move = "UPDATE kontor.folders SET parent_id = %s WHERE id = %s"
    assert world.seen_by(bob) == {document, mail, attached}
    world.run(move, closed, moving)
    assert world.seen_by(bob) == {mail, attached}
    world.run(move, None, moving)
    assert world.seen_by(bob) == {document, mail, attached}
    world.run("UPDATE kontor.documents SET folder_id = %s WHERE id = %s", closed, document)
    assert world.seen_by(bob) == {mail, attached}


def test_what_came_inside_a_document_follows_it_while_it_lies_beside_it(
    world: World, ada: UUID, bob: UUID
) -> None:
    folder, other = world.folder("in", ada), world.folder("elsewhere", ada)
    mail = world.document("mail", ada, folder)
    attached = world.document("attached", ada, folder, mail)
    world.grant("document", mail, f"user:{ada}", "manage")
    assert world.seen_by(bob) == set()
    world.run("UPDATE kontor.documents SET folder_id = %s WHERE id = %s", other, attached)
    assert world.seen_by(bob) == {attached}
    world.run("UPDATE kontor.documents SET folder_id = %s WHERE id = %s", other, mail)
    assert world.seen_by(bob) == set(), "beside its mail again"
    world.run("UPDATE kontor.documents SET folder_id = %s WHERE id = %s", folder, mail)
    assert world.seen_by(bob) == {attached}


def test_owners_of_open_folders_above_have_no_say_below_the_first_grant(
    world: World, ada: UUID, bob: UUID
) -> None:
    top = world.folder("company", bob)
    below = world.folder("board", ada, top)
    world.grant("folder", below, f"user:{ada}", "manage")
    assert world.rank(bob, "folder", below) == 0
    assert world.rank(bob, "folder", top) == 3


def test_the_trash_keeps_a_document_closed_and_follows_later_grants(
    world: World, ada: UUID, bob: UUID, cem: UUID
) -> None:
    folder = world.folder("f", ada)
    document = world.document("a", ada, folder)
    world.grant("folder", folder, f"user:{bob}", "view")
    world.run(
        "UPDATE kontor.documents SET removed_at = now(), folder_id = NULL, removed_from = 'f'"
        " WHERE id = %s",
        document,
    )
    assert (world.seen_by(bob), world.seen_by(cem)) == ({document}, set())
    world.withdraw("folder", folder, f"user:{bob}")
    world.grant("folder", folder, f"user:{cem}", "view")
    assert (world.seen_by(bob), world.seen_by(cem)) == (set(), {document})


def test_a_folder_that_is_deleted_leaves_its_grants_to_what_lies_in_the_trash(
    world: World, ada: UUID, bob: UUID, cem: UUID
) -> None:
    folder = world.folder("f", ada)
    document = world.document("a", cem, folder)
    world.grant("folder", folder, f"user:{bob}", "view")
    world.run(
        "UPDATE kontor.documents SET removed_at = now(), folder_id = NULL, removed_from = 'f'"
        " WHERE id = %s",
        document,
    )
    world.run("DELETE FROM kontor.folders WHERE id = %s", folder)
    world.run("UPDATE kontor.documents SET removed_at = NULL, removed_from = NULL")
    assert world.rank(bob, "document", document) == 1
    assert world.rank(ada, "document", document) == 3
    assert world.seen_by(world.person("dee")) == set()


def test_withdrawing_all_grants_opens_again_and_leaves_no_list(
    world: World, ada: UUID, bob: UUID
) -> None:
    folder = world.folder("f", ada)
    document = world.document("a", ada, folder)
    world.grant("folder", folder, f"user:{ada}", "manage")
    world.grant("document", document, f"user:{ada}", "manage")
    assert lists(world) > 0
    world.withdraw("document", document)
    world.withdraw("folder", folder)
    assert world.seen_by(bob) == {document}
    assert lists(world) == 0


def test_grants_go_with_the_thing_they_were_about(world: World, ada: UUID) -> None:
    folder = world.folder("f", ada)
    document = world.document("a", ada, folder)
    for kind, thing in (("folder", folder), ("document", document)):
        world.grant(kind, thing, f"user:{ada}", "manage")
    world.run("DELETE FROM kontor.documents")
    world.run("DELETE FROM kontor.folders")
    with world.transaction() as session:
        row = session.connection.execute("SELECT count(*) FROM kontor.access_grants").fetchone()
    assert row == (0,)


def test_collections_are_closed_by_themselves_and_their_documents_are_not(
    world: World, ada: UUID, bob: UUID
) -> None:
    document = world.document("a", ada)
    collection = document  # any id will do
    world.run(
        "INSERT INTO kontor.collections (tenant_id, id, name, created_by)"
        " VALUES (%s, %s, 'mine', %s)",
        world.tenant,
        collection,
        ada,
    )
    world.grant("collection", collection, f"user:{ada}", "manage")
    assert world.seen_by(bob, "collections") == set()
    assert world.seen_by(ada, "collections") == {collection}
    assert world.seen_by(bob) == {document}


CHANGES = {
    "documents": "UPDATE kontor.documents SET title = 'x' WHERE id = %s",
    "folders": "UPDATE kontor.folders SET name = 'x' WHERE id = %s",
}


@pytest.mark.parametrize("level", ["view", "edit"])
def test_the_database_itself_refuses_changes_by_those_who_may_only_look(
    world: World, ada: UUID, bob: UUID, level: str
) -> None:
    folder = world.folder("f", ada)
    document = world.document("a", ada, folder)
    world.grant("folder", folder, f"user:{bob}", level)
    expected = 1 if level == "edit" else 0
    for thing, change in ((document, "documents"), (folder, "folders")):
        assert world.run(CHANGES[change], thing, viewer=f"user:{bob}") == expected
    remove = "DELETE FROM kontor.documents WHERE id = %s"
    assert world.run(remove, document, viewer=f"user:{bob}") == expected


def test_nobody_makes_a_folder_in_one_they_may_only_look_at(
    world: World, ada: UUID, bob: UUID
) -> None:
    folder = world.folder("f", ada)
    world.grant("folder", folder, f"user:{bob}", "view")
    with pytest.raises(Exception, match="refused a statement"):
        world.run(
            "INSERT INTO kontor.folders (tenant_id, id, parent_id, name, path, created_by)"
            " VALUES (%s, %s, %s, 'sub', 'f/sub', %s)",
            world.tenant,
            bob,
            folder,
            bob,
            viewer=f"user:{bob}",
        )


def test_a_folder_with_something_hidden_in_it_is_not_removed(
    world: World, ada: UUID, bob: UUID
) -> None:
    folder = world.folder("f", ada)
    hidden = world.document("a", ada, folder)
    world.grant("document", hidden, f"user:{ada}", "manage")
    with pytest.raises(ConflictError, match="depends"):
        world.run("DELETE FROM kontor.folders WHERE id = %s", folder, viewer=f"user:{bob}")


def test_viewers_that_nobody_knows_see_only_what_is_open(world: World, ada: UUID) -> None:
    open_ = world.document("open", ada)
    closed = world.document("closed", ada)
    world.grant("document", closed, f"user:{ada}", "manage")
    assert world.seen_by(world.tenant) == {open_}
    with world.transaction("nonsense") as session:
        rows = session.connection.execute("SELECT id FROM kontor.documents").fetchall()
    assert rows == [(open_,)]


def test_lists_are_of_one_tenant(
    world: World, database: Database, owner_url: str, other_tenant: TenantId, ada: UUID
) -> None:
    other = World(database, owner_url, other_tenant)
    eve = other.person("eve")
    mine = world.document("mine", ada)
    world.grant("document", mine, f"user:{ada}", "manage")
    world.grant("document", mine, f"user:{eve}", "manage")
    theirs = other.document("theirs", eve)
    assert other.seen_by(eve) == {theirs}
    with (
        working_on(correlation="t", viewer=f"user:{eve}"),
        database.transaction(world.tenant) as session,
    ):
        rows = session.connection.execute("SELECT id FROM kontor.documents").fetchall()
    assert rows == [(mine,)], "only who stands at the wrong tenant's door with its own key"


def test_a_grant_while_a_document_comes_in_reaches_it(
    world: World, database_url: str, ada: UUID, bob: UUID
) -> None:
    """Whoever comes second waits: the document never keeps the list that is being replaced."""
    folder = world.folder("f", ada)
    with psycopg.connect(database_url) as coming:
        for name, value in (("app.tenant_id", world.tenant), ("app.viewer", "")):
            coming.execute("SELECT set_config(%s, %s, false)", (name, str(value)))
        coming.execute(
            "INSERT INTO kontor.documents (tenant_id, id, folder_id, title, media_type, created_by)"
            " VALUES (%s, %s, %s, 'a', 'text/plain', %s)",
            (world.tenant, folder, folder, ada),
        )
        with psycopg.connect(database_url) as changing:
            for name, value in (("app.tenant_id", world.tenant), ("app.viewer", "")):
                changing.execute("SELECT set_config(%s, %s, false)", (name, str(value)))
            changing.execute("SET lock_timeout = '50ms'")
            with pytest.raises(psycopg.errors.LockNotAvailable):
                changing.execute(
                    "INSERT INTO kontor.access_grants (tenant_id, resource_kind, resource_id,"
                    " subject, level, granted_by) VALUES (%s, 'folder', %s, %s, 'manage', %s)",
                    (world.tenant, folder, f"user:{ada}", ada),
                )
        coming.commit()
    world.grant("folder", folder, f"user:{ada}", "manage")
    assert world.seen_by(bob) == set()
