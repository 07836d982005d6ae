"""Answers that were given before, found again by the meaning of their question.

An answer is given again only where everything it rests on is the same: tenant, audience, corpus
version, models, filters and language, which make up its scope. Within a scope the nearest
questions are looked at, and one is taken only when it is near enough and asks the same by its
words, too. Only founded answers to questions that stand alone are kept.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.adapters.cache_database import find_corpus_state
from shared.adapters.database import Session
from shared.answering import store
from shared.answering.extraction import NAME as EXTRACTIVE
from shared.answering.model import Answer, Citation, Instruments
from shared.answering.same_meaning import core_of, mean_the_same
from shared.answering.transcript import Transcript
from shared.identity.model import Principal
from shared.inference.language import detect_language
from shared.kernel.errors import KontorError, UnavailableError
from shared.kernel.ids import DocumentId, TenantId, new_id
from shared.kernel.records import from_json, to_json
from shared.kernel.version import VERSION
from shared.search.model import Filters
from shared.search.service import filters_json

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

logger = logging.getLogger(__name__)
CACHED = "cached"

_NEAREST = 5
_MARKER = re.compile(r"\[(\d{1,3})\]")


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """An answer as it was said, with its citations in the order of their numbers."""

    text: str
    citations: tuple[Citation, ...]
    confidence: float | None = None
    read: tuple[DocumentId, ...] = ()


@dataclass(frozen=True, slots=True)
class Recollection:
    """What is remembered of a question before anything is searched for it.

    ``known`` is the answer that was given to it before, if one was; otherwise ``keep`` may be
    called with the new one.
    """

    tools: Instruments
    tenant_id: TenantId
    question: str
    scope: bytes
    answerer: str
    known: KeptAnswer | None

    def say(self, transcript: Transcript) -> None:
        """Say the known answer again: the same words, citations with ids of their own."""
        assert self.known is not None
        transcript.answerer = f"{self.answerer} ({CACHED})"
        transcript.confidence = self.known.confidence
        transcript.read = frozenset(self.known.read)
        citations = {each.number: each for each in self.known.citations}
        position = 0
        for match in _MARKER.finditer(self.known.text):
            citation = citations.get(int(match[1]))
            if citation is not None:
                transcript.say(self.known.text[position : match.start()])
                transcript.recite(citation)
                position = match.end()
        transcript.say(self.known.text[position:])
        transcript.close()

    def keep(self, answer: Answer, *, read: Collection[DocumentId]) -> None:
        """Keep a founded answer; that it cannot be kept costs time later and nothing now.

        ``read`` is what its model had before it.
        """
        if answer.state != "answer" or answer.answerer != self.answerer or not answer.citations:
            return
        params: dict[str, object] = {
            "id": new_id(),
            "scope": self.scope,
            "question": self.question,
            "embedding": _written(self.tools.embedder.embed_question(core_of(self.question))),
            "answer": to_json(
                KeptAnswer(answer.text, answer.citations, answer.confidence, tuple(read))
            ),
            "kept_s": self.tools.memory.kept_s,
        }
        try:
            with self.tools.database.transaction(self.tenant_id) as session:
                store.record_cached_answer(session, params)
        except UnavailableError as error:
            logger.warning("answer was not kept", extra={"reason": error.detail})


def recollect(
    tools: Instruments,
    principal: Principal,
    question: str,
    *,
    filters: Filters,
) -> Recollection | None:
    """Look for an answer that was given to the same question before; call it before searching.

    ``None`` when answers are not remembered: switched off, or not for this answerer.
    """
    answerer = _answerer(tools)
    if answerer is None:
        return None
    text = question.strip()
    language = detect_language(text)
    with tools.database.transaction(principal.tenant_id) as session:
        scope = _scope(session, tools, answerer, language=language, filters=filters)
        known = _find(session, tools, scope, text, language=language)
    return Recollection(tools, principal.tenant_id, text, scope, answerer, known)


def _answerer(tools: Instruments) -> str | None:
    """Name who would answer; ``None`` when its answers are not remembered."""
    if tools.memory.whose == "off":
        return None
    try:
        model = tools.open_language_model()
    except KontorError:
        return None
    if model is None:
        return EXTRACTIVE if tools.memory.whose == "all" else None
    return model.name


def _scope(
    session: Session, tools: Instruments, answerer: str, *, language: str, filters: Filters
) -> bytes:
    state = find_corpus_state(session)
    parts = [
        VERSION,
        to_json(state),
        to_json(tools.embedder.model),
        tools.ranking.as_key(),
        answerer,
        to_json(tools.tuning),
        str(tools.answer_threshold),
        language,
        filters_json(filters),
    ]
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).digest()


def _find(
    session: Session, tools: Instruments, scope: bytes, text: str, *, language: str
) -> KeptAnswer | None:
    vector = tools.embedder.embed_question(core_of(text))
    nearest = store.list_cached_answers(
        session,
        scope=scope,
        vector=_written(vector),
        least=tools.memory.similarity,
        most=_NEAREST,
    )
    for row in nearest:
        if mean_the_same(text, row.question, language=language):
            return _read(row.answer)
    return None


def _read(answer: Mapping[str, object]) -> KeptAnswer | None:
    try:
        return from_json(KeptAnswer, json.dumps(answer))
    except ValueError:
        logger.warning("a kept answer could not be read")
        return None


def _written(vector: NDArray[np.float32]) -> str:
    """Write a vector as Postgres reads it."""
    return "[" + ",".join(f"{number:.6g}" for number in vector.tolist()) + "]"
