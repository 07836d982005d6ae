"""Hearing from others: who it is must be signed, and what they say takes effect once."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from shared.adapters import outbox
from shared.adapters.database import Database, Session
from shared.adapters.secrets import Secrets
from shared.kernel.errors import InvalidError, NotFoundError
from shared.kernel.ids import DocumentId, TenantId
from shared.webhooks import signing, store
from shared.webhooks.model import Source

CONSUMER = "webhook_source"
_LONGEST_TITLE = 120


@dataclass(frozen=True, slots=True)
class Heard:
    """A message that is what it says: whose it is, from whom, its id and its bytes."""

    tenant_id: TenantId
    source: Source
    message_id: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Paper:
    """What a message is as a file."""

    filename: str
    text: str


@dataclass(frozen=True, slots=True)
class Rereading:
    """What a message wants read anew; ``None`` is all that its source speaks about."""

    document_id: DocumentId | None


def hear(
    database: Database,
    secrets: Secrets,
    source_id: UUID,
    headers: Mapping[str, str],
    body: bytes,
) -> Heard:
    """Check a message's signature and age; header names are in small letters.

    Raises UnauthenticatedError, the same for an address that does not exist and a wrong signature.
    """
    with database.system_transaction() as session:
        tenant_id = store.find_source_tenant(session, source_id)
    if tenant_id is None:
        raise signing.refuse()
    with database.transaction(tenant_id) as session:
        source = store.find_source(session, source_id)
    if source is None:
        raise signing.refuse()
    try:
        key = secrets.read(source.secret_name)
    except NotFoundError as error:
        raise signing.refuse() from error
    if source.scheme == "github":
        message_id = signing.check_github(key, headers, body)
    else:
        message_id = signing.check_standard(key, headers, body, at=time.time())
    return Heard(tenant_id, source, message_id, body)


def accept(session: Session, heard: Heard) -> bool:
    """Leave a receipt for a message, in the transaction of what it causes; False when it came
    before.
    """
    is_new = outbox.leave_receipt(
        session, CONSUMER, f"{heard.source.id}:{heard.message_id}", {"bytes": len(heard.body)}
    )
    if is_new:
        store.count_received(session, heard.source.id)
    return is_new


def paper_of(heard: Heard) -> Paper:
    """Turn a message into a file: its ``text`` under its ``title``, or its JSON as it is."""
    words = heard.body.decode("utf-8", errors="replace").replace("\x00", "")
    try:
        read = json.loads(words)
    except ValueError:
        return Paper(f"{_name(heard.source.name, heard.message_id)}.txt", words)
    if isinstance(read, dict) and isinstance(text := read.get("text"), str) and text.strip():
        title = read.get("title")
        name = title if isinstance(title, str) and title.strip() else heard.source.name
        return Paper(f"{_name(name, heard.message_id)}.md", text.replace("\x00", ""))
    return Paper(f"{_name(heard.source.name, heard.message_id)}.json", words)


def order_of(heard: Heard) -> Rereading:
    """Read which document a message names (``document_id``); none means the source's folder.

    Raises InvalidError for a name that is no id.
    """
    try:
        read = json.loads(heard.body)
    except ValueError:
        return Rereading(None)
    named = read.get("document_id") if isinstance(read, dict) else None
    if named is None:
        return Rereading(None)
    try:
        return Rereading(DocumentId(UUID(str(named))))
    except ValueError as error:
        raise InvalidError(
            "The document_id is no id.", fields={"document_id": "a document's id, or left out"}
        ) from error


def lies_in(source: Source, folder: str) -> bool:
    """Tell whether a folder is one that a source may speak about."""
    inside = source.folder.strip("/")
    return not inside or folder == inside or folder.startswith(f"{inside}/")


def _name(title: str, message_id: str) -> str:
    """Make a file's name that says what it is and is no other message's."""
    plain = "".join(each if each.isalnum() or each in " -_." else " " for each in title)
    short = " ".join(plain.split())[:_LONGEST_TITLE].strip(". ") or "message"
    tail = "".join(each for each in message_id if each.isalnum())[-12:]
    return f"{short} {tail}"
