"""Routes of sessions: renew, end one, end all, list."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from functions.auth.issuing import device_of, rules_of, signed_in
from functions.auth.leaving import SIGNED_OUT, AtProvider, Leaving, Place
from functions.auth.proving import ProofBody, proved
from functions.auth.schemas import RefreshRequest, SessionsAnswer, TokenAnswer, session_answer
from functions.edge.http import Caller, SignedIn
from shared.audit import service as audit
from shared.identity import opaque, sessions
from shared.identity import service as identity
from shared.kernel.errors import UnauthenticatedError
from shared.wiring import app as wired

router = APIRouter()
_WHAT = "This ends sessions on other devices"


@router.post("/auth/refresh")
def renew(body: RefreshRequest, request: Request, response: Response) -> TokenAnswer:
    """Exchange a refresh token for new tokens; a second use of one ends its session."""
    app = wired()
    shown = opaque.present("refresh", body.refresh_token.get_secret_value())
    if shown is None:
        raise _refused()
    with app.database.transaction(shown.tenant_id) as session:
        renewed = sessions.renew(session, shown, device=device_of(request), rules=rules_of(app))
        if isinstance(renewed, sessions.Theft):
            audit.record(
                session,
                actor_id=None,
                action="session.reuse_detected",
                subject=f"session:{renewed.session_id}",
                details={"user": str(renewed.user_id)},
            )
    if isinstance(renewed, sessions.Theft):
        raise _refused()
    return signed_in(renewed, response)


@router.post("/auth/logout", status_code=204, responses=SIGNED_OUT)
def sign_out(
    caller: Caller, request: Request, *, at_provider: AtProvider = False, return_to: Place = ""
) -> Response:
    """End the session this token belongs to, at once.

    With ``at_provider`` the answer is where a browser signs out at the provider that the session
    was opened at; it comes back to ``return_to``, if that is given and registered there.
    """
    leaving = Leaving.begin(request, caller, wants=at_provider, return_to=return_to)
    with wired().database.transaction(caller.tenant_id) as session:
        if caller.session_id is None:
            identity.sign_out(session, caller)
        else:
            sessions.end_session(session, caller.user_id, caller.session_id, because="signed out")
        audit.record(
            session,
            actor_id=caller.user_id,
            action="user.signed_out",
            subject=f"user:{caller.user_id}",
        )
    return leaving.answer()


@router.post("/auth/logout-all", status_code=204, responses=SIGNED_OUT)
def sign_out_everywhere(
    caller: SignedIn,
    request: Request,
    proof: ProofBody | None = None,
    *,
    at_provider: AtProvider = False,
    return_to: Place = "",
) -> Response:
    """End every session of the caller, on every device, at once; else as POST /auth/logout.

    Whoever signed in more than 10 minutes ago shows the password once more, and a code if one is
    set up.
    """
    proved(wired(), request, caller, proof or ProofBody(), what=_WHAT)
    leaving = Leaving.begin(request, caller, wants=at_provider, return_to=return_to)
    with wired().database.transaction(caller.tenant_id) as session:
        identity.sign_out(session, caller)
        audit.record(
            session,
            actor_id=caller.user_id,
            action="user.signed_out_everywhere",
            subject=f"user:{caller.user_id}",
        )
    return leaving.answer()


@router.get("/auth/sessions")
def list_sessions(
    caller: SignedIn,
    cursor: Annotated[str | None, Query(max_length=1024)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> SessionsAnswer:
    """List where the caller is signed in, the latest sign-in first."""
    with wired().database.transaction(caller.tenant_id) as session:
        page = sessions.list_sessions(session, caller.user_id, cursor=cursor, limit=limit)
    return SessionsAnswer(
        items=[session_answer(found, current=caller.session_id) for found in page.items],
        next_cursor=page.next_cursor,
    )


@router.delete("/auth/sessions/{session_id}", status_code=204)
def end_session(
    session_id: UUID, request: Request, caller: SignedIn, proof: ProofBody | None = None
) -> None:
    """End one of the caller's sessions; its tokens are refused from the next request on.

    Ending another one than that of the request needs what POST /auth/logout-all needs.
    """
    if session_id != caller.session_id:
        proved(wired(), request, caller, proof or ProofBody(), what=_WHAT)
    with wired().database.transaction(caller.tenant_id) as session:
        sessions.end_session(session, caller.user_id, session_id, because="ended by hand")
        audit.record(
            session,
            actor_id=caller.user_id,
            action="session.ended",
            subject=f"session:{session_id}",
        )


def _refused() -> UnauthenticatedError:
    return UnauthenticatedError("This session has ended.", hint="Sign in again.")
