"""Lambda entry point of functions/chat_socket: `ask` frames in, the answer's frames out."""

from __future__ import annotations

from functions.chat_socket.frames import FrameWriter
from functions.edge.asking import instruments_of, read_question
from functions.edge.socket import Frame, socket_handler
from shared.answering import service as answering

_FIELDS = ("question", "conversation_id", "filters")


def _ask(frame: Frame) -> None:
    frame.principal.require("chat")
    question = read_question({k: frame.body[k] for k in _FIELDS if k in frame.body})
    writer = FrameWriter(frame.reply, question_id=frame.body.get("id"))
    answering.ask(
        instruments_of(frame.app, frame.principal.tenant_id, frame.principal.user_id),
        frame.principal,
        question,
        emit=writer.emit,
    )


handler = socket_handler(_ask)
