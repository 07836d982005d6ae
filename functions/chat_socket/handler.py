"""Lambda entry point of functions/chat_socket: `ask` frames in, the answer's frames out; `stop`."""

from __future__ import annotations

from uuid import UUID

from functions.chat_socket.frames import FrameWriter
from functions.edge.asking import instruments_of, read_question
from functions.edge.socket import Frame, socket_handler
from shared.answering import conversations
from shared.answering import service as answering
from shared.kernel.errors import InvalidError
from shared.kernel.ids import MessageId

_FIELDS = ("question", "conversation_id", "edits", "regenerates", "filters")


def _handle(frame: Frame) -> None:
    frame.principal.require("chat")
    if frame.route == "stop":
        _stop(frame)
    else:
        _ask(frame)


def _ask(frame: Frame) -> None:
    question = read_question({k: frame.body[k] for k in _FIELDS if k in frame.body})
    writer = FrameWriter(frame.reply, question_id=frame.body.get("id"))
    answering.ask(
        instruments_of(frame.app, frame.principal.tenant_id, frame.principal.user_id),
        frame.principal,
        question,
        emit=writer.emit,
    )


def _stop(frame: Frame) -> None:
    try:
        message_id = MessageId(UUID(str(frame.body.get("message_id"))))
    except ValueError as error:
        raise InvalidError(
            "There is no message_id.", hint="Send the one that came with the frame `start`."
        ) from error
    with frame.app.database.transaction(frame.principal.tenant_id) as session:
        conversations.stop_answer(session, frame.principal, message_id)
    frame.reply({"type": "stopping", "id": frame.body.get("id"), "message_id": str(message_id)})


handler = socket_handler(_handle)
