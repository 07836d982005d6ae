"""Sign-in at other people's identity providers: OpenID Connect, authorization code with PKCE.

An account belongs to (issuer, subject). An e-mail address joins somebody to an account that is
there already only when the provider has verified it and an administrator trusts the provider for
its domain; otherwise whoever owns a provider could become anybody. Somebody who is invited comes in
by any provider of the tenant that has verified the invited address.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal
from uuid import UUID

from shared.access import vouched
from shared.adapters.database import Database, Session
from shared.federation import store
from shared.federation.client import Metadata, OidcClient
from shared.federation.model import (
    Flow,
    Foreigner,
    Identity,
    KnownIdentity,
    Linker,
    Provider,
    ProviderLink,
)
from shared.identity import foreign, opaque
from shared.identity.model import PERMISSIONS, allows
from shared.identity.rights import is_role, rights_of
from shared.joining import arriving
from shared.joining.arriving import Held
from shared.joining.model import Joined
from shared.kernel.errors import (
    ConflictError,
    NotFoundError,
    RefusedError,
    UnauthenticatedError,
)
from shared.kernel.ids import UserId

FLOW_LIFE_S: Final = 600
_MAX_NAME: Final = 200
_MAX_EMAIL: Final = 254  # RFC 5321, section 4.5.3.1.3, less the angle brackets


@dataclass(frozen=True, slots=True)
class Departure:
    """Where a browser goes, and the cookie by which it is known when it comes back."""

    url: str
    cookie_name: str
    cookie: str

    def __repr__(self) -> str:
        return f"Departure({self.cookie_name})"


@dataclass(frozen=True, slots=True)
class Arrived:
    """Who came back: the account, how it was found, and what its groups there changed here.

    ``invited`` tells of the invitation that was used up.
    """

    user_id: UserId
    how: Literal["known", "joined", "made", "invited"]
    new_role: str | None = None
    groups: tuple[str, ...] = ()
    invited: Joined | None = None


def list_links(database: Database, *, tenant_slug: str) -> list[ProviderLink]:
    """List where people of a tenant may sign in; nothing for a tenant that is not there."""
    with database.system_transaction() as session:
        return store.list_provider_links(session, tenant_slug=tenant_slug, provider_id=None)


def find_link(database: Database, provider_id: UUID) -> ProviderLink:
    """Find an active provider in any tenant; raises NotFoundError."""
    with database.system_transaction() as session:
        found = store.list_provider_links(session, tenant_slug=None, provider_id=provider_id)
    if not found:
        raise NotFoundError("There is no such identity provider.")
    return found[0]


def depart(
    session: Session,
    client: OidcClient,
    provider_id: UUID,
    *,
    redirect_uri: str,
    return_to: str,
    challenge: str,
    linker: Linker | None = None,
) -> Departure:
    """Begin a sign-in, or a ``linker``'s joining of an account.

    State, nonce and PKCE are made here and kept until the browser is back.
    """
    assert session.tenant_id is not None, "providers belong to a tenant"
    provider = _active(store.find_provider(session, provider_id))
    state, cookie = opaque.make("state", session.tenant_id), secrets.token_urlsafe(32)
    flow = Flow(
        provider_id=provider.id,
        cookie_hash=opaque.hash_of(cookie),
        nonce=secrets.token_urlsafe(32),
        code_verifier=secrets.token_urlsafe(48),
        return_to=return_to,
        challenge=challenge,
        link_user_id=linker.user_id if linker else None,
        link_session_id=linker.session_id if linker else None,
    )
    url = client.authorization_url(
        provider,
        state=state,
        nonce=flow.nonce,
        code_verifier=flow.code_verifier,
        redirect_uri=redirect_uri,
    )
    store.remove_old_flows(session)
    store.record_flow(session, flow, state_hash=opaque.hash_of(state), life_s=FLOW_LIFE_S)
    return Departure(url, cookie_name(state), cookie)


def require_provider(session: Session, provider_id: UUID) -> Provider:
    """Return an active provider; raises NotFoundError."""
    return _active(store.find_provider(session, provider_id))


def cookie_name(state: str) -> str:
    """Name a sign-in's cookie, so that two tabs do not take each other's."""
    return f"kontor_oidc_{opaque.hash_of(state).hex()[:16]}"


def come_back(session: Session, shown: opaque.Presented, *, cookie: str) -> tuple[Flow, Provider]:
    """Take the sign-in that a state and this browser's cookie name; it counts once.

    Raises UnauthenticatedError when there is none, or the browser is another: a link that
    somebody else began must not sign this browser in.
    """
    flow = store.take_flow(session, shown.token_hash, opaque.hash_of(cookie))
    if flow is None:
        raise UnauthenticatedError(
            "This sign-in is over, or was begun in another browser.", hint="Begin again."
        )
    return flow, _active(store.find_provider(session, flow.provider_id))


def check_sender(known: Metadata, issuer: str | None) -> None:
    """Make sure that the answer comes from the provider that was asked (RFC 9207)."""
    if (issuer is None and known.names_itself) or (issuer is not None and issuer != known.issuer):
        raise UnauthenticatedError(
            "The answer comes from another identity provider than the one asked.",
            hint="Begin again.",
        )


def welcome(session: Session, provider: Provider, foreigner: Foreigner) -> Arrived:
    """Find, join or make the account of somebody a provider vouches for; its role follows.

    Raises RefusedError for who may not come in, ConflictError when the address belongs to an
    account that must not be joined by it.
    """
    check_domain(provider, foreigner)
    held = None
    known = store.find_identity(session, foreigner.issuer, foreigner.subject)
    if known is None and _is_vouched(foreigner):
        # Whoever is invited and comes twice at once waits here, and is known after that.
        held = arriving.hold(session, foreigner.email)
        known = store.find_identity(session, foreigner.issuer, foreigner.subject)
    arrived = (
        _known(session, provider, foreigner, known)
        if known is not None
        else _new(session, provider, foreigner, held)
    )
    groups = _joined_groups(session, provider, foreigner, arrived.user_id)
    return replace(arrived, groups=groups)


def _known(session: Session, provider: Provider, foreigner: Foreigner, known: Identity) -> Arrived:
    if not foreign.is_active(session, known.user_id):
        raise _not_active()
    store.change_identity_used(session, foreigner)
    role = _role_of(session, provider, foreigner.groups)
    return Arrived(known.user_id, "known", _followed(session, provider, known, role))


def _new(session: Session, provider: Provider, foreigner: Foreigner, held: Held | None) -> Arrived:
    """Join somebody to the account of their address, where that may be, or make one."""
    role = _role_of(session, provider, foreigner.groups)
    same = foreign.find_by_address(session, foreigner.email) if foreigner.email else None
    if same is None and held is not None:
        return _invited(session, foreigner, held, role)
    if same is None:
        user_id = _make_user(session, provider, foreigner, role or provider.default_role)
        store.record_identity(session, foreigner, user_id, made_user=True)
        return Arrived(user_id, "made")
    if not _may_join(provider, foreigner) or same.kind != "person":
        raise ConflictError(
            "An account here has this e-mail address already, and it is not joined to this "
            "identity provider.",
            hint="Sign in as before, or ask an administrator to trust the provider.",
        )
    if not same.is_active:
        raise _not_active()
    store.record_identity(session, foreigner, same.id, made_user=False)
    joined = Identity(same.id, made_user=False)
    return Arrived(same.id, "joined", _followed(session, provider, joined, role))


def _invited(session: Session, foreigner: Foreigner, held: Held, role: str | None) -> Arrived:
    """Make the account that an invitation allows, whether or not the provider makes accounts.

    The role is what the provider's groups mean, and follows them then; else the invitation's, and
    no default ever takes that away.
    """
    joined = arriving.accept(
        session, held, display_name=_shown_name(foreigner), role=role or held.invitation.role
    )
    store.record_identity(session, foreigner, joined.user.id, made_user=role is not None)
    return Arrived(joined.user.id, "invited", invited=joined)


def list_identities(session: Session, user_id: UserId) -> list[KnownIdentity]:
    """List who a person is at identity providers."""
    return store.list_identities(session, user_id)


def _make_user(session: Session, provider: Provider, foreigner: Foreigner, role: str) -> UserId:
    if not provider.makes_users:
        raise RefusedError(
            "You have no account here.", hint="Ask an administrator of the tenant for one."
        )
    if not _is_vouched(foreigner):
        raise RefusedError(
            "The identity provider does not vouch for your e-mail address.",
            hint="Verify it there, or ask an administrator which claim says so.",
        )
    if not is_role(session, role):
        raise RefusedError(
            f"New people are to get the role {role}, which is gone.",
            hint="Ask an administrator of the tenant to give the provider another role.",
        )
    return foreign.add_vouched(
        session, email=foreigner.email, display_name=_shown_name(foreigner), role=role
    )


def _shown_name(foreigner: Foreigner) -> str:
    shown = "".join(sign for sign in foreigner.name if sign.isprintable())[:_MAX_NAME]
    return shown or foreigner.email.partition("@")[0][:_MAX_NAME]


def _is_vouched(foreigner: Foreigner) -> bool:
    return foreigner.is_email_verified and "@" in foreigner.email


def _followed(
    session: Session, provider: Provider, identity: Identity, role: str | None
) -> str | None:
    """Give the role that the groups mean; without one, only accounts made here fall back.

    Of an account that was there before, only a trusted provider says what it may: joined by hand,
    another one tells who somebody is, and whoever keeps it may be less than they are.
    """
    if not identity.made_user and not provider.trusted_domains:
        return None
    wanted = role
    if wanted is None and identity.made_user and provider.group_roles:
        wanted = provider.default_role
    if wanted is None or not vouched.follow_role(session, identity.user_id, wanted):
        return None
    return wanted


def _role_of(session: Session, provider: Provider, groups: Sequence[str]) -> str | None:
    """Return the mightiest role that a person's groups mean; ``None`` when they mean none."""
    meant = {provider.group_roles[group] for group in groups if group in provider.group_roles}
    ranked = [(_might(session, role), role) for role in sorted(meant)]
    return max((each for each in ranked if each[0]), default=(0, None))[1]


