"""Two who come at once take turns: for one account at a provider, for a person's last way in."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from uuid import UUID

import psycopg
import pytest

from shared.adapters.database import Database, Session
from shared.federation import linking
from shared.federation.model import Linkage
from shared.identity.model import Principal
from shared.kernel.errors import KontorError
from shared.kernel.ids import TenantId, UserId, new_id

ISSUER = "https://id.acme.example"
PROVIDER = new_id()


@pytest.fixture
def owner(owner_url: str) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    with psycopg.connect(owner_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def people(owner: psycopg.Connection[tuple[object, ...]], tenant: TenantId) -> list[Principal]:
    """Two people without a password, each signed in, and a provider."""
    owner.execute(
        "INSERT INTO kontor.oidc_providers (tenant_id, id, name, title, issuer, client_id,"
        " secret_name, scopes, claims, allowed_domains, trusted_domains, group_roles, group_groups,"
        " default_role, makes_users) VALUES (%s, %s, 'own', 'Own', %s, 'c', '', '{}', '{}', '{}',"
        " '{}', '{}', '{}', 'viewer', false)",
        (tenant, PROVIDER, ISSUER),
    )
    return [_person(owner, tenant, name) for name in ("ada", "bea")]


def _person(
    owner: psycopg.Connection[tuple[object, ...]], tenant: TenantId, name: str
) -> Principal:
    user_id, session_id = UserId(new_id()), new_id()
    owner.execute(
        "INSERT INTO kontor.users (tenant_id, id, email, display_name, password_hash, role)"
        " VALUES (%s, %s, %s, %s, '!', 'viewer')",
        (tenant, user_id, f"{name}@acme.example", name),
    )
    owner.execute(
        "INSERT INTO kontor.sessions (tenant_id, id, user_id, expires_at, methods)"
        " VALUES (%s, %s, %s, now() + interval '1 day', '{oidc}')",
        (tenant, session_id, user_id),
    )
    return Principal(tenant, user_id, f"{name}@acme.example", "viewer", session_id=session_id)


def identity_of(subject: str) -> Linkage:
    return Linkage(UUID(str(PROVIDER)), ISSUER, subject, "")


def outcome_while(
    database_url: str,
    owner: psycopg.Connection[tuple[object, ...]],
    first: tuple[Principal, Callable[[Session], object]],
    second: tuple[Principal, Callable[[Session], object]],
) -> str:
    """Let ``second`` begin before ``first`` commits; returns what came of ``second``."""
    outcome: list[str] = []

    def follow() -> None:
        caller, act = second
        try:
            with (
                closing(Database(database_url)) as database,
                database.transaction(caller.tenant_id) as session,
            ):
                act(session)
        except KontorError as error:
            outcome.append(error.code)
        else:
            outcome.append("done")

    follower = threading.Thread(target=follow)
    with closing(Database(database_url)) as database:
        caller, act = first
        with database.transaction(caller.tenant_id) as session:
            act(session)
            follower.start()
            while not outcome and not _is_somebody_waiting(owner):
                follower.join(0.01)
    follower.join(20)
    return outcome[0]


def _is_somebody_waiting(owner: psycopg.Connection[tuple[object, ...]]) -> bool:
    (count,) = owner.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone() or (0,)
    return bool(count)


def test_of_two_who_want_one_identity_the_first_has_it(
    database_url: str, owner: psycopg.Connection[tuple[object, ...]], people: list[Principal]
) -> None:
    ada, bea = people
    wanted = identity_of("gil-1")
    outcome = outcome_while(
        database_url,
        owner,
        (ada, lambda session: linking.join(session, ada, wanted)),
        (bea, lambda session: linking.join(session, bea, wanted)),
    )
    rows = owner.execute("SELECT user_id FROM kontor.identities").fetchall()
    assert (outcome, rows) == ("conflict", [(ada.user_id,)])


def test_two_last_ways_in_are_not_both_taken(
    database: Database,
    database_url: str,
    owner: psycopg.Connection[tuple[object, ...]],
    people: list[Principal],
) -> None:
    ada = people[0]
    with database.transaction(ada.tenant_id) as session:
        for subject in ("one", "two"):
            linking.join(session, ada, identity_of(subject))
    outcome = outcome_while(
        database_url,
        owner,
        (ada, lambda session: linking.part(session, ada, issuer=ISSUER, subject="one")),
        (ada, lambda session: linking.part(session, ada, issuer=ISSUER, subject="two")),
    )
    rows = owner.execute("SELECT subject FROM kontor.identities").fetchall()
    assert (outcome, rows) == ("conflict", [("two",)])


def test_nobody_collects_identities_without_end(
    database: Database, people: list[Principal]
) -> None:
    ada = people[0]
    with database.transaction(ada.tenant_id) as session:
        for number in range(linking.MOST_IDENTITIES):
            assert linking.join(session, ada, identity_of(str(number))) is not None
        assert linking.join(session, ada, identity_of("0")) is None
        with pytest.raises(KontorError, match="20 accounts"):
            linking.join(session, ada, identity_of("one more"))
