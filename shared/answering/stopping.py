"""Stopping an answer from elsewhere: a flag in the database that is looked at meanwhile."""

from __future__ import annotations

import time

from shared.adapters.database import Database
from shared.answering import store
from shared.answering.model import AnswerEvent, Emit, Token
from shared.kernel.ids import MessageId, TenantId

# Three round trips each: unnoticeable at this rate, and soon enough for who clicked.
LOOK_EVERY_S = 0.25


class StoppedError(Exception):
    """Raised between two words when somebody has asked the answer to stop."""


class StopWatch:
    """Passes events on, and looks now and then whether the answer is to stop."""

    def __init__(
        self,
        emit: Emit,
        database: Database,
        tenant_id: TenantId,
        message_id: MessageId,
        *,
        every_s: float = LOOK_EVERY_S,
    ) -> None:
        self._emit = emit
        self._database = database
        self._tenant_id = tenant_id
        self._message_id = message_id
        self._every_s = every_s
        self._looked_at = time.monotonic()

    def emit(self, event: AnswerEvent) -> None:
        """Pass an event on; raises StoppedError in place of a word that is no longer wanted."""
        if isinstance(event, Token):
            self.check()
        self._emit(event)

    def check(self) -> None:
        """Raise StoppedError when the answer is to stop."""
        now = time.monotonic()
        if now - self._looked_at < self._every_s:
            return
        self._looked_at = now
        with self._database.transaction(self._tenant_id) as session:
            if store.is_stopped(session, self._message_id):
                raise StoppedError
