"""An answer's events as WebSocket frames; words that come quickly travel together."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from shared.answering.model import AnswerEvent, ListenerGoneError, Token

# Every frame is one HTTPS call to API Gateway, about 10 ms: a frame per word would make a quick
# answer slow, a long wait would make a slow model look dead.
_FRAME_CHARS = 48
_LONGEST_WAIT_S = 0.1


class FrameWriter:
    """Writes events as frames that carry the question's id."""

    def __init__(self, reply: Callable[[Mapping[str, object]], bool], *, question_id: object):
        self._reply = reply
        self._question_id = question_id
        self._held = ""
        self._sent_at = time.monotonic()

    def emit(self, event: AnswerEvent) -> None:
        """Send an event, words in groups. Raises ListenerGoneError when the connection is gone."""
        if isinstance(event, Token):
            self._held += event.text
            waited_s = time.monotonic() - self._sent_at
            if len(self._held) >= _FRAME_CHARS or waited_s >= _LONGEST_WAIT_S:
                self._flush()
            return
        self._flush()
        self._send(event)

    def _flush(self) -> None:
        if self._held:
            text, self._held = self._held, ""
            self._send(Token(text))

    def _send(self, event: AnswerEvent) -> None:
        payload = event.payload()
        if "id" in payload:
            payload["citation_id"] = payload.pop("id")
        if not self._reply({"type": event.kind, "id": self._question_id, **payload}):
            raise ListenerGoneError
        self._sent_at = time.monotonic()
