"""What `kontor new` writes: the first working version of a function, a room or a migration.

A blueprint is complete: it passes the guards, does one true thing, and its test fails when it
does not. ``@name@`` and its kin are replaced; braces stay what they are in Python and YAML.
"""

from __future__ import annotations

HTTP_FUNCTION = {
    "functions/@name@/__init__.py": '"""HTTP: @sentence@"""\n',
    "functions/@name@/handler.py": '''\
"""The Lambda entry of @name@."""

from __future__ import annotations

from functions.@name@.routes import router
from functions.edge.http import lambda_handler, make_app

app = make_app("@Title@")
app.include_router(router)
handler = lambda_handler(app)
''',
    "functions/@name@/routes.py": '''\
"""Routes of @name@."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel

from functions.edge.http import Caller

router = APIRouter(tags=["@name@"])


class Whose(BaseModel):
    """Whose @name@ the caller sees."""

    tenant_id: UUID


@router.get("/api/v1/@name@")
def show_@name@(caller: Caller) -> Whose:
    """Tell whose @name@ these are; services of shared/ are called here."""
    caller.require("documents:read")
    return Whose(tenant_id=caller.tenant_id)
''',
    "functions/@name@/function.yml": """# @sentence@
handler: functions.@name@.handler.handler
timeout: 10
memorySize: 512
reservedConcurrency: 2
layers: [!Ref CoreLambdaLayer, !Ref HttpLambdaLayer]
events:
  - httpApi: {method: GET, path: "/api/v1/@name@", authorizer: {name: token}}
iamRoleStatements:
  - Effect: Allow
    Action: ["secretsmanager:GetSecretValue"]
    Resource: !Ref DatabaseSecret
""",
    "tests/functions/@name@/test_@name@.py": '''\
"""The @name@ function answers its caller, and nobody without a token."""

from __future__ import annotations

from functions.@name@.handler import handler
from shared.identity.model import Principal
from shared.kernel.ids import TenantId, UserId, new_id
from tests.functions.http_events import call

CALLER = Principal(TenantId(new_id()), UserId(new_id()), "ada@acme.example", "viewer")


def test_the_caller_sees_the_own_tenant() -> None:
    answer = call(handler, "GET", "/api/v1/@name@", principal=CALLER)
    assert (answer.status, answer.body) == (200, {"tenant_id": str(CALLER.tenant_id)})


def test_nobody_is_refused() -> None:
    assert call(handler, "GET", "/api/v1/@name@").status == 401
''',
}

