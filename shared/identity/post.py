"""The post: letters are sealed and commit with what they tell of; the mail function sends them.

Whoever signs up or asks for a link never waits for a mail server, and none of the links that
count can be read in the database. A letter may be sent twice, never lost: it is taken out in the
transaction in which the server took it.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from uuid import UUID

from shared.adapters.database import Database, Session
from shared.adapters.mail import Mailer, open_mailer
from shared.adapters.outbox import announce
from shared.adapters.secrets import Secrets
from shared.identity import account_store
from shared.identity.events import LetterWritten
from shared.identity.letters import Letter, write
from shared.identity.sealing import Seal, load_seal
from shared.kernel.ids import TenantId, new_id
from shared.kernel.settings import Settings

_HERE = "http://127.0.0.1:3000"
"""Where `kontor up` serves unless it is told otherwise."""


@dataclass(frozen=True, slots=True)
class Mailroom:
    """What letters are sealed and sent with, and where their links lead to."""

    seal: Seal
    mailer: Mailer
    public_url: str

    def link(self, path: str, token: str) -> str:
        """Return the address a person opens to use a token."""
        return f"{self.public_url.rstrip('/')}{path}?token={token}"


def open_mailroom(settings: Settings, secrets: Secrets) -> Mailroom:
    """Open the mailroom that is configured. Raises UnavailableError without identity secret."""
    return Mailroom(
        load_seal(secrets, settings.identity_secret),
        open_mailer(settings, secrets.read),
        settings.public_url or _HERE,
    )


def post(session: Session, seal: Seal, letter: Letter) -> UUID:
    """Leave a letter to be sent after the commit; returns its id."""
    assert session.tenant_id is not None
    mail_id = new_id()
    text = json.dumps(asdict(letter)).encode()
    account_store.record_mail(session, mail_id, sealed=seal.close(text, about=f"mail:{mail_id}"))
    announce(session, LetterWritten(tenant_id=session.tenant_id, mail_id=mail_id))
    return mail_id


def send(database: Database, mailroom: Mailroom, tenant_id: TenantId, mail_id: UUID) -> bool:
    """Send a letter; False when it went already.

    Raises UnavailableError when the mail server is away: then it waits for the next try.
    """
    with database.transaction(tenant_id) as session:
        mail = account_store.take_mail(session, mail_id)
        if mail is None:
            return False
        body = json.loads(mailroom.seal.open(bytes(mail.sealed), about=f"mail:{mail_id}"))
        mailroom.mailer.send(write(Letter(**body)))
    return True


def drop(database: Database, tenant_id: TenantId, mail_id: UUID) -> None:
    """Give a letter up that no server will ever take."""
    with database.transaction(tenant_id) as session:
        account_store.take_mail(session, mail_id)


def announce_waiting(session: Session) -> int:
    """Announce letters again that should have gone out by now; returns how many."""
    assert session.tenant_id is not None
    account_store.remove_old_mails(session)
    waiting = account_store.list_waiting_mails(session)
    for mail in waiting:
        announce(session, LetterWritten(tenant_id=session.tenant_id, mail_id=mail.id))
    return len(waiting)
