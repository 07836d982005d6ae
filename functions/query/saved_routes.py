"""Routes of saved searches."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from functions.edge.http import Caller
from functions.query.schemas import (
    HitBody,
    NewSavedSearch,
    RunHit,
    SavedSearchBody,
    SavedSearchChange,
    SavedSearchPage,
    SavedSearchRun,
)
from shared.adapters.database import Session
from shared.audit import service as audit
from shared.identity.model import Principal
from shared.kernel.ids import SavedSearchId
from shared.search import saved
from shared.search.checking import check_versions
from shared.search.model import SearchRequest
from shared.search.tuning import ranking_of
from shared.wiring import app as wired

router = APIRouter()
_ADMINISTERS = "users:manage"


@router.get("/api/v1/searches")
def list_searches(
    caller: Caller,
    cursor: Annotated[str | None, Query(max_length=1000)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> SavedSearchPage:
    """List one's own saved searches and those shared with the tenant, by name."""
    caller.require("search")
    with wired().database.transaction(caller.tenant_id) as session:
        page = saved.list_saved_searches(
            session, user_id=caller.user_id, cursor=cursor, limit=limit
        )
    items = [SavedSearchBody.model_validate(each) for each in page.items]
    return SavedSearchPage(items=items, next_cursor=page.next_cursor)


@router.post("/api/v1/searches", status_code=201)
def save_search(caller: Caller, new: NewSavedSearch) -> SavedSearchBody:
    """Keep a search under a name."""
    caller.require("search")
    request = SearchRequest(query=new.query, filters=new.filters.filters())
    with wired().database.transaction(caller.tenant_id) as session:
        check_versions(session, request.filters)
        made = saved.save_search(
            session, request, name=new.name, is_shared=new.is_shared, user_id=caller.user_id
        )
        _note(session, caller, "search.saved", made.id)
    return SavedSearchBody.model_validate(made)


@router.get("/api/v1/searches/{search_id}")
def show_search(caller: Caller, search_id: UUID) -> SavedSearchBody:
    """Show a saved search without running it."""
    caller.require("search")
    with wired().database.transaction(caller.tenant_id) as session:
        found = saved.find_saved_search(session, SavedSearchId(search_id), user_id=caller.user_id)
    return SavedSearchBody.model_validate(found)


@router.patch("/api/v1/searches/{search_id}")
def change_search(caller: Caller, search_id: UUID, change: SavedSearchChange) -> SavedSearchBody:
    """Rename, share or change a saved search; its owner and administrators may."""
    caller.require("search")
    filters = None if change.filters is None else change.filters.filters()
    with wired().database.transaction(caller.tenant_id) as session:
        if filters is not None:
            check_versions(session, filters)
        changed = saved.change_saved_search(
            session,
            SavedSearchId(search_id),
            name=change.name,
            query=change.query,
            filters=filters,
            is_shared=change.is_shared,
            user_id=caller.user_id,
            may_change_all=caller.may(_ADMINISTERS),
        )
        _note(session, caller, "search.changed", changed.id)
    return SavedSearchBody.model_validate(changed)


@router.delete("/api/v1/searches/{search_id}", status_code=204)
def remove_search(caller: Caller, search_id: UUID) -> None:
    """Delete a saved search; its owner and administrators may."""
    caller.require("search")
    with wired().database.transaction(caller.tenant_id) as session:
        saved.remove_saved_search(
            session,
            SavedSearchId(search_id),
            user_id=caller.user_id,
            may_change_all=caller.may(_ADMINISTERS),
        )
        _note(session, caller, "search.removed", SavedSearchId(search_id))


@router.post("/api/v1/searches/{search_id}/run")
def run_search(
    caller: Caller,
    search_id: UUID,
    *,
    marks_seen: Annotated[
        bool, Query(description="False to look without changing what is new the next time.")
    ] = True,
) -> SavedSearchRun:
    """Run a saved search again and say what is new since the caller's last run."""
    caller.require("search")
    app = wired()
    with app.database.transaction(caller.tenant_id) as session:
        run = saved.run_saved_search(
            session,
            app.embedder_in(session),
            SavedSearchId(search_id),
            ranking=ranking_of(session, app.settings),
            user_id=caller.user_id,
            marks_seen=marks_seen,
        )
    hits = run.result.hits
    return SavedSearchRun(
        search=SavedSearchBody.model_validate(run.search),
        results=[
            RunHit(**HitBody.model_validate(hit).model_dump(), is_new=run.is_new(hit))
            for hit in hits
        ],
        new_count=len(run.new_ids),
        language=run.result.language,
        took_ms=run.result.took_ms,
    )


def _note(session: Session, caller: Principal, action: str, search_id: SavedSearchId) -> None:
    audit.record(session, actor_id=caller.user_id, action=action, subject=f"search:{search_id}")
