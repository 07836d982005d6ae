"""The tenant's identity providers, as its administrators keep them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from shared.access import groups
from shared.adapters.database import Session
from shared.federation import store
from shared.federation.model import CLAIMS, Provider
from shared.identity.model import PERMISSIONS, Principal, beyond
from shared.identity.rights import require_grantable
from shared.kernel.clock import now
from shared.kernel.errors import ConflictError, InvalidError, NotFoundError, RefusedError
from shared.kernel.ids import TenantId

MOST_PROVIDERS: Final = 20
MAX_AGE_S: Final = 365 * 24 * 3600
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_DOMAIN = re.compile(r"(?!-)[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})+")
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,200}")  # RFC 6749, section 3.3


@dataclass(frozen=True, slots=True)
class Wanted:
    """A provider as an administrator describes it."""

    name: str
    title: str
    issuer: str
    client_id: str
    scopes: Sequence[str] = ("openid", "email", "profile")
    claims: Mapping[str, str] | None = None
    allowed_domains: Sequence[str] = ()
    trusted_domains: Sequence[str] = ()
    group_roles: Mapping[str, str] | None = None
    group_groups: Mapping[str, str] | None = None
    default_role: str = "viewer"
    makes_users: bool = False
    trusts_second_factor: bool = False
    second_factor_acr: Sequence[str] = ()
    max_age_s: int | None = None
    takes_untyped_logout: bool = False
    is_active: bool = True


def secret_name(stage: str, tenant_id: TenantId, provider_id: UUID) -> str:
    """Return the name of the secret that holds the client's secret at a provider."""
    return f"kontor-{stage}-oidc-{tenant_id}-{provider_id}"


def list_providers(session: Session, caller: Principal) -> list[Provider]:
    """List the tenant's providers; raises RefusedError without users:manage."""
    caller.require("users:manage")
    return store.list_providers(session)


def find_provider(session: Session, caller: Principal, provider_id: UUID) -> Provider:
    """Return a provider; raises NotFoundError."""
    caller.require("users:manage")
    found = store.find_provider(session, provider_id)
    if found is None:
        raise NotFoundError("There is no such identity provider.")
    return found


def keep_provider(
    session: Session,
    caller: Principal,
    wanted: Wanted,
    *,
    provider_id: UUID,
    secret: str | None,
) -> Provider:
    """Add a provider under a new id, or change the one of an id that is known.

    ``secret`` names the secret just given; ``None`` keeps the one there is, unless the issuer or
    the client is another: a secret never goes to a place it was not given for. Raises
    RefusedError for roles beyond the caller's own, InvalidError, ConflictError for a taken name.
    """
    _require_person(caller)
    _check(wanted)
    for role in sorted({wanted.default_role, *(wanted.group_roles or {}).values()}):
        require_grantable(session, caller, role)
    known = store.find_provider(session, provider_id)
    _require_reach(session, caller, wanted, known)
    listed = store.list_providers(session)
    if known is None and len(listed) >= MOST_PROVIDERS:
        raise ConflictError(f"There are {MOST_PROVIDERS} identity providers already.")
    if any(each.name == wanted.name and each.id != provider_id for each in listed):
        raise ConflictError(
            f"There is an identity provider {wanted.name} already.", hint="Choose another name."
        )
    provider = _built(wanted, known, provider_id)
    if secret is not None:
        provider = replace(provider, secret_name=secret)
    store.record_provider(session, provider)
    return find_provider(session, caller, provider.id)


def remove_provider(session: Session, caller: Principal, provider_id: UUID) -> Provider:
    """Remove a provider; nobody signs in by it any more. Raises NotFoundError."""
    _require_person(caller)
    provider = find_provider(session, caller, provider_id)
    store.remove_provider(session, provider_id)
    return provider


