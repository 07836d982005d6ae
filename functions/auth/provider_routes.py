"""Routes of the tenant's identity providers, for who manages users."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Request

from functions.auth.addresses import backchannel_uri, redirect_uri
from functions.auth.oidc_schemas import ProviderAnswer, ProviderRequest, ProvidersAnswer
from functions.edge.http import Caller
from shared.adapters.database import Session
from shared.audit import service as audit
from shared.federation import providers
from shared.federation.model import Provider
from shared.identity.model import Principal
from shared.kernel.ids import new_id
from shared.wiring import app as wired

router = APIRouter(tags=["sign-in"])


@router.get("/api/v1/oidc/providers")
def list_providers(caller: Caller, request: Request) -> ProvidersAnswer:
    """List the tenant's identity providers."""
    with wired().database.transaction(caller.tenant_id) as session:
        found = providers.list_providers(session, caller)
    return ProvidersAnswer(items=[_shown(provider, request) for provider in found])


@router.post("/api/v1/oidc/providers", status_code=201)
def add_provider(body: ProviderRequest, caller: Caller, request: Request) -> ProviderAnswer:
    """Add an identity provider; it is asked for its discovery document first."""
    return _kept(body, caller, request, None)


@router.get("/api/v1/oidc/providers/{provider_id}")
def show_provider(provider_id: UUID, caller: Caller, request: Request) -> ProviderAnswer:
    """Show an identity provider."""
    with wired().database.transaction(caller.tenant_id) as session:
        return _shown(providers.find_provider(session, caller, provider_id), request)


@router.put("/api/v1/oidc/providers/{provider_id}")
def change_provider(
    provider_id: UUID, body: ProviderRequest, caller: Caller, request: Request
) -> ProviderAnswer:
    """Change an identity provider; what is left out gets its default, except the secret."""
    return _kept(body, caller, request, provider_id)


@router.delete("/api/v1/oidc/providers/{provider_id}", status_code=204)
def remove_provider(provider_id: UUID, caller: Caller) -> None:
    """Remove an identity provider and its secret; nobody signs in by it any more."""
    app = wired()
    with app.database.transaction(caller.tenant_id) as session:
        provider = providers.remove_provider(session, caller, provider_id)
        _record(session, caller, "provider.removed", provider)
        if provider.secret_name:
            app.secrets.remove(provider.secret_name)


def _kept(
    body: ProviderRequest, caller: Principal, request: Request, provider_id: UUID | None
) -> ProviderAnswer:
    app = wired()
    caller.require("users:manage")
    app.oidc_client.metadata(body.issuer)
    action = "provider.changed" if provider_id else "provider.added"
    with app.database.transaction(caller.tenant_id) as session:
        if provider_id is not None:
            providers.find_provider(session, caller, provider_id)
        chosen = provider_id or new_id()
        secret = None
        if body.client_secret is not None:
            secret = providers.secret_name(app.settings.stage, caller.tenant_id, chosen)
        provider = providers.keep_provider(
            session, caller, body.wanted(), provider_id=chosen, secret=secret
        )
        _record(session, caller, action, provider)
        if secret is not None and body.client_secret is not None:
            app.secrets.keep(secret, body.client_secret.get_secret_value())
    return _shown(provider, request)


def _shown(provider: Provider, request: Request) -> ProviderAnswer:
    app = wired()
    return ProviderAnswer.of(
        provider,
        redirect_uri=redirect_uri(app, request),
        backchannel_logout_uri=backchannel_uri(app, request, provider.id),
    )


def _record(session: Session, caller: Principal, action: str, provider: Provider) -> None:
    audit.record(
        session,
        actor_id=caller.user_id,
        action=action,
        subject=f"provider:{provider.id}",
        details={
            "name": provider.name,
            "issuer": provider.issuer,
            "trusted_domains": provider.trusted_domains,
            "group_roles": provider.group_roles,
            "default_role": provider.default_role,
            "makes_users": provider.makes_users,
            "trusts_second_factor": provider.trusts_second_factor,
            "second_factor_acr": provider.second_factor_acr,
            "max_age_s": provider.max_age_s,
            "takes_untyped_logout": provider.takes_untyped_logout,
        },
    )
