"""Which invitations still stand, and that one is accepted once, whoever comes at the same time."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psycopg
import pytest

from shared.adapters.database import Database
from shared.adapters.mail import NoMailer
from shared.identity.model import Principal
from shared.identity.post import Mailroom
from shared.identity.sealing import Seal
from shared.joining import service
from shared.joining.model import Invitation, Invited
from shared.kernel.errors import InvalidError, KontorError
from tests.unit.identity.conftest import Home, settle

MAILROOM = Mailroom(Seal(bytes(32)), NoMailer(), "https://kontor.example")
PASSWORD = "mein Hund heißt anders als dieser"


@pytest.fixture
def home(owner_url: str) -> Iterator[Home]:
    owner = Database(owner_url)
    yield settle(owner, "acme", "ada@acme.example")
    owner.close()


def invite(database: Database, by: Principal, email: str) -> Invitation:
    with database.transaction(by.tenant_id) as session:
        return service.invite(session, by, MAILROOM, Invited(email, "viewer"))


def token_of(owner_url: str) -> str:
    """Read the newest letter as the mail function does."""
    with psycopg.connect(owner_url) as connection:
        row = connection.execute("SELECT id, sealed FROM kontor.mails ORDER BY id DESC LIMIT 1")
        mail_id, sealed = row.fetchone() or (None, b"")
    letter = json.loads(MAILROOM.seal.open(bytes(sealed), about=f"mail:{mail_id}"))
    return str(letter["link"]).rpartition("token=")[2]


def test_each_sender_and_role_is_looked_at_once_and_told_apart(
    database: Database, home: Home, owner_url: str
) -> None:
    kept = invite(database, home.principal, "bea@acme.example")
    late = invite(database, home.principal, "cem@acme.example")
    gone = invite(database, home.principal, "dan@acme.example")
    invite(database, home.principal, "eva@acme.example")
    with psycopg.connect(owner_url) as connection:
        connection.execute(
            "UPDATE kontor.invitations SET expires_at = now() WHERE id = %s", (late.id,)
        )
        connection.execute(
            "UPDATE kontor.invitations SET invited_by = gen_random_uuid() WHERE id = %s", (gone.id,)
        )
        connection.execute(
            "UPDATE kontor.users SET email = 'eva@acme.example' WHERE tenant_id = %s",
            (home.tenant.id,),
        )
    with database.transaction(home.tenant.id) as session:
        page = service.list_invitations(session, home.principal, cursor=None, limit=10)
        assert service.list_standing(session, page.items) == {kept.id}
    assert [each.email[:3] for each in page.items] == ["eva", "dan", "cem", "bea"]


def test_of_many_who_accept_at_once_one_joins(
    database: Database, database_url: str, home: Home, owner_url: str
) -> None:
    invite(database, home.principal, "bea@acme.example")
    token = token_of(owner_url)

    def come(number: int) -> str:
        name = f"Bea {number}"
        try:
            with closing(Database(database_url)) as own:
                service.accept(own, token=token, display_name=name, password=PASSWORD)
        except KontorError as error:
            return error.code
        return "joined"

    with ThreadPoolExecutor(4) as threads:
        found = Counter(threads.map(come, range(4)))
    assert found == {"joined": 1, "invalid": 3}


def test_token_of_another_kind_or_nobody_is_refused(database: Database, home: Home) -> None:
    for token in ("", "kontor_in_" + "A" * 64, "kontor_ln_" + "A" * 64):
        with pytest.raises(InvalidError, match="has been used"):
            service.look(database, token)
