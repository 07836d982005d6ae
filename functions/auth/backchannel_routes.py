"""The route by which identity providers tell that somebody signed out there."""

from __future__ import annotations

from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi import Body as FormBody

from functions.auth.attempts import counted
from functions.auth.issuing import device_of
from functions.edge.pages import read_form
from shared.audit import service as audit
from shared.federation import backchannel
from shared.federation import service as federation
from shared.federation.logout_tokens import disbelieved
from shared.identity.throttling import Try
from shared.kernel.context import set_tenant
from shared.kernel.errors import KontorError, MalformedError
from shared.wiring import App
from shared.wiring import app as wired

router = APIRouter(tags=["sign-in"])
_ANSWERS: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "Nobody of whom it tells is signed in any more.", "content": {}},
    400: {"description": "It is no logout token of this provider for us."},
}


@router.post(
    "/auth/oidc/{provider_id}/backchannel-logout", response_class=Response, responses=_ANSWERS
)
def sign_out(
    provider_id: UUID,
    request: Request,
    body: Annotated[bytes, FormBody(media_type="application/x-www-form-urlencoded")] = b"",
) -> Response:
    """End the sessions that somebody opened at a provider and has signed out of there.

    ``logout_token`` is as OpenID Connect Back-Channel Logout 1.0 describes it. Whether anybody was
    signed in is not told.
    """
    app, address = wired(), device_of(request).address
    # Counted by where it comes from alone: nobody else's forgeries shall keep a provider out.
    with counted(app, Try("backchannel_logout", address, address)):
        try:
            _end(app, provider_id, read_form(body).get("logout_token", ""))
        except KontorError as problem:
            if problem.is_retryable:
                raise
            raise MalformedError(problem.detail, hint=problem.hint) from problem
    return Response(status_code=200, headers={"cache-control": "no-store"})


def _end(app: App, provider_id: UUID, token: str) -> None:
    if not token:
        raise disbelieved("there is no logout_token in the form")
    link = federation.find_link(app.database, provider_id)
    set_tenant(str(link.tenant_id))
    with app.database.transaction(link.tenant_id) as session:
        provider = federation.require_provider(session, link.id)
    logout = app.oidc_client.read_logout(provider, token)
    with app.database.transaction(link.tenant_id) as session:
        for ended in backchannel.end_sessions(session, provider, logout):
            audit.record(
                session,
                actor_id=None,
                action="session.ended_by_provider",
                subject=f"session:{ended.id}",
                details={"user_id": str(ended.user_id), "provider": provider.name},
            )
