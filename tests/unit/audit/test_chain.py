"""The chain: whatever the database's owner changes, takes away or moves is found and named."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator

import psycopg
import pytest

from shared.adapters.database import Database, Session
from shared.audit import proof, service
from shared.audit.model import Wanted
from shared.audit.offline import verify_lines
from shared.kernel.context import Origin, working_on
from shared.kernel.errors import InvalidError
from shared.kernel.ids import TenantId, UserId, new_id

ENTRIES = 6
ORIGIN = Origin("203.0.113.7", "Mozilla/5.0 (Größe)", "session", "s-1")


@pytest.fixture
def trail(database: Database, tenant: TenantId) -> TenantId:
    """A tenant with a few entries, each of its own transaction, and one change the schema noted."""
    actor = UserId(new_id())
    for number in range(ENTRIES):
        with (
            working_on(correlation=f"c-{number}", origin=ORIGIN),
            database.transaction(tenant) as session,
        ):
            service.record(
                session,
                actor_id=actor,
                action="thing.done",
                subject=f"thing:{number}",
                details={"größe": 1.50, "liste": [1, None, 'a"\n\u0001\u007f'], "b": number},
                before={"n": number},
                after={"n": number + 1},
            )
    return tenant


@pytest.fixture
def owner(owner_url: str) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    with psycopg.connect(owner_url, autocommit=True) as connection:
        yield connection


def check(database: Database, tenant: TenantId) -> tuple[bool, int | None, str]:
    found = proof.verify(database, tenant, anchors=None)
    return found.is_whole, found.bad_sequence, found.problem


def columns(owner: psycopg.Connection[tuple[object, ...]]) -> list[tuple[str, str]]:
    rows = owner.execute(
        "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute"
        " WHERE attrelid = 'kontor.audit_events'::regclass AND attnum > 0 AND NOT attisdropped"
    ).fetchall()
    return [(str(name), str(kind)) for name, kind in rows]


OTHER = {
    "text": "'x' || {0}",
    "uuid": "gen_random_uuid()",
    "jsonb": """jsonb_set({0}, '{{b}}', '"7"')""",
    "bytea": "sha256(coalesce({0}, ''))",
    "timestamp with time zone": "{0} + interval '1 microsecond'",
}
CHOSEN = {"outcome": "'failed'", "tier": "'long'"}


def test_whole_trail_is_whole(database: Database, trail: TenantId, tenant: TenantId) -> None:
    found = proof.verify(database, trail, anchors=None)
    assert (found.is_whole, found.checked, found.last_sequence) == (True, ENTRIES, ENTRIES)


def test_entry_says_where_it_came_from(database: Database, trail: TenantId) -> None:
    with database.transaction(trail) as session:
        entry = service.list_events(session).items[0]
    assert (entry.address, entry.user_agent) == ("203.0.113.7", "Mozilla/5.0 (Größe)")
    assert (entry.credential, entry.session_id, entry.sequence) == ("session", "s-1", ENTRIES)
    assert entry.before_hash is not None
    assert entry.before_hash != entry.after_hash


def test_every_changed_column_is_found(
    database: Database, trail: TenantId, owner: psycopg.Connection[tuple[object, ...]]
) -> None:
    for name, kind in columns(owner):
        if name == "tenant_id":
            continue
        change = CHOSEN.get(name) or OTHER[kind].format(f"e.{name}")
        with owner.transaction() as undone:
            owner.execute(
                f"UPDATE kontor.audit_events AS e SET {name} = {change} FROM kontor.audit_links AS"
                " l WHERE l.event_id = e.id AND l.sequence = 3".encode()
            )
            row = owner.execute(
                "SELECT bad_sequence, problem FROM kontor.check_trail(%s, 0, %s, 100)",
                (trail, bytes(32)),
            ).fetchone()
            expected = "removed" if name == "id" else "changed"
            assert row == (3, expected), name
            raise psycopg.Rollback(undone)
    assert check(database, trail)[0]


@pytest.mark.parametrize(
    ("statements", "bad", "word"),
    [
        (["DELETE FROM kontor.audit_events WHERE subject = 'thing:2'"], 3, "removed"),
        (
            [
                "DELETE FROM kontor.audit_events WHERE subject = 'thing:2'",
                "DELETE FROM kontor.audit_links WHERE sequence = 3",
            ],
            3,
            "missing",
        ),
        (
            [
                "UPDATE kontor.audit_links SET sequence = -3 WHERE sequence = 3",
                "UPDATE kontor.audit_links SET sequence = 3 WHERE sequence = 4",
                "UPDATE kontor.audit_links SET sequence = 4 WHERE sequence = -3",
            ],
            3,
            "does not follow",
        ),
        (
            [
                "DELETE FROM kontor.audit_events WHERE subject = 'thing:5'",
                "DELETE FROM kontor.audit_links WHERE sequence = 6",
            ],
            6,
            "ends before its head",
        ),
        (["UPDATE kontor.audit_links SET tier = 'short' WHERE sequence = 2"], 2, "does not follow"),
        (
            [
                "ALTER TABLE kontor.audit_events DISABLE TRIGGER chain_entry",
                "INSERT INTO kontor.audit_events (tenant_id, id, action, subject, correlation_id)"
                " SELECT tenant_id, gen_random_uuid(), 'a.b', 'c', '' FROM kontor.audit_heads",
            ],
            7,
            "does not follow",
        ),
    ],
)
def test_what_the_owner_does_is_found(
    database: Database,
    trail: TenantId,
    owner: psycopg.Connection[tuple[object, ...]],
    statements: list[str],
    bad: int,
    word: str,
) -> None:
    for statement in statements:
        owner.execute(statement.encode())
    is_whole, place, problem = check(database, trail)
    assert (is_whole, place) == (False, bad)
    assert word in problem


def test_exported_lines_prove_themselves(database: Database, trail: TenantId) -> None:
    lines = [json.dumps(service.as_json(e)) for e in service.export(database, trail, Wanted())]
    whole = verify_lines(trail, [*lines, "\n"])
    assert (whole.is_whole, whole.checked, whole.last_sequence) == (True, ENTRIES, ENTRIES)
    assert whole.last_hash.hex() == json.loads(lines[-1])["hash"]
    rest = verify_lines(trail, lines[2:])
    assert (rest.is_whole, rest.checked) == (True, ENTRIES - 2), "the oldest may be gone"
    changed = [*lines[:3], lines[3].replace("thing:3", "thing:9"), *lines[4:]]
    gone = [*lines[:3], *lines[4:]]
    swapped = [lines[0], lines[2], lines[1], *lines[3:]]
    for tampered, place in ((changed, 4), (gone, 5), (swapped, 3)):
        verdict = verify_lines(trail, tampered)
        assert (verdict.is_whole, verdict.bad_sequence) == (False, place)
        assert verdict.problem
    assert not verify_lines(TenantId(new_id()), lines).is_whole, "another tenant's is not theirs"
    for broken in ("{", "[]", '{"sequence": 1}', '{"sequence": "1", "id": "x", "hash": ""}'):
        with pytest.raises(InvalidError, match="Line 1 is no entry"):
            verify_lines(trail, [broken])


def test_spreadsheet_runs_no_formula(database: Database, tenant: TenantId) -> None:
    with database.transaction(tenant) as session:
        service.record(session, actor_id=None, action="thing.done", subject="=HYPERLINK(1)")
        text = service.as_csv(list(service.list_events(session).items), has_header=True)
    assert "'=HYPERLINK(1)" in text
    assert text.startswith("id,at,actor_id")


def test_writers_at_once_make_one_chain(
    database_url: str, database: Database, tenant: TenantId
) -> None:
    def write(number: int) -> None:
        mine = Database(database_url)
        for place in range(10):
            with mine.transaction(tenant) as session:
                for part in range(2):
                    service.record(
                        session,
                        actor_id=None,
                        action="thing.done",
                        subject=f"thing:{number}-{place}-{part}",
                    )
        mine.close()

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = proof.verify(database, tenant, anchors=None)
    assert (found.is_whole, found.checked) == (True, 80)


def test_entries_of_short_life_go_and_the_chain_stays(
    database: Database, trail: TenantId, owner: psycopg.Connection[tuple[object, ...]]
) -> None:
    _rechained(owner, trail, {1: (31, "short"), 2: (29, "short"), 3: (366, "standard")})
    with database.transaction(trail) as session:
        assert proof.expire(session) == 2
        assert proof.expire(session) == 0
        left = [each.subject for each in service.list_events(session).items]
    assert left == ["thing:5", "thing:4", "thing:3", "thing:1"]
    assert check(database, trail)[0]


def test_links_older_than_seven_years_end_in_a_checkpoint(
    database: Database, trail: TenantId, owner: psycopg.Connection[tuple[object, ...]]
) -> None:
    _rechained(owner, trail, {1: (2600, "long"), 2: (2600, "short"), 3: (2560, "standard")})
    with database.transaction(trail) as session:
        assert proof.expire(session) == 3
    rows = owner.execute("SELECT sequence FROM kontor.audit_links ORDER BY 1").fetchall()
    assert rows == [(4,), (5,), (6,)]
    found = proof.verify(database, trail, anchors=None)
    assert (found.is_whole, found.checked, found.last_sequence) == (True, 3, 6)
    owner.execute("UPDATE kontor.audit_checkpoints SET hash = sha256(hash)")
    assert check(database, trail) == (
        False,
        4,
        "This entry does not follow from the one before it.",
    )


def _rechained(
    owner: psycopg.Connection[tuple[object, ...]],
    tenant: TenantId,
    ages: dict[int, tuple[int, str]],
) -> None:
    """Make some entries as old as they would be, and chain all of them again."""
    for sequence, (days, tier) in ages.items():
        owner.execute(
            "UPDATE kontor.audit_events AS e SET tier = %s, at = now() - make_interval(days => %s)"
            " FROM kontor.audit_links AS l WHERE l.event_id = e.id AND l.sequence = %s",
            (tier, days, sequence),
        )
    links = owner.execute("SELECT sequence, event_id FROM kontor.audit_links ORDER BY 1").fetchall()
    for sequence, event in links:
        owner.execute(
            "UPDATE kontor.audit_links AS l SET at = e.at, tier = e.tier,"
            " content_hash = kontor.trail_content(e), hash = kontor.trail_link(e.tenant_id,"
            " l.sequence, coalesce((SELECT p.hash FROM kontor.audit_links AS p WHERE"
            " p.tenant_id = l.tenant_id AND p.sequence = l.sequence - 1), %s), e.id, e.at, e.tier,"
            " kontor.trail_content(e)) FROM kontor.audit_events AS e"
            " WHERE e.id = %s AND l.event_id = e.id",
            (bytes(32), event),
        )
        owner.execute(
            "UPDATE kontor.audit_heads AS h SET hash = l.hash FROM kontor.audit_links AS l"
            " WHERE l.sequence = %s AND h.tenant_id = %s",
            (sequence, tenant),
        )


def test_change_that_nobody_recorded_is_noted_by_the_database(
    database: Database, tenant: TenantId
) -> None:
    person = UserId(new_id())
    with (
        working_on(correlation="c-5", viewer=f"user:{person}", origin=ORIGIN),
        database.transaction(tenant) as session,
    ):
        _make_folder(session, "a")
    with database.transaction(tenant) as session:
        session.connection.execute("UPDATE kontor.folders SET name = 'b', path = 'b'")
        session.connection.execute("UPDATE kontor.folders SET name = 'b'")
    with database.transaction(tenant) as session:
        session.connection.execute("DELETE FROM kontor.folders")
    with database.transaction(tenant) as session:
        removed, changed, made = service.list_events(session).items
    assert (made.action, made.actor_id, made.correlation_id) == ("folder.made", person, "c-5")
    assert (made.address, made.before_hash) == (ORIGIN.address, None)
    assert (changed.action, changed.details) == (
        "folder.changed",
        {"columns": ["name", "path", "place"]},
    )
    assert changed.before_hash == made.after_hash
    assert (removed.action, removed.after_hash) == ("folder.removed", None)


def test_recorded_act_gets_the_hashes_of_what_it_changed(
    database: Database, tenant: TenantId
) -> None:
    with database.transaction(tenant) as session:
        _make_folder(session, "a")
        _make_folder(session, "b")
        service.record(session, actor_id=None, action="folder.added", subject="folder:x")
    with database.transaction(tenant) as session:
        (entry,) = service.list_events(session).items
    assert entry.before_hash is None
    assert entry.after_hash is not None
    assert check(database, tenant)[0]


def _make_folder(session: Session, name: str) -> None:
    session.connection.execute(
        "INSERT INTO kontor.folders (tenant_id, id, name, path, created_by)"
        " VALUES (%s, %s, %s, %s, %s)",
        (session.tenant_id, new_id(), name, name, new_id()),
    )
