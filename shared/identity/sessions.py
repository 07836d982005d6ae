"""Sessions: one per sign-in, the family of its refresh tokens, ended at once wherever it is ended.

Every access token names its session and is checked against it. A refresh token counts once; its
second use ends the session, for then two people have it (RFC 9700, section 4.14.2). There is no
grace for tabs that renew at the same moment: a stolen token would have it too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from shared.adapters.database import Session
from shared.identity import account_store, api_keys, opaque, session_store, store, tokens
from shared.identity.keys import SigningKey
from shared.identity.model import Device, Principal, ProviderSession, User, Welcome
from shared.identity.rights import rights_of
from shared.kernel.clock import now
from shared.kernel.errors import NotFoundError, ProofError, RefusedError, UnauthenticatedError
from shared.kernel.ids import UserId, new_id
from shared.kernel.paging import Page, clamp_limit, decode_cursor, encode_cursor

_DAY_S = 24 * 3600
FRESH = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class TokenRules:
    """How tokens are issued: who signs, in whose name, for how long, in seconds.

    A session ends ``session_life_s`` after its sign-in, and ``session_idle_s`` after its last
    renewal. ``asks_everybody`` for a second factor, whatever a tenant's policy says.
    """

    key: SigningKey
    issuer: str
    life_s: int
    session_idle_s: int = 7 * _DAY_S
    session_life_s: int = 30 * _DAY_S
    asks_everybody: bool = False


@dataclass(frozen=True, slots=True)
class Theft:
    """A refresh token was used a second time; its session has been ended."""

    session_id: UUID
    user_id: UserId


def open_session(
    session: Session,
    user_id: UserId,
    *,
    methods: Sequence[str],
    device: Device,
    rules: TokenRules,
    there: ProviderSession | None = None,
) -> Welcome:
    """Sign somebody in whose every factor has been checked; returns both tokens.

    ``methods`` says how: ``password``, ``totp``, ``recovery_code``, ``oidc``; ``there`` at which
    identity provider. Raises UnauthenticatedError when the account was switched off in the
    meantime.
    """
    user = store.change_to_signed_in(session, user_id)
    if user is None:
        raise _not_active()
    session_id = new_id()
    session_store.record_session(
        session,
        session_id,
        user_id,
        expires_at=now() + timedelta(seconds=rules.session_life_s),
        device=device,
        methods=methods,
        there=there,
    )
    return _hand_out(session, user, session_id, now() + _life(rules), rules)


def renew(
    session: Session, shown: opaque.Presented, *, device: Device, rules: TokenRules
) -> Welcome | Theft:
    """Exchange a refresh token for new tokens of the same session.

    Raises UnauthenticatedError when it is unknown, expired or its session has ended. A second use
    ends the session and is answered, not raised, so that the ending commits.
    """
    session_id = session_store.change_to_used(session, shown.token_hash)
    if session_id is None:
        return _suspect(session, shown)
    lasting = session_store.change_to_seen(session, session_id, device)
    user = store.find_user(session, lasting.user_id) if lasting else None
    tenant = store.find_tenant(session)
    if lasting is None or user is None or not user.is_active:
        raise _over()
    if tenant is None or not tenant.is_active:
        raise _not_active()
    return _hand_out(session, user, session_id, lasting.expires_at, rules)


def list_sessions(
    session: Session, user_id: UserId, *, cursor: str | None, limit: int
) -> Page[session_store.UserSession]:
    """List where somebody is signed in, the latest first."""
    limit = clamp_limit(limit)
    before = UUID(decode_cursor(cursor, 1)[0]) if cursor else None
    found = session_store.list_sessions(session, user_id, before=before, limit=limit)
    return Page(found, encode_cursor(str(found[-1].id)) if len(found) == limit else None)


def end_session(session: Session, user_id: UserId, session_id: UUID, *, because: str) -> None:
    """End one session of somebody; raises NotFoundError when it is not theirs or over."""
    if not session_store.change_to_revoked(session, user_id, session_id, because=because):
        raise NotFoundError("There is no such session.")


def end_all(session: Session, user_id: UserId, *, because: str) -> int:
    """End every session of somebody and void every token, at once; returns how many ended.

    Sign-ins that still wait for a code are over too.
    """
    store.change_token_epoch(session, user_id)
    account_store.remove_one_time(session, user_id, "second_factor", "enrolment")
    return session_store.change_all_to_revoked(session, user_id, because=because)


def end_others(session: Session, principal: Principal, *, because: str) -> int:
    """End every session of the caller but the one the call rests on; returns how many ended."""
    account_store.remove_one_time(session, principal.user_id, "second_factor", "enrolment")
    return session_store.change_all_to_revoked(
        session, principal.user_id, because=because, but=principal.session_id
    )


def end_opened_at(
    session: Session, principal: Principal, provider_ids: Sequence[UUID], *, because: str
) -> int:
    """End what the caller opened at some providers, but not the session the call rests on."""
    return session_store.change_opened_there_to_revoked(
        session, principal.user_id, provider_ids, because=because, but=principal.session_id
    )


def find_opening(session: Session, principal: Principal) -> session_store.Opening:
    """Return when and where the caller's session was opened.

    Raises RefusedError for other credentials, UnauthenticatedError when it has ended.
    """
    if principal.credential != "session" or principal.session_id is None:
        raise RefusedError(
            "Only somebody who is signed in may do this, not a key or a link.",
            hint="Sign in: POST /auth/login.",
        )
    found = session_store.find_opening(session, principal.user_id, principal.session_id)
    if found is None:
        raise _over()
    return found


def require_proof(
    session: Session, principal: Principal, *, has_shown: bool, needs_code: bool, what: str
) -> None:
    """Go on only with somebody who has just signed in, or shows their secrets with the request.

    ``what`` says what for. Raises ProofError saying what to show, RefusedError for a key or a
    link's visitor, UnauthenticatedError when the session has ended.
    """
    opening = find_opening(session, principal)
    if has_shown or now() - opening.created_at <= FRESH:
        return
    wanted = ["password", *(["code"] if needs_code else [])]
    named = " and ".join(wanted)
    raise ProofError(
        f"{what}: show your {named} once more.",
        hint=f"Send {named} with the request, or sign in again and ask within 10 minutes.",
        fields=dict.fromkeys(wanted, "needed"),
    )


def check_alive(session: Session, principal: Principal) -> Principal:
    """Return the caller with today's rights; for connections that outlive a request.

    Raises UnauthenticatedError when what the call rests on has ended.
    """
    if principal.credential == "key":
        return api_keys.as_of_now(session, principal)
    if principal.credential != "session" or principal.session_id is None:
        return principal
    bearer = store.find_bearer(session, principal.user_id, principal.session_id)
    if bearer is None or not bearer.is_active or not bearer.is_signed_in:
        raise _over()
    return replace(principal, role=bearer.role, permissions=frozenset(bearer.permissions))


def remove_ended(session: Session) -> int:
    """Forget sessions that ended more than a month ago; returns how many."""
    return session_store.remove_ended_sessions(session)


def _hand_out(
    session: Session, user: User, session_id: UUID, ends_at: datetime, rules: TokenRules
) -> Welcome:
    """Issue an access token and the next refresh token of a session that ends at ``ends_at``."""
    tenant = store.find_tenant(session)
    if tenant is None:
        raise NotFoundError("There is no such tenant.")
    claims = tokens.Claims(
        tenant_id=tenant.id,
        user_id=user.id,
        email=user.email,
        role=user.role,
        epoch=user.token_epoch,
        session_id=session_id,
        scopes=tuple(sorted(rights_of(session, user.role))),
    )
    refresh = opaque.make("refresh", tenant.id)
    until = min(ends_at, now() + timedelta(seconds=rules.session_idle_s))
    session_store.record_refresh_token(
        session, opaque.hash_of(refresh), session_id, expires_at=until
    )
    return Welcome(
        access_token=tokens.issue(claims, rules.key, issuer=rules.issuer, life_s=rules.life_s),
        expires_in_s=rules.life_s,
        refresh_token=refresh,
        refresh_until=until,
        session_id=session_id,
        user=user,
        tenant=tenant,
    )


def _suspect(session: Session, shown: opaque.Presented) -> Theft:
    known = session_store.find_refresh_token(session, shown.token_hash)
    if known is None or known.used_at is None:
        raise _over()
    session_store.change_to_revoked(
        session, known.user_id, known.session_id, because="a refresh token was used twice"
    )
    return Theft(known.session_id, known.user_id)


def _life(rules: TokenRules) -> timedelta:
    return timedelta(seconds=rules.session_life_s)


def _over() -> UnauthenticatedError:
    return UnauthenticatedError("This session has ended.", hint="Sign in again.")


def _not_active() -> UnauthenticatedError:
    return UnauthenticatedError(
        "This account is not active.", hint="Ask an administrator of your tenant."
    )
