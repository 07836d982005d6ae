"""Routes of evaluation: feedback for everybody, everything else for administrators."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from functions.edge.http import Caller
from functions.evaluation.schemas import (
    FeedbackBody,
    FeedbackPage,
    FeedbackRow,
    FitBody,
    FitOrder,
    FitResult,
    JudgedBody,
    JudgedList,
    Latency,
    ProbeBody,
    Probed,
    ProbedHit,
    RankingBody,
    RankingOrder,
    RankingState,
    RunBody,
    RunDetail,
    RunOrder,
    RunPage,
)
from shared.evaluation import service, weights
from shared.evaluation.feedback import Verdict
from shared.evaluation.model import KeptRun, Run
from shared.evaluation.probing import probe
from shared.evaluation.serialization import run_from_json
from shared.kernel.ids import MessageId
from shared.search.model import SearchRequest
from shared.search.tuning import find_own_ranking, ranking_of
from shared.wiring import app as wired

router = APIRouter(tags=["evaluation"])
WORKING_S = 20.0
"""Measuring stops here with the questions it has done: the gateway waits for 29 seconds."""
MANAGE = "search:manage"
Cursor = Annotated[str | None, Query(max_length=500)]
Limit = Annotated[int, Query(ge=1, le=200)]


@router.post("/api/v1/messages/{message_id}/feedback", status_code=204)
def give_feedback(caller: Caller, message_id: UUID, body: FeedbackBody) -> None:
    """Say what you think of an answer, and where the right one stands."""
    with wired().database.transaction(caller.tenant_id) as session:
        service.give_feedback(session, caller, MessageId(message_id), body.opinion())


@router.delete("/api/v1/messages/{message_id}/feedback", status_code=204)
def take_feedback_back(caller: Caller, message_id: UUID) -> None:
    """Take back what you said of an answer."""
    with wired().database.transaction(caller.tenant_id) as session:
        service.take_feedback_back(session, caller, MessageId(message_id))


@router.get("/api/v1/evaluation/feedback")
def list_feedback(
    caller: Caller, verdict: Verdict | None = None, cursor: Cursor = None, limit: Limit = 50
) -> FeedbackPage:
    """List what people think of answers, the last opinion first."""
    caller.require(MANAGE)
    with wired().database.transaction(caller.tenant_id) as session:
        page = service.list_feedback(session, verdict=verdict, cursor=cursor, limit=limit)
    items = [FeedbackRow.model_validate(row) for row in page.items]
    return FeedbackPage(items=items, next_cursor=page.next_cursor)


@router.get("/api/v1/evaluation/questions")
def list_judged(caller: Caller) -> JudgedList:
    """List the last questions whose right sources are known: an evaluation set."""
    caller.require(MANAGE)
    with wired().database.transaction(caller.tenant_id) as session:
        judged = service.list_judged(session)
    return JudgedList(items=[JudgedBody.model_validate(each) for each in judged])


@router.post("/api/v1/evaluation/retrieval")
def try_retrieval(caller: Caller, body: ProbeBody) -> Probed:
    """Search once and show scores and time, also with another weight than the present one."""
    caller.require(MANAGE)
    app = wired()
    request = SearchRequest(
        query=body.query,
        k=body.k,
        threshold=body.threshold,
        filters=body.filters.filters(),
        explain=True,
    )
    with app.database.transaction(caller.tenant_id) as session:
        ranking = ranking_of(session, app.settings)
        if body.dense_weight is not None:
            ranking = replace(
                ranking, dense_weight_en=body.dense_weight, dense_weight_de=body.dense_weight
            )
        found = probe(session, app.embedder_in(session), request, ranking=ranking)
    return Probed(
        results=[ProbedHit.model_validate(hit) for hit in found.result.hits],
        language=found.result.language,
        model=found.model,
        ranking=RankingBody.model_validate(found.ranking),
        latency_ms=Latency(embed=found.embed_ms, search=found.search_ms, total=found.total_ms),
    )


@router.get("/api/v1/evaluation/runs")
def list_runs(caller: Caller, cursor: Cursor = None, limit: Limit = 20) -> RunPage:
    """List kept evaluations, the last first."""
    caller.require(MANAGE)
    with wired().database.transaction(caller.tenant_id) as session:
        page = service.list_runs(session, cursor=cursor, limit=limit)
    items = [RunBody.of(row, run) for row, run in page.items]
    return RunPage(items=items, next_cursor=page.next_cursor)


@router.post("/api/v1/evaluation/runs", status_code=201)
def make_run(caller: Caller, body: RunOrder) -> RunDetail:
    """Measure search on the judged answers, or keep a run that was made elsewhere."""
    caller.require(MANAGE)
    app = wired()
    with app.database.transaction(caller.tenant_id) as session:
        if body.run is None:
            run_id, _ = service.run_feedback(
                session,
                app.embedder_in(session),
                ranking=ranking_of(session, app.settings),
                until=time.monotonic() + WORKING_S,
                created_by=caller.user_id,
            )
        else:
            given = run_from_json(body.run)
            run_id = service.keep_run(session, given, created_by=caller.user_id)
        return _detail(*service.find_run(session, run_id))


@router.get("/api/v1/evaluation/runs/{run_id}")
def show_run(caller: Caller, run_id: UUID) -> RunDetail:
    """Show a kept evaluation, question by question."""
    caller.require(MANAGE)
    with wired().database.transaction(caller.tenant_id) as session:
        return _detail(*service.find_run(session, run_id))


@router.post("/api/v1/evaluation/fit")
def fit_weights(caller: Caller, body: FitOrder) -> FitResult:
    """Fit the weights to the judged answers; they hold only if held-out questions gain by it."""
    caller.require(MANAGE)
    app = wired()
    with app.database.transaction(caller.tenant_id) as session:
        ranking = ranking_of(session, app.settings)
        fits = weights.fit_feedback(
            session,
            app.embedder_in(session),
            ranking=ranking,
            until=time.monotonic() + WORKING_S,
        )
        is_applied = body.apply and any(each.is_accepted for each in fits)
        if is_applied:
            ranking = weights.adopt(
                session, fits, ranking=ranking, source="feedback", adopted_by=caller.user_id
            )
    return FitResult(
        fits=[FitBody.model_validate(each) for each in fits],
        is_applied=is_applied,
        ranking=RankingBody.model_validate(ranking),
    )


@router.get("/api/v1/evaluation/ranking")
def show_ranking(caller: Caller) -> RankingState:
    """Show the weights that hold, and why."""
    caller.require(MANAGE)
    app = wired()
    with app.database.transaction(caller.tenant_id) as session:
        row = find_own_ranking(session)
        return RankingState.of(ranking_of(session, app.settings), row)


@router.put("/api/v1/evaluation/ranking")
def put_ranking(caller: Caller, body: RankingOrder) -> RankingState:
    """Use other weights from now on."""
    caller.require(MANAGE)
    app = wired()
    with app.database.transaction(caller.tenant_id) as session:
        wanted = replace(
            ranking_of(session, app.settings),
            dense_weight_en=body.dense_weight_en,
            dense_weight_de=body.dense_weight_de,
        )
        weights.set_ranking(
            session, wanted, evidence={"source": body.source}, set_by=caller.user_id
        )
    return show_ranking(caller)


@router.delete("/api/v1/evaluation/ranking")
def undo_ranking(caller: Caller) -> RankingState:
    """Go back to the weights before."""
    caller.require(MANAGE)
    with wired().database.transaction(caller.tenant_id) as session:
        weights.undo(session, undone_by=caller.user_id)
    return show_ranking(caller)


def _detail(row: KeptRun, run: Run) -> RunDetail:
    return RunDetail(**RunBody.of(row, run).model_dump(), values=run.measures)
