"""Requests with an Idempotency-Key: begun once, answered once, forgotten after a day."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

from shared.adapters.database import Session
from shared.kernel.errors import ConflictError, InvalidError
from shared.limits import store
from shared.limits.model import KnownRequest

DAY_S: Final = 24 * 3600
_WORDS_S: Final = 600
_KEPT_S: Final = {
    "POST /api/v1/assets": 3600,  # the answer is a right to upload that ends then
    # Words of documents are kept no longer than somebody tries again: meanwhile a document may be
    # erased, or hidden from who asked.
    "POST /api/v1/chat": _WORDS_S,
    "POST /api/v1/agents/runs": _WORDS_S,
    "POST /api/v1/agents/runs/{run_id}/cancel": _WORDS_S,
    "POST /api/v1/agents/runs/{run_id}/confirm": _WORDS_S,
    "POST /api/v1/agents/runs/{run_id}/continue": _WORDS_S,
    "POST /api/v1/agents/runs/{run_id}/reply": _WORDS_S,
}
_WITHOUT: Final = re.compile(
    # Their answers hold a secret that is shown once: it is kept nowhere, so not here either.
    r"^POST (/auth/|.*/(keys|tickets|shares|webhooks|webhook-sources|secret|rotate|totp"
    r"|recovery-codes)$"
    # These only read: asked again they answer what the asker may see by then.
    r"|/api/v1/(search|similar|searches/\{search_id\}/run|messages/\{message_id\}/show"
    r"|evaluation/retrieval)$)"
)


def keeps_answer(route_key: str) -> bool:
    """Tell whether a route takes an Idempotency-Key.

    That is every POST, but those that answer secrets and those that only read.
    """
    return route_key.startswith("POST ") and not _WITHOUT.match(route_key)


def kept_s(route_key: str) -> int:
    """Return how many seconds a route's answers are kept."""
    return _KEPT_S.get(route_key, DAY_S)


class InProgressError(ConflictError):
    """The same request is being worked on now."""

    retry_after_s = 1

    def __init__(self) -> None:
        super().__init__(
            "A request with this Idempotency-Key is being worked on.",
            hint="Send it again in a second to get its answer.",
        )


class KeyReusedError(InvalidError):
    """The key stands for another request."""

    def __init__(self) -> None:
        super().__init__(
            "This Idempotency-Key was used for another request.",
            hint="Use a new key for every request that differs.",
            fields={"Idempotency-Key": "was used for another request"},
        )


def begin(
    session: Session,
    request_id: str,
    *,
    request_hash: str,
    taken_until: datetime,
    expires_at: datetime,
) -> KnownRequest | None:
    """Begin a request: ``None`` when it is the caller's to carry out, else what is known of it."""
    if store.record_request(
        session,
        request_id,
        request_hash=request_hash,
        taken_until=taken_until,
        expires_at=expires_at,
    ):
        return None
    # A row forgotten since then looks as if somebody had it: the caller comes again.
    return store.find_request(session, request_id) or KnownRequest(
        "INPROGRESS", request_hash, "", taken_until, expires_at
    )


def find(session: Session, request_id: str) -> KnownRequest | None:
    """Look a request up."""
    return store.find_request(session, request_id)


def answer(
    session: Session, request_id: str, *, request_hash: str, text: str, expires_at: datetime
) -> None:
    """Keep what was answered."""
    store.change_request_to_completed(
        session, request_id, request_hash=request_hash, answer=text, expires_at=expires_at
    )


def forget(session: Session, request_id: str) -> None:
    """Forget a request that failed: its key may be used again."""
    store.remove_request(session, request_id)


def forget_expired(session: Session) -> None:
    """Forget the tenant's answers whose time is over."""
    store.remove_expired_requests(session)