def _might(session: Session, role: str) -> int:
    """Count what a role of today allows; 0 for one that was removed since it was mapped."""
    if not is_role(session, role):
        return 0
    held = rights_of(session, role)
    return sum(allows(held, permission) for permission in PERMISSIONS)


def _joined_groups(
    session: Session, provider: Provider, foreigner: Foreigner, user_id: UserId
) -> tuple[str, ...]:
    mapped = provider.group_groups
    if not mapped:
        return ()
    wanted = {mapped[group] for group in foreigner.groups if group in mapped}
    known = set(mapped.values())
    return tuple(vouched.follow_groups(session, user_id, wanted=wanted, known=known))


def check_domain(provider: Provider, foreigner: Foreigner) -> None:
    """Go on only with somebody whose address may come by this provider; raises RefusedError."""
    if len(foreigner.email) > _MAX_EMAIL or not foreigner.email.isprintable():
        raise RefusedError("The identity provider sends an e-mail address that is none.")
    if not provider.allowed_domains:
        return
    if not foreigner.is_email_verified or foreigner.domain not in provider.allowed_domains:
        raise RefusedError(
            "People with your e-mail address may not sign in by this provider.",
            hint="Ask an administrator of the tenant.",
        )


def _may_join(provider: Provider, foreigner: Foreigner) -> bool:
    return foreigner.is_email_verified and foreigner.domain in provider.trusted_domains


def _active(provider: Provider | None) -> Provider:
    if provider is None or not provider.is_active:
        raise NotFoundError("There is no such identity provider.")
    return provider


def _not_active() -> UnauthenticatedError:
    return UnauthenticatedError(
        "This account is not active.", hint="Ask an administrator of your tenant."
    )
