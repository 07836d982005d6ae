"""Lambda entry point of functions/mail: LetterWritten is sent, LinkAsked becomes a letter."""

from __future__ import annotations

import logging
from typing import Any
from uuid import UUID

from shared.identity import accounts, post
from shared.identity.events import LetterWritten, LinkAsked
from shared.kernel.context import working_on
from shared.kernel.errors import InvalidError
from shared.kernel.ids import TenantId
from shared.wiring import app as wired

logger = logging.getLogger(__name__)
app = wired()


def handler(event: dict[str, Any], _context: Any) -> dict[str, int]:
    """Do what one fact asks for; returns how many letters went or were written.

    Raises UnavailableError when the mail server is away: the event comes again, and what comes
    too often is announced anew by the sweep.
    """
    detail = event["detail"]
    tenant_id = TenantId(UUID(detail["tenant_id"]))
    with working_on(correlation=detail.get("correlation_id", ""), tenant=str(tenant_id)):
        if event["detail-type"] == LinkAsked.name():
            return {"letters": _write(tenant_id, detail)}
        assert event["detail-type"] == LetterWritten.name(), "the rule names these two"
        return {"letters": _send(tenant_id, UUID(detail["mail_id"]))}


def _write(tenant_id: TenantId, detail: dict[str, Any]) -> int:
    asked = LinkAsked(
        tenant_id=tenant_id,
        purpose=detail["purpose"],
        email=detail["email"],
        tenant_slug=detail["tenant_slug"],
    )
    written = accounts.answer_link(app.database, app.mailroom, asked)
    for tenant in written:
        app.relay_facts(tenant)
    logger.info("links asked for", extra={"purpose": asked.purpose, "letters": len(written)})
    return len(written)


def _send(tenant_id: TenantId, mail_id: UUID) -> int:
    try:
        is_sent = post.send(app.database, app.mailroom, tenant_id, mail_id)
    except InvalidError as error:
        post.drop(app.database, tenant_id, mail_id)
        logger.warning("letter refused", extra={"mail_id": str(mail_id), "reason": error.detail})
        return 0
    logger.info("letter sent", extra={"mail_id": str(mail_id), "is_first": is_sent})
    return int(is_sent)
