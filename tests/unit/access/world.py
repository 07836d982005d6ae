"""A tenant with people, groups, folders and documents, seen with anybody's eyes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import UUID

import psycopg

from shared.adapters.database import Database, Session
from shared.kernel.context import working_on
from shared.kernel.ids import TenantId, UserId, new_id


@dataclass
class World:
    """Scenes are set by the system's own hand; ``seen_by`` looks with somebody's eyes."""

    database: Database
    owner_url: str
    tenant: TenantId
    people: dict[str, UserId] = field(default_factory=dict)

    def person(self, name: str, role: str = "editor") -> UserId:
        user = UserId(new_id())
        with psycopg.connect(self.owner_url) as connection:
            connection.execute(
                "INSERT INTO kontor.users (tenant_id, id, email, display_name, password_hash, role)"
                " VALUES (%s, %s, %s, %s, 'x', %s)",
                (self.tenant, user, f"{name}@acme.example", name.title(), role),
            )
        self.people[name] = user
        return user

    @contextmanager
    def transaction(self, viewer: str = "") -> Iterator[Session]:
        with (
            working_on(correlation="test", tenant=str(self.tenant), viewer=viewer),
            self.database.transaction(self.tenant) as session,
        ):
            yield session

    @contextmanager
    def eyes_of(self, user: UUID) -> Iterator[Session]:
        with self.transaction(f"user:{user}") as session:
            yield session

    def group(self, name: str, *members: UUID) -> UUID:
        group = new_id()
        with self.transaction() as session:
            session.connection.execute(
                "INSERT INTO kontor.groups (tenant_id, id, name, created_by)"
                " VALUES (%s, %s, %s, %s)",
                (self.tenant, group, name, new_id()),
            )
            for member in members:
                self.join(session, group, member)
        return group

    def join(self, session: Session, group: UUID, member: UUID) -> None:
        session.connection.execute(
            "INSERT INTO kontor.group_members (tenant_id, group_id, user_id, added_by)"
            " VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING",
            (self.tenant, group, member, new_id()),
        )

    def folder(self, name: str, owner: UUID, parent: UUID | None = None) -> UUID:
        folder = new_id()
        with self.transaction() as session:
            session.connection.execute(
                "INSERT INTO kontor.folders (tenant_id, id, parent_id, name, path, created_by)"
                " SELECT %(tenant)s, %(id)s, %(parent)s, %(name)s, coalesce(("
                "  SELECT p.path || '/' FROM kontor.folders AS p"
                "  WHERE p.tenant_id = %(tenant)s AND p.id = %(parent)s), '') || %(name)s,"
                " %(owner)s",
                {
                    "tenant": self.tenant,
                    "id": folder,
                    "parent": parent,
                    "name": name,
                    "owner": owner,
                },
            )
        return folder

    def document(
        self, title: str, owner: UUID, folder: UUID | None = None, parent: UUID | None = None
    ) -> UUID:
        document = new_id()
        with self.transaction() as session:
            session.connection.execute(
                "INSERT INTO kontor.documents (tenant_id, id, folder_id, title, media_type,"
                " created_by, parent_document_id) VALUES (%s, %s, %s, %s, 'text/plain', %s, %s)",
                (self.tenant, document, folder, title, owner, parent),
            )
        return document

    def grant(self, kind: str, thing: UUID, subject: str, level: str) -> None:
        with self.transaction() as session:
            session.connection.execute(
                "INSERT INTO kontor.access_grants (tenant_id, resource_kind, resource_id, subject,"
                " level, granted_by) VALUES (%s, %s, %s, %s, %s, %s)"
                " ON CONFLICT (tenant_id, resource_kind, resource_id, subject)"
                " DO UPDATE SET level = excluded.level",
                (self.tenant, kind, thing, subject, level, new_id()),
            )

    def withdraw(self, kind: str, thing: UUID, subject: str | None = None) -> None:
        with self.transaction() as session:
            session.connection.execute(
                "DELETE FROM kontor.access_grants WHERE tenant_id = %s AND resource_kind = %s"
                " AND resource_id = %s AND (%s::text IS NULL OR subject = %s)",
                (self.tenant, kind, thing, subject, subject),
            )

    def run(self, statement: str, *values: object, viewer: str = "") -> int:
        """Run a statement, as the system or as a viewer; returns how many rows it touched."""
        with self.transaction(viewer) as session:
            return session.connection.execute(statement.encode(), values).rowcount

    def seen_by(self, user: UUID, table: str = "documents") -> set[UUID]:
        with self.eyes_of(user) as session:
            rows = session.connection.execute(f"SELECT id FROM kontor.{table}".encode())
            return {row[0] for row in rows}

    def rank(self, user: UUID, kind: str, thing: UUID) -> int:
        with self.eyes_of(user) as session:
            row = session.connection.execute(
                "SELECT kontor.access_rank(%s, %s, %s)", (f"user:{user}", kind, thing)
            ).fetchone()
        assert row is not None
        return int(row[0])

    def audience(self, viewer: str) -> str:
        with self.transaction(viewer) as session:
            row = session.connection.execute("SELECT kontor.audience()").fetchone()
        assert row is not None
        return str(row[0])
