"""Routes of caches: how much lies in them, and making it worthless by hand."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel

from functions.edge.http import Caller
from shared.adapters.cache_database import clear_caches, find_corpus_state, find_sizes
from shared.audit import service as audit
from shared.wiring import app as wired

router = APIRouter(tags=["caches"])


class CachesAnswer(BaseModel):
    """What is cached for the tenant.

    ``corpus_version`` rises with every change of what a search could find, and makes what was
    cached before worthless. ``redis_results`` is null without Redis, or while it is away; every
    process also keeps some results in its own memory.
    """

    corpus_version: int
    results: int
    result_bytes: int
    answers: int
    vectors: int
    redis_results: int | None


@router.get("/api/v1/caches")
def show_caches(caller: Caller) -> CachesAnswer:
    """Show how much is cached for the caller's tenant."""
    caller.require("system:read")
    app = wired()
    with app.database.transaction(caller.tenant_id) as session:
        state, sizes = find_corpus_state(session), find_sizes(session)
    return CachesAnswer(
        corpus_version=state.version,
        results=sizes.entry_count,
        result_bytes=sizes.size_bytes,
        answers=sizes.answer_count,
        vectors=sizes.vector_count,
        redis_results=None if app.redis is None else app.redis.count(caller.tenant_id),
    )


@router.delete("/api/v1/caches", status_code=204)
def remove_caches(caller: Caller) -> None:
    """Forget every cached result and answer of the caller's tenant, in every process.

    Vectors of embedded texts stay: they depend on nothing but the text and the model.
    """
    caller.require("system:operate")
    app = wired()
    with app.database.transaction(caller.tenant_id) as session:
        clear_caches(session)
        audit.record(
            session,
            actor_id=caller.user_id,
            action="caches.cleared",
            subject=f"tenant:{caller.tenant_id}",
            details={},
        )
    app.cache.clear(caller.tenant_id)
