"""Routes of second factors: the code at sign-in, setting one up, removing it, asking it of all."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from functions.auth.attempts import counted, counted_for, record_failure
from functions.auth.issuing import asks_everybody, device_of, rules_of, signed_in
from functions.auth.schemas import Opaque, Password, TokenAnswer
from functions.auth.schemas import Request as Body
from functions.auth.trail import record_act, record_sign_in
from functions.edge.http import Caller, Insider, SignedIn
from shared.audit import service as audit
from shared.identity import accounts, entering, one_time, opaque, second_factor
from shared.identity.second_factor import Enrolment
from shared.identity.throttling import Try
from shared.kernel.errors import UnauthenticatedError
from shared.kernel.ids import UserId
from shared.wiring import app as wired

router = APIRouter()

Code = Annotated[str, Field(min_length=6, max_length=32, pattern=r"^[A-Za-z0-9 -]+$")]


class ChallengeRequest(Body):
    """The challenge that the sign-in was answered with."""

    challenge: Opaque


class AnswerRequest(ChallengeRequest):
    """A code of the authenticator app, or a recovery code."""

    code: Code


class CodeRequest(Body):
    """A code of the authenticator app."""

    code: Code


class ProofRequest(CodeRequest):
    """The password and a code: what a lasting change of the sign-in asks for."""

    password: Password


class PasswordRequest(Body):
    """The caller's password once more."""

    password: Password


class EnrolmentAnswer(BaseModel):
    """What an authenticator app needs: the secret, the same as an address, and as a QR code."""

    secret: str
    uri: str
    qr_svg: str


class RecoveryAnswer(BaseModel):
    """Ten codes for days without the app, each good once; they are shown only now."""

    recovery_codes: list[str]


class SignInAnswer(TokenAnswer):
    """Tokens, and the recovery codes when the sign-in set the second factor up."""

    recovery_codes: list[str]


class FactorAnswer(BaseModel):
    """Whether the caller's sign-in asks for a code, and how many recovery codes are left."""

    is_on: bool
    is_required: bool
    recovery_codes_left: int


class PolicyRequest(Body):
    """What every sign-in of the tenant must show."""

    requires_second_factor: bool


class PolicyAnswer(BaseModel):
    """What every sign-in of the tenant must show."""

    requires_second_factor: bool


@router.post("/auth/login/second-factor")
def answer_challenge(body: AnswerRequest, request: Request, response: Response) -> SignInAnswer:
    """Finish a sign-in with a code of the authenticator app or a recovery code."""
    app, device = wired(), device_of(request)
    shown = _shown(body.challenge.get_secret_value())
    rules = rules_of(app)
    with app.database.transaction(shown.tenant_id) as session:
        user_id, _ = entering.who(session, shown)
    try:
        with (
            counted(app, Try("second_factor", str(user_id), device.address)),
            app.database.transaction(shown.tenant_id) as session,
        ):
            entered = entering.answer(
                session, app.mailroom.seal, shown, body.code, rules=rules, device=device
            )
            if entered.recovery_codes:
                accounts.notify(session, app.mailroom, user_id, "second_factor_on")
                record_act(session, "user.second_factor_set", user_id)
            record_sign_in(session, entered.welcome, *entered.methods)
    except UnauthenticatedError:
        record_failure(app, shown.tenant_id, user_id, "user.second_factor_failed", device)
        raise
    app.relay_facts(shown.tenant_id)
    answer = signed_in(entered.welcome, response)
    return SignInAnswer(**answer.model_dump(), recovery_codes=entered.recovery_codes)


@router.post("/auth/login/enrol")
def enrol_at_sign_in(body: ChallengeRequest, response: Response) -> EnrolmentAnswer:
    """Begin to set a second factor up where the tenant asks for one and there is none."""
    app = wired()
    shown = _shown(body.challenge.get_secret_value())
    with app.database.transaction(shown.tenant_id) as session:
        enrolment = entering.begin_enrolment(session, app.mailroom.seal, shown)
    return _enrolment(enrolment, response)


@router.get("/auth/totp")
def show_factor(caller: SignedIn) -> FactorAnswer:
    """Tell whether the caller's sign-in asks for a code."""
    with wired().database.transaction(caller.tenant_id) as session:
        return FactorAnswer(
            is_on=second_factor.is_on(session, caller.user_id),
            is_required=entering.requires_second_factor(
                session, of_everybody=asks_everybody(wired())
            ),
            recovery_codes_left=second_factor.count_recovery_codes(session, caller.user_id),
        )


