"""Tickets in their tenant: taken once, by one, for what they were made for."""

from __future__ import annotations

from uuid import uuid4

import psycopg
import pytest

from shared.adapters.database import Database
from shared.identity import opaque
from shared.kernel.errors import UnauthenticatedError
from shared.kernel.ids import TenantId, UserId
from shared.tickets import service as tickets


@pytest.fixture
def user(owner_url: str, tenant: TenantId) -> UserId:
    user_id = UserId(uuid4())
    with psycopg.connect(owner_url) as connection:
        connection.execute(
            "INSERT INTO kontor.users (tenant_id, id, email, display_name, password_hash, role)"
            " VALUES (%s, %s, 'ada@acme.example', 'Ada', '!', 'viewer')",
            (tenant, user_id),
        )
    return user_id


def issued(database: Database, tenant: TenantId, user: UserId) -> opaque.Presented:
    with database.transaction(tenant) as session:
        shown = opaque.present("code", tickets.issue(session, user, "sign_in", {"a": [1]}))
    assert shown is not None
    return shown


def test_ticket_gives_back_what_it_stood_for_once(
    database: Database, tenant: TenantId, user: UserId
) -> None:
    shown = issued(database, tenant, user)
    with database.transaction(tenant) as session:
        taken = tickets.take(session, shown, "sign_in")
        assert (taken.user_id, taken.body) == (user, {"a": [1]})
        with pytest.raises(UnauthenticatedError):
            tickets.take(session, shown, "sign_in")


def test_ticket_is_worth_nothing_elsewhere_or_for_something_else(
    database: Database, tenant: TenantId, other_tenant: TenantId, user: UserId
) -> None:
    shown = issued(database, tenant, user)
    for where, purpose in ((other_tenant, "sign_in"), (tenant, "socket")):
        with pytest.raises(UnauthenticatedError), database.transaction(where) as session:
            tickets.take(session, shown, purpose)  # type: ignore[arg-type]
    with database.transaction(tenant) as session:
        assert tickets.take(session, shown, "sign_in")
