"""Signing out at the provider as well: where a browser has to go, once the session here is over."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Annotated, Any, Final, Self

from fastapi import Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from functions.auth.addresses import origins, public_url
from shared.federation import leaving
from shared.federation.model import Provider
from shared.federation.returning import check_place
from shared.identity.model import Principal
from shared.kernel.errors import KontorError
from shared.wiring import app as wired

logger = logging.getLogger(__name__)
AtProvider = Annotated[bool, Query()]
Place = Annotated[str, Query(max_length=1000)]


class SignedOutAnswer(BaseModel):
    """The session is over here; open ``provider_logout_url`` in a browser to end it there.

    Without such an address, ``detail`` says why. A browser that comes back brings ``state``.
    """

    provider_logout_url: str | None
    state: str | None
    detail: str


SIGNED_OUT: Final[dict[int | str, dict[str, Any]]] = {
    200: {"model": SignedOutAnswer, "description": "Signed out; what is left to do there."}
}


@dataclass(frozen=True, slots=True)
class Leaving:
    """A sign-out: whether its caller asked for the provider's as well, and which one that is."""

    wants: bool
    provider: Provider | None
    return_to: str

    @classmethod
    def begin(cls, request: Request, caller: Principal, *, wants: bool, return_to: str) -> Self:
        """Look where the session was opened, before it is over.

        Raises InvalidError for a place that browsers are not sent to.
        """
        if not wants:
            return cls(wants=False, provider=None, return_to="")
        app = wired()
        if return_to:
            check_place(return_to, origins=origins(app))
        if return_to.startswith("/"):
            return_to = public_url(app, request) + return_to
        with app.database.transaction(caller.tenant_id) as session:
            provider = leaving.find_provider(session, caller)
        return cls(wants=True, provider=provider, return_to=return_to)

    def answer(self) -> Response:
        """Answer once the session is over: what the provider says cannot keep anybody here."""
        if not self.wants:
            return Response(status_code=204)
        url, state, detail = "", "", "You did not sign in at an identity provider."
        if self.provider is not None:
            client, to = wired().oidc_client, self.return_to
            try:
                goodbye = leaving.say_goodbye(client, self.provider, return_to=to)
            except KontorError as error:
                logger.warning("no way to sign out there", extra={"reason": error.detail})
                detail = f"The identity provider could not be asked: {error.detail}"
            else:
                url, state = goodbye.url, goodbye.state
                detail = _READY if url else _NOWHERE
        body = SignedOutAnswer(provider_logout_url=url or None, state=state or None, detail=detail)
        return JSONResponse(body.model_dump(), headers={"cache-control": "no-store"})


_READY: Final = "Open the address in a browser to sign out at the identity provider too."
_NOWHERE: Final = "The identity provider names no place to sign out at."