@router.post("/auth/totp")
def begin(
    body: PasswordRequest, request: Request, caller: SignedIn, response: Response
) -> EnrolmentAnswer:
    """Begin to set a second factor up; it counts once confirmed with a code."""
    app, device = wired(), device_of(request)
    with counted_for(app, caller, device):
        accounts.check_password(app.database, caller, body.password.get_secret_value())
    with app.database.transaction(caller.tenant_id) as session:
        enrolment = second_factor.begin(
            session, app.mailroom.seal, caller.user_id, email=caller.email
        )
    return _enrolment(enrolment, response)


@router.post("/auth/totp/confirm")
def confirm(
    body: CodeRequest, request: Request, caller: SignedIn, response: Response
) -> RecoveryAnswer:
    """Ask for codes from now on; answers ten recovery codes."""
    app = wired()
    with (
        counted_for(app, caller, device_of(request)),
        app.database.transaction(caller.tenant_id) as session,
    ):
        codes = second_factor.confirm(session, app.mailroom.seal, caller.user_id, body.code)
        accounts.notify(session, app.mailroom, caller.user_id, "second_factor_on")
        record_act(session, "user.second_factor_set", caller.user_id)
    app.relay_facts(caller.tenant_id)
    response.headers["cache-control"] = "no-store"
    return RecoveryAnswer(recovery_codes=codes)


@router.post("/auth/totp/recovery-codes")
def renew_codes(
    body: ProofRequest, request: Request, caller: SignedIn, response: Response
) -> RecoveryAnswer:
    """Make ten new recovery codes; the old ones no longer count."""
    app, device = wired(), device_of(request)
    with counted_for(app, caller, device):
        accounts.check_password(app.database, caller, body.password.get_secret_value())
        with app.database.transaction(caller.tenant_id) as session:
            second_factor.check(session, app.mailroom.seal, caller.user_id, body.code)
            codes = second_factor.renew_recovery_codes(session, caller.user_id)
            record_act(session, "user.recovery_codes_renewed", caller.user_id)
    response.headers["cache-control"] = "no-store"
    return RecoveryAnswer(recovery_codes=codes)


@router.post("/auth/totp/disable", status_code=204)
def disable(body: ProofRequest, request: Request, caller: SignedIn) -> None:
    """Ask for codes no more, after the password and one last code."""
    app, device = wired(), device_of(request)
    with counted_for(app, caller, device):
        accounts.check_password(app.database, caller, body.password.get_secret_value())
        with app.database.transaction(caller.tenant_id) as session:
            second_factor.check(session, app.mailroom.seal, caller.user_id, body.code)
            second_factor.remove(session, caller.user_id)
            accounts.notify(session, app.mailroom, caller.user_id, "second_factor_off")
            record_act(session, "user.second_factor_removed", caller.user_id)
    app.relay_facts(caller.tenant_id)


@router.delete("/api/v1/users/{user_id}/second-factor", status_code=204)
def reset(user_id: UUID, caller: Caller) -> None:
    """Remove the second factor of somebody who lost it; their sessions end."""
    app = wired()
    with app.database.transaction(caller.tenant_id) as session:
        accounts.reset_second_factor(session, app.mailroom, caller, UserId(user_id))
        record_act(session, "user.second_factor_reset", UserId(user_id), by=caller.user_id)
    app.relay_facts(caller.tenant_id)


@router.get("/api/v1/sign-in-policy")
def show_policy(caller: Insider) -> PolicyAnswer:
    """Tell what every sign-in of the tenant must show."""
    with wired().database.transaction(caller.tenant_id) as session:
        required = entering.requires_second_factor(session, of_everybody=asks_everybody(wired()))
    return PolicyAnswer(requires_second_factor=required)


@router.put("/api/v1/sign-in-policy")
def change_policy(body: PolicyRequest, caller: Caller) -> PolicyAnswer:
    """Ask every sign-in of the tenant for a code, or no longer; sessions that last are kept."""
    with wired().database.transaction(caller.tenant_id) as session:
        entering.change_policy(
            session,
            caller,
            requires_second_factor=body.requires_second_factor,
            of_everybody=asks_everybody(wired()),
        )
        audit.record(
            session,
            actor_id=caller.user_id,
            action="tenant.sign_in_policy_changed",
            subject=f"tenant:{caller.tenant_id}",
            details={"requires_second_factor": body.requires_second_factor},
        )
    return PolicyAnswer(requires_second_factor=body.requires_second_factor)


def _shown(token: str) -> opaque.Presented:
    shown = opaque.present("challenge", token)
    if shown is None:
        raise one_time.spent()
    return shown


def _enrolment(enrolment: Enrolment, response: Response) -> EnrolmentAnswer:
    """Draw the address as a QR code; nobody on the way may keep the answer."""
    import segno

    response.headers["cache-control"] = "no-store"
    drawn = segno.make(enrolment.uri, error="m", micro=False)
    svg = drawn.svg_inline(scale=4, dark="#000", light="#fff")
    return EnrolmentAnswer(secret=enrolment.secret, uri=enrolment.uri, qr_svg=svg)
