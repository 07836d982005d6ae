"""Fixtures of the access function: a tenant with accounts, and handlers called as any of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest

from shared.adapters.database import Database
from shared.identity.model import Principal
from shared.identity.service import add_user, create_tenant
from shared.kernel.context import working_on
from shared.kernel.ids import TenantId, UserId
from shared.wiring import App
from tests.functions.http_events import Answer, Handler, call
from tests.unit.documents.library import Office

PASSWORD = "correct horse battery"


@dataclass
class Firm:
    """Amy administers; Ada and Bob edit; Vic looks."""

    app: App
    tenant: TenantId
    people: dict[str, Principal] = field(default_factory=dict)

    def ask(self, who: str | None, method: str, path: str, **request: Any) -> Answer:
        from functions.access.handler import handler

        return self._send(handler, who, method, path, request)

    def shelves(self, who: str | None, method: str, path: str, **request: Any) -> Answer:
        from functions.documents.handler import handler

        return self._send(handler, who, method, path, request)

    def _send(
        self, handler: Handler, who: str | None, method: str, path: str, request: dict[str, Any]
    ) -> Answer:
        if who is not None:
            request["principal"] = self.people[who]
        return call(handler, method, path, **request)

    def put(self, who: str, content: bytes, folder: str = "", **fields: Any) -> UUID:
        """Put a document in as somebody, until it is completed."""
        person = self.people[who]
        office = Office(self.app.database, self.tenant, person.user_id)
        with working_on(correlation="t", tenant=str(self.tenant), viewer=person.viewer):
            upload = office.announce(folder=folder, **fields)
        del upload
        return office.put(content, folder=folder, **fields).document_id

    def folder(self, who: str, path: str) -> str:
        answer = self.shelves(who, "POST", "/api/v1/folders", body={"path": path})
        assert answer.status == 201
        return str(answer.body["id"])

    def sight(self, who: str) -> set[str]:
        answer = self.shelves(who, "GET", "/api/v1/documents")
        return {item["id"] for item in answer.body["items"]}


Ask = Callable[..., Answer]


@pytest.fixture
def firm(served: App, owner_url: str) -> Firm:
    owner = Database(owner_url)
    with owner.system_transaction() as session:
        tenant, amy = create_tenant(
            session,
            slug="acme",
            name="Acme",
            admin_email="amy@acme.example",
            admin_password=PASSWORD,
        )
    owner.close()
    made = Firm(served, tenant.id)
    admin = Principal(tenant.id, amy.id, amy.email, "admin", permissions=frozenset({"*"}))
    made.people["amy"] = admin
    for name, role in (("ada", "editor"), ("bob", "editor"), ("vic", "viewer")):
        with served.database.transaction(tenant.id) as session:
            user = add_user(
                session,
                admin,
                email=f"{name}@acme.example",
                display_name=name,
                password=PASSWORD,
                role=role,
            )
        made.people[name] = Principal(tenant.id, UserId(user.id), user.email, role)
    return made
