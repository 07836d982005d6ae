"""Server-sent events: an answer's events as an ASGI response, written while it is given."""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Callable, Mapping

from functions.edge.streaming import ReaderGoneError, Streamed, Write
from shared.answering.model import AnswerEvent, Emit, ListenerGoneError
from shared.kernel.errors import KontorError

logger = logging.getLogger(__name__)


class EventStream(Streamed):
    """Calls ``tell`` with an ``emit`` that writes to the client; errors become ``event: error``."""

    def __init__(self, tell: Callable[[Emit], object]) -> None:
        super().__init__(lambda write: _told(tell, write), media_type="text/event-stream")


def _told(tell: Callable[[Emit], object], write: Write) -> None:
    def send(name: str, data: Mapping[str, object]) -> None:
        write(f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode())

    def emit(event: AnswerEvent) -> None:
        try:
            send(event.kind, event.payload())
        except ReaderGoneError as error:
            raise ListenerGoneError from error

    with contextlib.suppress(ListenerGoneError):
        try:
            tell(emit)
        except KontorError as error:
            logger.info("answer broke off", extra={"code": error.code})
            send("error", error.problem())
        except Exception:
            logger.exception("answer failed")
            send("error", KontorError("The answer could not be given.").problem())
