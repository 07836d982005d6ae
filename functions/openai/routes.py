"""Routes of OpenAI's API. The model ``kontor`` answers from the library, others as they are.

Neither a Function URL nor an error in OpenAI's shape goes together with the authorizer, so tokens
are verified here.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response

from functions.edge.asking import instruments_of
from functions.edge.bearer import Bearer
from functions.edge.bodies import Name
from functions.edge.streaming import ReaderGoneError, Streamed, Write
from functions.openai import completions
from functions.openai.completions import Completion, Usage
from functions.openai.errors import error_body, refusal
from functions.openai.schemas import ChatBody, EmbeddingsBody
from shared.answering import service as answering
from shared.answering.model import Answer, Emit, Instruments
from shared.generation.model import Caller as ModelCaller
from shared.generation.model import Request as ModelRequest
from shared.generation.model import Route
from shared.identity.model import Principal
from shared.kernel.errors import (
    InvalidError,
    KontorError,
    NotFoundError,
    TooLargeError,
)
from shared.wiring import app as wired

router = APIRouter(tags=["openai"])
LIBRARY = "kontor"
EXTRACTIVE = "kontor:extractive"
_MADE = 1_767_225_600
"""When our models were made, for clients that sort by it: 2026-01-01."""
_MOST_CHARS = 2_000_000


@router.get("/v1/models")
def list_models(caller: Bearer) -> dict[str, object]:
    """List the models the caller may name."""
    caller.require("chat")
    direct = [_model(route.name, route.provider) for route in _direct_routes(caller)]
    ours = [_model(LIBRARY), _model(EXTRACTIVE), _model(wired().model_of(caller.tenant_id))]
    return {"object": "list", "data": [*ours, *direct]}


@router.get("/v1/models/{model}")
def show_model(caller: Bearer, model: Name) -> dict[str, object]:
    """Show one model."""
    listed = list_models(caller)["data"]
    assert isinstance(listed, list)
    for each in listed:
        if each["id"] == model:
            return dict(each)
    raise _unknown(model)


@router.post("/v1/chat/completions")
def complete(caller: Bearer, body: ChatBody) -> Response:
    """Answer a conversation: from the library, or by a model as it is."""
    caller.require("chat")
    if body.model in {LIBRARY, EXTRACTIVE}:
        return _from_library(caller, body)
    return _from_model(caller, body)


@router.post("/v1/embeddings")
def embed(caller: Bearer, body: EmbeddingsBody) -> dict[str, object]:
    """Embed texts with the tenant's own embedding model."""
    caller.require("search")
    app = wired()
    name = app.model_of(caller.tenant_id)
    if body.model not in {LIBRARY, name}:
        raise _unknown(body.model)
    if sum(len(text) for text in body.texts) > _MOST_CHARS:
        raise TooLargeError(f"These are more than {_MOST_CHARS} characters at once.")
    if not all(body.texts):
        raise InvalidError("There is an empty text.", fields={"input": "no empty texts"})
    embedder = app.embedder_named(name)
    if body.dimensions not in {None, embedder.model.dimension}:
        raise InvalidError(
            f"{name} makes {embedder.model.dimension} dimensions.",
            fields={"dimensions": str(embedder.model.dimension)},
        )
    if body.input_type == "query":
        vectors = [embedder.embed_question(text) for text in body.texts]
    else:
        vectors = list(embedder.embed(body.texts))
    tokens = sum(embedder.count_tokens(text) for text in body.texts)
    is_packed = body.encoding_format == "base64"
    data = [
        {
            "object": "embedding",
            "index": index,
            "embedding": (
                base64.b64encode(vector.astype("<f4").tobytes()).decode()
                if is_packed
                else vector.tolist()
            ),
        }
        for index, vector in enumerate(vectors)
    ]
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "data": data, "model": name, "usage": usage}


def _from_library(caller: Principal, body: ChatBody) -> Response:
    question = body.question()
    tools = instruments_of(wired(), caller.tenant_id, caller.user_id)
    if body.model == EXTRACTIVE:
        tools = replace(tools, open_language_model=lambda _purpose="chat": None)
    completion = Completion(body.model)
    tokens_in = sum(tools.embedder.count_tokens(text) for _, text in question.history)
    tokens_in += tools.embedder.count_tokens(question.text)

    def ask(emit: Emit) -> Answer:
        return answering.ask(tools, caller, question, emit=emit)

    if body.stream:

        def work(write: Write) -> None:
            completions.stream_answer(
                write,
                completion,
                ask,
                count=tools.embedder.count_tokens,
                tokens_in=tokens_in,
                tells_usage=body.tells_usage,
            )

        return _stream(work)
    return JSONResponse(_whole(completion, ask, tools, tokens_in))


def _whole(
    completion: Completion, ask: Callable[[Emit], Answer], tools: Instruments, tokens_in: int
) -> dict[str, object]:
    answer = ask(lambda _event: None)
    founded = completions.founded(answer)
    return completion.whole(
        {"content": answer.text, **founded},
        finish="stop",
        usage=Usage(tokens_in, tools.embedder.count_tokens(answer.text)),
    )


def _from_model(caller: Principal, body: ChatBody) -> Response:
    if body.model not in {route.name for route in _direct_routes(caller)}:
        raise _unknown(body.model)
    request = ModelRequest(
        purpose="direct",
        messages=body.messages,
        max_tokens=body.most_tokens,
        options=body.options(),
        route=body.model,
    )
    asked = ModelCaller(tenant_id=caller.tenant_id, user_id=caller.user_id)
    completion = Completion(body.model)
    if body.stream:

        def work(write: Write) -> None:
            pieces = wired().bridge.answer(asked, request)
            try:
                completions.stream_pieces(write, completion, pieces, tells_usage=body.tells_usage)
            finally:
                pieces.close()  # type: ignore[attr-defined]

        return _stream(work)
    return JSONResponse(
        completions.collect_pieces(completion, wired().bridge.answer(asked, request))
    )


def _stream(work: Callable[[Write], None]) -> Streamed:
    """Stream chunks; an error after the first becomes an event, which clients raise."""

    def guarded(write: Write) -> None:
        has_written = False

        def noted(piece: bytes) -> None:
            nonlocal has_written
            write(piece)
            has_written = True

        try:
            work(noted)
        except ReaderGoneError:
            raise
        except KontorError as error:
            if not has_written:
                raise
            write(completions.event(error_body(error)))

    return Streamed(guarded, media_type="text/event-stream", refuse=refusal)


def _direct_routes(caller: Principal) -> list[Route]:
    asked = ModelCaller(tenant_id=caller.tenant_id, user_id=caller.user_id)
    return wired().bridge.direct_routes(asked)


def _model(name: str, owner: str = "kontor") -> dict[str, object]:
    return {"id": name, "object": "model", "created": _MADE, "owned_by": owner}


def _unknown(model: str) -> NotFoundError:
    return NotFoundError(
        f"The model {model!r} does not exist or you may not use it.",
        hint="GET /v1/models lists those you may.",
    )
