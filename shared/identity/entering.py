"""Entering: what stands between the first factor and a session: a verified address, a code.

The first factor is a password or a provider's sign-in. A challenge is answered, not raised, so that
it commits; whoever holds it has shown the first factor and may show the code within five minutes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from shared.adapters.database import Session
from shared.identity import account_store, one_time, opaque, passwords, second_factor, sessions
from shared.identity.model import Device, FirstFactor, Principal, ProviderSession, SignIn, Welcome
from shared.identity.sealing import Seal
from shared.identity.second_factor import Enrolment
from shared.identity.service import find_user, renew_hash
from shared.identity.sessions import TokenRules
from shared.kernel.errors import NotFoundError, RefusedError, UnauthenticatedError
from shared.kernel.ids import UserId

ChallengePurpose = Literal["second_factor", "enrolment"]


@dataclass(frozen=True, slots=True)
class Challenge:
    """A code is asked for after the first factor: of the app in use, or of one to set up."""

    purpose: ChallengePurpose
    token: str

    def __repr__(self) -> str:
        return f"Challenge({self.purpose})"


@dataclass(frozen=True, slots=True)
class Entered:
    """A sign-in that a code finished: how, and the recovery codes when it set the app up."""

    welcome: Welcome
    methods: tuple[str, ...]
    recovery_codes: list[str] = field(repr=False)


class SecondFactorError(UnauthenticatedError):
    """The first factor was right; the sign-in goes on with the challenge in the problem."""

    code = "second-factor-required"
    title = "A code is needed"

    def __init__(self, challenge: Challenge) -> None:
        super().__init__(
            "Your sign-in asks for the code of your authenticator app.",
            hint="Send challenge and code to POST /auth/login/second-factor.",
        )
        self._challenge = challenge

    def problem(self, *, instance: str = "") -> dict[str, object]:
        """Describe the error with the challenge, which only who showed the first factor gets."""
        life_s = one_time.LIVES_S[self._challenge.purpose]
        body = super().problem(instance=instance)
        return {**body, "challenge": self._challenge.token, "expires_in": life_s}


class EnrolmentError(SecondFactorError):
    """The tenant asks everybody for a code, and this person has no app set up yet."""

    code = "second-factor-enrolment-required"
    title = "A second factor must be set up"

    def __init__(self, challenge: Challenge) -> None:
        super().__init__(challenge)
        self.detail = "A second factor is asked of you here, and you have none yet."
        self.hint = (
            "Send challenge to POST /auth/login/enrol, then challenge and code to"
            " POST /auth/login/second-factor."
        )


def enter(
    session: Session, account: SignIn, *, password: str, rules: TokenRules, device: Device
) -> Welcome | Challenge:
    """Sign a recognised account in, or say what else it must show.

    Raises RefusedError while its address must be verified first, UnauthenticatedError when its
    password was changed while this one was being checked.
    """
    renew_hash(session, account, password=password)
    own = account_store.find_account(session, account.user_id)
    today = own.password_hash if own else ""
    if own is None or (today != account.password_hash and not passwords.is_right(today, password)):
        raise UnauthenticatedError("The password has just been changed.", hint="Sign in again.")
    if own.must_verify:
        raise RefusedError(
            "This e-mail address has not been confirmed yet.",
            hint="Open the link in the mail we sent; POST /auth/verify/resend sends another.",
        )
    return enter_after(session, account.user_id, "password", rules=rules, device=device)


def enter_after(
    session: Session,
    user_id: UserId,
    first: FirstFactor,
    *,
    rules: TokenRules,
    device: Device,
    there: ProviderSession | None = None,
    has_both: bool = False,
) -> Welcome | Challenge:
    """Open the session of somebody who showed a first factor, or say what else must be shown.

    ``there`` says at which identity provider they did, if at one; ``has_both`` that it stands for
    the second factor as well, and is trusted for it.
    """
    assert session.tenant_id is not None, "people belong to a tenant"
    methods = [first, "mfa"] if has_both else [first]
    purpose = None if has_both else _asked(session, user_id, of_everybody=rules.asks_everybody)
    if purpose is not None:
        wanted = one_time.Wanted(user_id, purpose, after_method=first, there=there)
        return Challenge(purpose, one_time.make(session, session.tenant_id, wanted))
    return sessions.open_session(
        session, user_id, methods=methods, device=device, rules=rules, there=there
    )


def _asked(session: Session, user_id: UserId, *, of_everybody: bool) -> ChallengePurpose | None:
    if second_factor.is_on(session, user_id):
        return "second_factor"
    return "enrolment" if requires_second_factor(session, of_everybody=of_everybody) else None


def let_in(entered: Welcome | Challenge) -> Welcome:
    """Return what a sign-in hands out; raises SecondFactorError for a challenge, now it is kept."""
    if not isinstance(entered, Challenge):
        return entered
    if entered.purpose == "enrolment":
        raise EnrolmentError(entered)
    raise SecondFactorError(entered)


def who(session: Session, shown: opaque.Presented) -> tuple[UserId, ChallengePurpose]:
    """Tell whose challenge this is and what for; raises InvalidError when it does not count."""
    purposes: tuple[ChallengePurpose, ...] = ("second_factor", "enrolment")
    for purpose in purposes:
        found = account_store.find_one_time(session, shown.token_hash, purpose)
        if found is not None:
            return found.user_id, purpose
    raise one_time.spent()


def begin_enrolment(session: Session, seal: Seal, shown: opaque.Presented) -> Enrolment:
    """Give out a secret for a challenge that asks for one to be set up."""
    found = one_time.look(session, shown, "enrolment")
    user = find_user(session, found.user_id)
    if user is None:
        raise NotFoundError("There is no such user.")
    return second_factor.begin(session, seal, user.id, email=user.email)


def answer(
    session: Session,
    seal: Seal,
    shown: opaque.Presented,
    code: str,
    *,
    rules: TokenRules,
    device: Device,
) -> Entered:
    """Take the code a challenge asks for and open the session.

    Raises UnauthenticatedError for a wrong code; the challenge goes on counting then.
    """
    user_id, purpose = who(session, shown)
    if purpose == "enrolment":
        recovery = second_factor.confirm(session, seal, user_id, code)
        method = "totp"
    else:
        recovery = []
        method = second_factor.check(session, seal, user_id, code)
    taken = one_time.redeem(session, shown, purpose)
    methods = (taken.after_method, method)
    welcome = sessions.open_session(
        session,
        user_id,
        methods=methods,
        device=device,
        rules=rules,
        there=taken.there,
    )
    return Entered(welcome, methods, recovery)


def requires_second_factor(session: Session, *, of_everybody: bool) -> bool:
    """Tell whether everybody of the tenant is asked for a code.

    ``of_everybody`` says that this server asks everybody, whatever a tenant wants.
    """
    if of_everybody:
        return True
    policy = account_store.find_sign_in_policy(session)
    return policy is not None and policy.requires_second_factor


def change_policy(
    session: Session, principal: Principal, *, requires_second_factor: bool, of_everybody: bool
) -> None:
    """Ask every sign-in of the tenant for a code, or no longer.

    Raises RefusedError without tenant:manage, or to stop where this server asks everybody.
    """
    principal.require("tenant:manage")
    if of_everybody and not requires_second_factor:
        raise RefusedError(
            "This server asks everybody for a code.",
            hint="Whoever runs it decides that, by SECOND_FACTOR.",
        )
    account_store.record_sign_in_policy(session, requires_second_factor=requires_second_factor)
