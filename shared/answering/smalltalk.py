"""Small talk: courtesies are answered before anything is searched, facts never are."""

from __future__ import annotations

from collections.abc import Sequence

from shared.answering.model import State
from shared.answering.transcript import Transcript
from shared.answering.wording import Spoken, wording
from shared.inference.elyza.engine import Reply, recognise, talk
from shared.inference.language import detect_language
from shared.inference.model import Role

NAME = "elyza"

History = Sequence[tuple[Role, str]]


def courtesy(text: str, history: History) -> Reply | None:
    """Answer a greeting, thanks and the like; ``None`` for everything else."""
    return recognise(text.strip(), detect_language(text), earlier=_earlier(history))


def say_courtesy(reply: Reply, transcript: Transcript) -> State:
    """Say it; nothing is cited, because nothing is claimed."""
    transcript.answerer = NAME
    transcript.say(reply.text)
    transcript.close()
    return "smalltalk"


def say_talk(text: str, history: History, *, spoken: Spoken, transcript: Transcript) -> State:
    """Talk on behind the admission that nothing was found, and say that it is only talk."""
    reply = talk(text.strip(), spoken, earlier=_earlier(history))
    transcript.say(f"\n\n{wording(spoken).small_talk} {reply.text}")
    transcript.close()
    return "smalltalk"


def _earlier(history: History) -> list[str]:
    return [content for role, content in history if role == "user"]
