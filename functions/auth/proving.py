"""What shows once more that it is the caller: a sign-in of just now, or password and code."""

from __future__ import annotations

from fastapi import Request

from functions.auth.attempts import counted_for
from functions.auth.issuing import device_of
from functions.auth.schemas import Password
from functions.auth.schemas import Request as Body
from functions.auth.second_factor_routes import Code
from shared.identity import accounts, second_factor, sessions
from shared.identity.model import Principal
from shared.wiring import App


class ProofBody(Body):
    """What shows that it is the caller: nothing within 10 minutes of signing in, else the password.

    Where a second factor is set up, its code goes with the password.
    """

    password: Password | None = None
    code: Code | None = None


def proved(app: App, request: Request, caller: Principal, proof: ProofBody, *, what: str) -> None:
    """Let somebody go on who signed in just now, or shows password and code.

    ``what`` says in a problem what the proof is for. Raises ProofError, UnauthenticatedError for
    wrong ones.
    """
    with app.database.transaction(caller.tenant_id) as session:
        needs_code = second_factor.is_on(session, caller.user_id)
        has_shown = proof.password is not None and (proof.code is not None or not needs_code)
        sessions.require_proof(
            session, caller, has_shown=has_shown, needs_code=needs_code, what=what
        )
    if proof.password is None or not has_shown:
        return
    with counted_for(app, caller, device_of(request)):
        accounts.check_password(app.database, caller, proof.password.get_secret_value())
        if needs_code:
            with app.database.transaction(caller.tenant_id) as session:
                second_factor.check(session, app.mailroom.seal, caller.user_id, proof.code or "")
