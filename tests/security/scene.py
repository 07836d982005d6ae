"""Two tenants that hold the same texts, three people, and one thing of every kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID, uuid4

from infra.deploy.openapi import describe
from shared.adapters.database import Database
from shared.identity import service as identity
from shared.identity.model import Principal
from shared.kernel.ids import TenantId, UserId
from shared.wiring import App
from tests.functions.http_events import Answer
from tests.functions.pipeline import Pipeline
from tests.security.gateway import Route, minimal, routes, send

PASSWORD = "correct horse battery"
TEXT = """# Lindenstraße

Die Kündigungsfrist beträgt drei Monate zum Monatsende. Der Code lautet {canary}.

Die Miete beträgt 850 Euro im Monat. Haustiere sind nach Absprache erlaubt.
"""


@dataclass
class Side:
    """A tenant with its people: a mighty one, one who writes, and a second one who writes."""

    tenant: TenantId
    canary: str
    admin: Principal
    ada: Principal
    ben: Principal
    pipeline: Pipeline
    things: dict[str, str] = field(default_factory=dict)

    @property
    def secrets(self) -> set[str]:
        """What nobody else may ever be told: the canary and every id of the tenant's."""
        return {self.canary, str(self.tenant), *self.things.values()}


def settle(app: App, owner: Database, slug: str, canary: str) -> Side:
    """Make a tenant and its people."""
    with owner.system_transaction() as session:
        tenant, admin = identity.create_tenant(
            session,
            slug=slug,
            name=slug.title(),
            admin_email=f"amy@{slug}.example",
            admin_password=PASSWORD,
        )
    amy = Principal(tenant.id, admin.id, admin.email, "admin")
    ada, ben = (_add(app, amy, f"{name}@{slug}.example") for name in ("ada", "ben"))
    pipeline = Pipeline(app, tenant.id, user=ada.user_id)
    return Side(tenant.id, canary, amy, ada, ben, pipeline)


def _add(app: App, amy: Principal, email: str) -> Principal:
    with app.database.transaction(amy.tenant_id) as session:
        user = identity.add_user(
            session, amy, email=email, display_name=email, password=PASSWORD, role="editor"
        )
    return Principal(amy.tenant_id, user.id, user.email, user.role)


@dataclass
class Api:
    """Calls routes by key with the smallest body they allow, or with one that is given."""

    schemas: Mapping[str, Any]
    described: Mapping[str, Any]
    by_key: Mapping[str, Route]

    @classmethod
    def of_today(cls) -> Api:
        document = describe()
        return cls(
            document["components"]["schemas"], document["paths"], {one.key: one for one in routes()}
        )

    def body(self, route: Route) -> object:
        """Return the smallest body that the route's description allows."""
        operation = self.described[route.template.replace("+}", "}")][route.method.lower()]
        content = operation.get("requestBody", {}).get("content", {})
        if "application/json" not in content:
            return None
        return minimal(content["application/json"]["schema"], self.schemas)

    def query(self, route: Route) -> dict[str, str]:
        """Return the query parameters the route cannot do without."""
        operation = self.described[route.template.replace("+}", "}")][route.method.lower()]
        return {
            one["name"]: str(minimal(one["schema"], self.schemas, one["name"]))
            for one in operation.get("parameters", ())
            if one["in"] == "query" and one.get("required")
        }

    def call(
        self,
        key: str,
        principal: Principal | None,
        *,
        values: Mapping[str, object] | None = None,
        body: object = None,
        **request: Any,
    ) -> Answer:
        """Send a request; parameters of the path that nobody gave are ids of nothing."""
        route = self.by_key[key]
        given = dict.fromkeys(route.names, UUID(int=uuid4().int)) | dict(values or {})
        return send(
            route,
            route.path(given),
            principal=principal,
            body=self.body(route) if body is None else body,
            query=request.pop("query", None) or self.query(route),
            **request,
        )


def nobody_like(principal: Principal, *permissions: str) -> Principal:
    """The same person with these permissions only."""
    return replace(principal, permissions=frozenset(permissions))


def stranger() -> UserId:
    return UserId(UUID(int=uuid4().int))
