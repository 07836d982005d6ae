"""The runner: apply numbered SQL files once each, in order, under an advisory lock.

Connect it to the cluster itself, not to RDS Proxy: a session lock pins the connection. Files are
append-only; one that changed after it was applied is refused. ``-- migrate: no-transaction`` on a
line of its own lets a file use CREATE INDEX CONCURRENTLY, split by lines of ``-- split``.
"""

from __future__ import annotations

import hashlib
import logging
import re
import time
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import Connection, sql
from psycopg.rows import TupleRow

from shared.kernel.errors import ConflictError, UnavailableError

logger = logging.getLogger(__name__)
FOLDER = Path(__file__).parent
_NAME = re.compile(r"^(\d{4})_(pre|post)_[a-z0-9_]+\.sql$")
_LOCK = 0x6B6F6E746F72  # "kontor": one migration run at a time per database
_LOCK_WAIT_S = 60.0


@dataclass(frozen=True, slots=True)
class Migration:
    """One file: its number, its name and its text."""

    number: str
    name: str
    text: str

    @property
    def sha256(self) -> str:
        """Return the hash that proves the file is the one that was applied."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def list_migrations(folder: Path = FOLDER) -> list[Migration]:
    """Read every migration file; a name that breaks the pattern raises ValueError."""
    found: list[Migration] = []
    for path in sorted(folder.glob("*.sql")):
        match = _NAME.match(path.name)
        if match is None:
            raise ValueError(f"{path.name}: name it NNNN_pre_verb_noun.sql or NNNN_post_…")
        found.append(Migration(match[1], path.stem, path.read_text("utf-8")))
    return found


def migrate(url: str, *, app_password: str = "", folder: Path = FOLDER) -> list[str]:
    """Bring a database up to date; returns the names applied now.

    ``url`` is an owner's (or superuser's) connection. ``app_password`` is set on the role
    ``kontor_app`` when given. Raises UnavailableError without a server or pgvector,
    ConflictError when an applied file has changed.
    """
    try:
        with psycopg.connect(url, autocommit=True, connect_timeout=30) as connection:
            _lock(connection)
            try:
                _prepare(connection, app_password)
                return _apply(connection, list_migrations(folder))
            finally:
                connection.execute("SELECT pg_advisory_unlock(%s)", (_LOCK,))
    except psycopg.OperationalError as error:
        raise UnavailableError("The database does not answer.", hint="Check its URL.") from error


def _lock(connection: Connection[TupleRow]) -> None:
    deadline = time.monotonic() + _LOCK_WAIT_S
    while True:
        row = connection.execute("SELECT pg_try_advisory_lock(%s)", (_LOCK,)).fetchone()
        if row and row[0]:
            return
        if time.monotonic() > deadline:
            raise UnavailableError("Another migration is running.", hint="Wait for it to end.")
        time.sleep(0.05)


def _prepare(connection: Connection[TupleRow], app_password: str) -> None:
    """Make the extension, the two roles, the schema and the ledger, where missing."""
    if connection.info.server_version < 160000:  # noqa: PLR2004 - the version itself
        raise UnavailableError("Postgres is older than 16.", hint="Use Postgres 16 or newer.")
    try:
        connection.execute("CREATE EXTENSION IF NOT EXISTS vector WITH SCHEMA public")
    except (psycopg.errors.FeatureNotSupported, psycopg.errors.UndefinedFile) as error:
        raise UnavailableError(
            "Postgres has no pgvector.", hint="Install pgvector 0.8.3 or newer."
        ) from error
    for role, attributes in (("kontor_owner", "NOLOGIN"), ("kontor_app", "LOGIN")):
        _make_role(connection, role, attributes)
    if app_password:
        connection.execute(
            sql.SQL("ALTER ROLE kontor_app PASSWORD {}").format(sql.Literal(app_password))
        )
    connection.execute("GRANT kontor_owner TO CURRENT_USER")
    connection.execute("CREATE SCHEMA IF NOT EXISTS kontor AUTHORIZATION kontor_owner")
    connection.execute("GRANT USAGE ON SCHEMA kontor TO kontor_app")
    connection.execute("SET ROLE kontor_owner")
    connection.execute(
        "CREATE TABLE IF NOT EXISTS kontor.schema_migrations (number text PRIMARY KEY,"
        " name text NOT NULL, sha256 text NOT NULL, duration_ms integer NOT NULL,"
        " applied_at timestamptz NOT NULL DEFAULT now())"
    )


def _make_role(connection: Connection[TupleRow], role: str, attributes: str) -> None:
    known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone()
    if known is None:
        try:
            connection.execute(sql.SQL("CREATE ROLE {} " + attributes).format(sql.Identifier(role)))
        except (psycopg.errors.DuplicateObject, psycopg.errors.UniqueViolation):
            logger.info("role was made by another run", extra={"role": role})


def _apply(connection: Connection[TupleRow], migrations: list[Migration]) -> list[str]:
    rows = connection.execute("SELECT number, sha256 FROM kontor.schema_migrations").fetchall()
    applied: dict[str, str] = {str(number): str(digest) for number, digest in rows}
    done: list[str] = []
    for migration in migrations:
        if migration.number in applied:
            if applied[migration.number] != migration.sha256:
                raise ConflictError(
                    f"Migration {migration.name} changed after it was applied.",
                    hint="Restore the file and write a new migration instead.",
                )
            continue
        _run(connection, migration)
        done.append(migration.name)
    return done


def _run(connection: Connection[TupleRow], migration: Migration) -> None:
    started = time.perf_counter()
    if re.search(r"^-- migrate: no-transaction$", migration.text, re.MULTILINE):
        for statement in re.split(r"^-- split$", migration.text, flags=re.MULTILINE):
            connection.execute(statement.encode())
        _record(connection, migration, started)
    else:
        with connection.transaction():
            connection.execute("SET LOCAL lock_timeout = '5s'")
            connection.execute(migration.text.encode())
            _record(connection, migration, started)
    logger.info("migration applied", extra={"migration": migration.name})


def _record(connection: Connection[TupleRow], migration: Migration, started: float) -> None:
    duration_ms = int((time.perf_counter() - started) * 1000)
    connection.execute(
        "INSERT INTO kontor.schema_migrations (number, name, sha256, duration_ms)"
        " VALUES (%s, %s, %s, %s)",
        (migration.number, migration.name, migration.sha256, duration_ms),
    )
