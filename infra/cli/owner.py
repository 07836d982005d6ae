"""The operator's way to the database: its owner's URL, from the settings or the local server.

A running ``kontor up`` writes where its Postgres listens into ``<data>/running.json``; without
one, the embedded Postgres is started for as long as the command takes.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from shared.kernel.errors import UnavailableError

RUNNING_FILE = "running.json"
POSTGRES_FOLDER = "postgres"
DATABASE = "kontor"


@dataclass(frozen=True, slots=True)
class Running:
    """A local server: its process, its address, its database as the owner reaches it, its AWS."""

    process_id: int
    api: str
    database_url: str
    aws: str = ""


def read_running(data: Path) -> Running | None:
    """Return the server that runs over a data folder; ``None`` when none does."""
    try:
        body = json.loads((data / RUNNING_FILE).read_text("utf-8"))
        running = Running(**body)
        os.kill(running.process_id, 0)
    except PermissionError:
        return running
    except (OSError, ValueError, TypeError):
        return None
    return running


def write_running(data: Path, running: Running) -> None:
    """Say that a server runs here; readable by its owner only."""
    path = data / RUNNING_FILE
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        json.dump(asdict(running), stream)


def remove_running(data: Path) -> None:
    """Say that no server runs here any more."""
    (data / RUNNING_FILE).unlink(missing_ok=True)


@contextmanager
def owner_url(data: Path) -> Iterator[str]:
    """Give the owner's database URL: DATABASE_URL, the running server's, or a Postgres of our own.

    Raises UnavailableError when none can be reached, InvalidError for one that would be spoken to
    in the clear.
    """
    from shared.adapters.transport import encrypted_by
    from shared.kernel.settings import settings

    given = settings().database_url.get_secret_value()
    if given:
        yield encrypted_by(settings(), given)
        return
    running = read_running(data)
    if running is not None:
        yield running.database_url
        return
    folder = data / POSTGRES_FOLDER
    if not folder.exists():
        raise UnavailableError(
            f"There is no database in {data}.",
            hint="Start one with `make up`, or set DATABASE_URL.",
        )
    from infra.local.postgres import EmbeddedPostgres

    with EmbeddedPostgres(folder) as server:
        yield server.dsn(DATABASE)
