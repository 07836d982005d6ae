"""The function mail when the server takes mail, is away for a while, or will never take it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from shared.adapters import outbox
from shared.adapters.mail import FolderMailer, Message, NoMailer
from shared.identity import post
from shared.identity.letters import Letter
from shared.identity.post import Mailroom
from shared.identity.sealing import Seal
from shared.kernel.errors import InvalidError, UnavailableError
from shared.kernel.ids import TenantId, new_id
from shared.wiring import App

LETTER = Letter("email_changed", "ada@acme.example", "en", "Acme")


class Refusing:
    """A mail server that will never take anything."""

    def send(self, message: Message) -> None:
        raise InvalidError(f"no such mailbox: {message.to}")


@pytest.fixture
def mailroom(served: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mailroom:
    from functions.mail import handler as module

    monkeypatch.setattr(module, "app", served)
    room = Mailroom(Seal(bytes(32)), FolderMailer(tmp_path, sender="k@k.example"), "http://k")
    served.__dict__["mailroom"] = room
    return room


def written(served: App, tenant: TenantId, mailroom: Mailroom) -> dict[str, object]:
    """Leave a letter and return the fact that announces it."""
    with served.database.transaction(tenant) as session:
        post.post(session, mailroom.seal, LETTER)
        (fact,) = outbox.list_unsent(session)
    return {"detail-type": fact.name, "detail": fact.payload}


def count(owner_url: str) -> int:
    with psycopg.connect(owner_url) as connection:
        row = connection.execute("SELECT count(*) FROM kontor.mails").fetchone()
    assert row is not None
    return int(row[0])


def test_letter_is_sent_once_and_then_gone(
    served: App, tenant: TenantId, mailroom: Mailroom, tmp_path: Path, owner_url: str
) -> None:
    from functions.mail.handler import handler

    event = written(served, tenant, mailroom)
    assert [handler(event, None)["letters"] for _ in range(2)] == [1, 0]
    assert len(list(tmp_path.glob("*.eml"))) == 1
    assert count(owner_url) == 0


def test_letter_waits_while_the_server_is_away_and_the_sweep_announces_it_again(
    served: App, tenant: TenantId, mailroom: Mailroom, tmp_path: Path, owner_url: str
) -> None:
    from functions.mail.handler import handler

    event = written(served, tenant, mailroom)
    served.__dict__["mailroom"] = replace(mailroom, mailer=NoMailer())
    with pytest.raises(UnavailableError):
        handler(event, None)
    assert count(owner_url) == 1
    with served.database.transaction(tenant) as session:
        assert post.announce_waiting(session) == 0
    with psycopg.connect(owner_url) as connection:
        connection.execute("UPDATE kontor.mails SET created_at = now() - interval '3 minutes'")
    with served.database.transaction(tenant) as session:
        assert post.announce_waiting(session) == 1
    served.__dict__["mailroom"] = mailroom
    assert handler(event, None)["letters"] == 1
    with psycopg.connect(owner_url) as connection:
        connection.execute("UPDATE kontor.mails SET created_at = now() - interval '4 days'")
    with served.database.transaction(tenant) as session:
        assert post.announce_waiting(session) == 0


def test_letter_no_server_will_ever_take_is_given_up(
    served: App, tenant: TenantId, mailroom: Mailroom, owner_url: str
) -> None:
    from functions.mail.handler import handler

    served.__dict__["mailroom"] = replace(mailroom, mailer=Refusing())
    assert handler(written(served, tenant, mailroom), None)["letters"] == 0
    assert count(owner_url) == 0


def test_letter_of_another_tenant_is_not_there(
    served: App, tenant: TenantId, other_tenant: TenantId, mailroom: Mailroom, owner_url: str
) -> None:
    from functions.mail.handler import handler

    event = written(served, tenant, mailroom)
    moved = {"tenant_id": str(other_tenant), "mail_id": event["detail"]["mail_id"]}  # type: ignore[index]
    assert handler({**event, "detail": moved}, None)["letters"] == 0
    gone = {"tenant_id": str(tenant), "mail_id": str(new_id())}
    assert handler({**event, "detail": gone}, None)["letters"] == 0
    assert count(owner_url) == 1