def _built(wanted: Wanted, known: Provider | None, provider_id: UUID) -> Provider:
    keeps_secret = known is not None and (known.issuer, known.client_id) == (
        wanted.issuer,
        wanted.client_id,
    )
    moment = now()
    return Provider(
        id=provider_id,
        name=wanted.name,
        title=wanted.title.strip(),
        issuer=wanted.issuer,
        client_id=wanted.client_id,
        secret_name=known.secret_name if known is not None and keeps_secret else "",
        scopes=list(dict.fromkeys(("openid", *wanted.scopes))),
        claims={**CLAIMS, **(wanted.claims or {})},
        allowed_domains=sorted({each.lower() for each in wanted.allowed_domains}),
        trusted_domains=sorted({each.lower() for each in wanted.trusted_domains}),
        group_roles=dict(wanted.group_roles or {}),
        group_groups=dict(wanted.group_groups or {}),
        default_role=wanted.default_role,
        makes_users=wanted.makes_users,
        trusts_second_factor=wanted.trusts_second_factor,
        second_factor_acr=list(dict.fromkeys(wanted.second_factor_acr)),
        max_age_s=wanted.max_age_s,
        takes_untyped_logout=wanted.takes_untyped_logout,
        is_active=wanted.is_active,
        created_at=moment,
        updated_at=moment,
    )


def _check(wanted: Wanted) -> None:
    fields: dict[str, str] = {}
    if not _NAME.fullmatch(wanted.name):
        fields["name"] = "a-z, 0-9 and hyphens, at most 63"
    if not wanted.title.strip() or not wanted.title.isprintable():
        fields["title"] = "printable characters"
    if not wanted.client_id.isprintable() or not wanted.client_id.isascii():
        fields["client_id"] = "as the provider gave it"
    if not all(_SCOPE.fullmatch(each) for each in wanted.scopes):
        fields["scopes"] = "words without spaces"
    if set(wanted.claims or {}) - set(CLAIMS):
        fields["claims"] = f"only {', '.join(CLAIMS)}"
    for name in ("allowed_domains", "trusted_domains"):
        if not all(_DOMAIN.fullmatch(each.lower()) for each in getattr(wanted, name)):
            fields[name] = "like example.org"
    fields |= _wrong_of_the_sign_in(wanted)
    if fields:
        raise InvalidError(
            f"The identity provider is not valid: {', '.join(fields)}.",
            hint="Correct what is listed.",
            fields=fields,
        )


def _wrong_of_the_sign_in(wanted: Wanted) -> dict[str, str]:
    """Say what is wrong with what a sign-in at the provider must show."""
    fields = {}
    if not all(_SCOPE.fullmatch(each) for each in wanted.second_factor_acr):
        fields["second_factor_acr"] = "values of acr, without spaces"
    elif wanted.second_factor_acr and not wanted.trusts_second_factor:
        fields["second_factor_acr"] = "only with trusts_second_factor"
    if wanted.max_age_s is not None and not 0 <= wanted.max_age_s <= MAX_AGE_S:
        fields["max_age_s"] = f"seconds, 0 to {MAX_AGE_S}"
    return fields


def _require_person(caller: Principal) -> None:
    if caller.credential != "session":
        raise RefusedError(
            "A key cannot decide who signs in.", hint="Sign in with `kontor login` yourself."
        )
    caller.require("users:manage")


def _require_reach(
    session: Session, caller: Principal, wanted: Wanted, known: Provider | None
) -> None:
    """Who lets a provider speak for accounts that are there lets it speak for the mightiest.

    That holds for one that is trusted so far as well: what it says of their roles would change.
    """
    if wanted.group_groups:
        groups.require_say_over(session, caller, list(wanted.group_groups.values()))
    if wanted.trusts_second_factor:
        # Whoever may say that our codes are not asked for: entering.change_policy.
        caller.require("tenant:manage")
    is_trusted = bool(wanted.trusted_domains or (known is not None and known.trusted_domains))
    lacking = beyond(caller.held, PERMISSIONS) if is_trusted else []
    if lacking:
        raise RefusedError(
            "A trusted provider may sign in as anybody of its domains, and so may do more than "
            f"you: {', '.join(lacking)}.",
            hint="Ask somebody who holds every permission.",
        )