ROOM = {
    "shared/@name@/__init__.py": '''\
"""@Title@: @sentence@

Promises: nobody sees or changes another tenant's @items@.
"""
''',
    "shared/@name@/model.py": '''\
"""What this room knows: a @item@ and its rules."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NewType
from uuid import UUID

from shared.kernel.errors import InvalidError

@Item@Id = NewType("@Item@Id", UUID)
MAX_TITLE = 200


@dataclass(frozen=True, slots=True)
class @Item@:
    """One @item@ of the tenant."""

    id: @Item@Id
    title: str
    created_at: datetime


def clean_title(title: str) -> str:
    """Return a title without spaces around it. Raises InvalidError for an empty or long one."""
    cleaned = title.strip()
    if not cleaned or len(cleaned) > MAX_TITLE:
        raise InvalidError(
            f"A title has 1 to {MAX_TITLE} characters.",
            hint="Write a shorter one, or one at all.",
            fields={"title": f"1 to {MAX_TITLE} characters"},
        )
    return cleaned
''',
    "shared/@name@/service.py": '''\
"""Use cases of @name@; the session is passed in, so they commit with what the caller does."""

from __future__ import annotations

from uuid import UUID

from shared.@name@ import store
from shared.@name@.events import @Item@Kept
from shared.@name@.model import @Item@, @Item@Id, clean_title
from shared.adapters.database import Session
from shared.adapters.outbox import announce
from shared.kernel.errors import NotFoundError
from shared.kernel.ids import new_id
from shared.kernel.paging import Page, clamp_limit, decode_cursor, encode_cursor


def keep(session: Session, title: str) -> @Item@:
    """Keep a new @item@ and announce it. Raises InvalidError for a bad title."""
    kept = store.record_@item@(session, @Item@Id(new_id()), title=clean_title(title))
    assert session.tenant_id is not None
    announce(session, @Item@Kept(tenant_id=session.tenant_id, @item@_id=kept.id))
    return kept


def find(session: Session, @item@_id: @Item@Id) -> @Item@:
    """Return a @item@. Raises NotFoundError when it is not there or not yours."""
    found = store.find_@item@(session, @item@_id)
    if found is None:
        raise NotFoundError("There is no such @item@.")
    return found


def list_@items@(session: Session, *, cursor: str | None = None, limit: int = 50) -> Page[@Item@]:
    """List @items@, newest first."""
    before = @Item@Id(UUID(decode_cursor(cursor, 1)[0])) if cursor else None
    limit = clamp_limit(limit)
    found = store.list_@items@(session, before=before, limit=limit)
    return Page(found, encode_cursor(str(found[-1].id)) if len(found) == limit else None)
''',
    "shared/@name@/store.py": '''\
"""The rows of @name@, one typed function per query."""

from __future__ import annotations

from shared.@name@.model import @Item@, @Item@Id
from shared.adapters.database import Session
from shared.adapters.queries import load_queries

QUERIES = load_queries("shared.@name@")


def record_@item@(session: Session, @item@_id: @Item@Id, *, title: str) -> @Item@:
    """Insert a @item@."""
    return session.get(QUERIES["record_@item@"], @Item@, {"id": @item@_id, "title": title})


def find_@item@(session: Session, @item@_id: @Item@Id) -> @Item@ | None:
    """Read one @item@."""
    return session.find(QUERIES["find_@item@"], @Item@, {"id": @item@_id})


def list_@items@(session: Session, *, before: @Item@Id | None, limit: int) -> list[@Item@]:
    """List @items@, newest first, from before ``before`` on."""
    return session.all(QUERIES["list_@items@"], @Item@, {"before": before, "limit": limit})
''',
    "shared/@name@/queries.sql": """-- :name record_@item@ :one @Item@
-- Ids are made by the caller and grow with time.
INSERT INTO kontor.@items@ (tenant_id, id, title)
VALUES (%(tenant_id)s, %(id)s, %(title)s)
RETURNING id, title, created_at;

-- :name find_@item@ :one @Item@
-- Another tenant's @item@ is not there.
SELECT id, title, created_at
FROM kontor.@items@
WHERE tenant_id = %(tenant_id)s AND id = %(id)s;

-- :name list_@items@ :many @Item@
-- Keyset paging by id: newest first.
SELECT id, title, created_at
FROM kontor.@items@
WHERE tenant_id = %(tenant_id)s
    AND (%(before)s::uuid IS NULL OR id < %(before)s::uuid)
ORDER BY id DESC
LIMIT %(limit)s;
""",
    "shared/@name@/events.py": '''\
"""What @name@ announces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from shared.@name@.model import @Item@Id
from shared.kernel.events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class @Item@Kept(Event):
    """A new @item@ was kept; webhooks and exports may listen."""

    is_external: ClassVar[bool] = True

    @item@_id: @Item@Id
''',
    "tests/unit/@name@/test_@items@.py": '''\
"""@Items@ are kept, found and listed inside their tenant and nowhere else."""

from __future__ import annotations

import pytest

from shared.@name@ import service
from shared.adapters.database import Database
from shared.kernel.errors import InvalidError, NotFoundError
from shared.kernel.ids import TenantId


def test_what_is_kept_is_found(database: Database, tenant: TenantId) -> None:
    with database.transaction(tenant) as session:
        kept = service.keep(session, "  Ada ")
        assert kept.title == "Ada"
        assert service.find(session, kept.id) == kept


def test_a_page_ends_where_the_next_begins(database: Database, tenant: TenantId) -> None:
    with database.transaction(tenant) as session:
        kept = [service.keep(session, f"number {n}") for n in range(3)]
        first = service.list_@items@(session, limit=2)
        second = service.list_@items@(session, cursor=first.next_cursor, limit=2)
    assert [*first.items, *second.items] == kept[::-1]


def test_other_tenants_see_nothing(
    database: Database, tenant: TenantId, other_tenant: TenantId
) -> None:
    with database.transaction(tenant) as session:
        kept = service.keep(session, "secret")
    with database.transaction(other_tenant) as session:
        assert service.list_@items@(session).items == []
        with pytest.raises(NotFoundError):
            service.find(session, kept.id)


@pytest.mark.parametrize("title", ["", "  ", "x" * 201])
def test_a_bad_title_is_refused(database: Database, tenant: TenantId, title: str) -> None:
    with database.transaction(tenant) as session, pytest.raises(InvalidError):
        service.keep(session, title)
''',
}

ROOM_TABLE = """-- The room @name@: @items@ of a tenant.

CREATE TABLE kontor.@items@ (
    tenant_id uuid NOT NULL REFERENCES kontor.tenants (id),
    id uuid NOT NULL,
    title text NOT NULL CHECK (title <> '' AND length(title) <= 200),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id)
);
ALTER TABLE kontor.@items@ ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON kontor.@items@
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE, DELETE ON kontor.@items@ TO kontor_app;
"""

MIGRATION = """-- @Verb@ @noun@: say here why, and what runs beside it ({phase} means {meaning}).
-- Files are append-only: once applied, only a new one may change what this one did.

SET LOCAL statement_timeout = '60s';
"""


def fill(text: str, words: dict[str, str]) -> str:
    """Replace every ``@word@``."""
    for word, value in words.items():
        text = text.replace(f"@{word}@", value)
    return text
