"""Two tenants that hold the same texts, three people, and one thing of every kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID, uuid4

import psycopg

from shared.adapters.database import Database
from shared.identity import service as identity
from shared.identity.keys import ensure_signing_key
from shared.identity.model import Principal
from shared.identity.sealing import ensure_seal
from shared.kernel.ids import TenantId
from shared.wiring import App
from tests.describing import described
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


@dataclass
class Scene:
    """The API with two tenants behind it."""

    api: Api
    acme: Side
    globex: Side


def stage(app: App, owner_url: str) -> Scene:
    """Make both tenants and their people, and the secrets that accounts rest on; things later."""
    owner = Database(owner_url)
    acme, globex = (
        settle(app, owner, slug, canary)
        for slug, canary in (("acme", "ZIMTSTERN"), ("globex", "BLAUWAL"))
    )
    with owner.system_transaction() as session:
        ensure_signing_key(session, app.secrets, app.settings.signing_secret)
    owner.close()
    ensure_seal(app.secrets, app.settings.identity_secret)
    with psycopg.connect(owner_url) as connection:
        connection.execute("UPDATE kontor.tenants SET plan = 'own'")
    return Scene(Api.of_today(), acme, globex)


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
    ada, ben = (add_person(app, amy, f"{name}@{slug}.example") for name in ("ada", "ben"))
    pipeline = Pipeline(app, tenant.id, user=ada.user_id)
    return Side(tenant.id, canary, amy, ada, ben, pipeline)


def add_person(app: App, amy: Principal, email: str) -> Principal:
    """Make somebody who writes."""
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
        document = described()
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
            if one.get("in") == "query" and one.get("required")
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


BODIES: Mapping[str, object] = {
    "POST /api/v1/chat": {"question": "Wie lautet der Code?"},
    "POST /api/v1/search": {"query": "Code Kündigungsfrist"},
    "POST /api/v1/folders": {"path": "Verträge/2026"},
    "POST /api/v1/agents/runs": {"task": "Wie viel sind 2 + 2?"},
    "POST /api/v1/keys": {"name": "a program", "scopes": ["search"]},
    "POST /api/v1/shares": {"document_id": "00000000-0000-7000-8000-000000000000"},
    "PUT /api/v1/settings/conversations": {"keep_days": 0},
    "POST /api/v1/webhooks": {"url": "https://example.org/hook", "events": ["document.completed"]},
}
"""Bodies that say more than the smallest one would."""


def fill(api: Api, side: Side, *, mark: str = "") -> None:
    """Put one thing of every kind into a tenant, through the routes that make them.

    A ``mark`` in their names tells the things of one call from those of another.
    """
    text = TEXT.format(canary=side.canary) + mark
    things = side.things
    things["document_id"] = str(side.pipeline.put(text, f"lease{mark}.md"))

    def made(key: str, name: str, *, by: Principal = side.ada, **request: Any) -> dict[str, Any]:
        answer = api.call(key, by, body=request.pop("body", BODIES.get(key)), **request)
        assert answer.status in {200, 201}, (key, answer.status, answer.body)
        assert isinstance(answer.body, dict)
        things[name] = str(answer.body.get("id", ""))
        return answer.body

    made("POST /api/v1/folders", "folder_id", body={"path": f"Verträge/2026{mark}"})
    made("POST /api/v1/collections", "collection_id", body={"name": f"Board{mark}"})
    search = {"name": f"Codes{mark}", "query": side.canary}
    made("POST /api/v1/searches", "search_id", body=search)
    made("POST /api/v1/agents/runs", "run_id")
    asked = made("POST /api/v1/chat", "conversation_id")
    things["conversation_id"] = asked["conversation_id"]
    things["message_id"] = asked["message_id"]
    things["citation_id"] = asked["citations"][0]["id"]
    listed = api.call("GET /api/v1/documents", side.ada).body["items"]
    things["job_id"] = listed[0]["job_id"]
    made("POST /api/v1/groups", "group_id", by=side.admin, body={"name": f"Law{mark}"})
    things["user_id"] = str(side.ben.user_id)
    share = {"document_id": things["document_id"]}
    made("POST /api/v1/shares", "share_id", body=share)
    made("POST /api/v1/keys", "key_id")
    made("POST /api/v1/webhooks", "endpoint_id", by=side.admin)
    made("POST /api/v1/webhook-sources", "source_id", by=side.admin)


FIXED: Mapping[str, str] = {
    "number": "1",
    "page": "1",
    "scope": "user",
    "period": "day",
    "name": "editor",
    "subject": "everyone",
    "purpose": "invitation",
    "token": "none",
}
"""Parameters of paths that are no ids."""
UNMADE: Mapping[str, str] = {
    "session_id": "made by signing in: tests/unit/identity/test_sessions.py",
    "provider_id": "needs a provider that answers: tests/functions/auth/test_oidc.py",
    "invitation_id": "needs the secret that seals mails: tests/functions/auth",
    "letter_id": "needs a failed upload: tests/functions/dead_letters",
    "reprocessing_id": "needs a state machine: tests/functions/reprocess",
    "task_id": "needs a queue: tests/functions/tenants",
}
"""Ids of which the scene has none, and where strangers are kept from them."""
