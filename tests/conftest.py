"""Shared fixtures: a real Postgres per worker, a migrated database per test, two tenants."""

from __future__ import annotations

import gc
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from argon2 import PasswordHasher, Type
from httpx._transports import default as transports
from psycopg import Connection
from psycopg.rows import TupleRow

from infra.deploy.model import ensure_model
from infra.local.ports import take_port
from infra.local.postgres import EmbeddedPostgres
from shared.adapters.database import Database
from shared.identity import passwords
from shared.inference.embedding import Embedder, OnnxEmbedder
from shared.inference.registry import open_embedder
from shared.kernel.ids import TenantId, new_id
from tests.databases import Databases
from tests.remembering import remembering
from tests.sessions import sessions_going_on

# Every worker and every process a test starts would compile the house anew without bytecode.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # noqa: TID251 - for the processes that we start

pytest_plugins = [
    "tests.contract.targets",
    "tests.faults.options",
    "tests.scheduling",
    "tests.security.injection.options",
    "tests.security.options",
]


# Nothing that wakes up by itself, nothing kept for a standby.
QUIET = {
    "autovacuum": "off",
    "checkpoint_timeout": "1h",
    "max_wal_size": "8GB",
    "max_wal_senders": "0",
    "wal_level": "minimal",
}


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker for tests whose outcome hangs on what the planner knows of its tables."""
    config.addinivalue_line("markers", "new_database: in a database nobody has used before")


def pytest_collection_finish() -> None:
    """Let the collector of garbage pass over what was imported, which stays to the end."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """One server per worker, without durability."""
    folder = Path(tempfile.mkdtemp(prefix="kt-"))
    try:
        with EmbeddedPostgres(folder / "pg", durable=False, parameters=QUIET) as server:
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def databases(postgres: EmbeddedPostgres) -> Iterator[Databases]:
    """The worker's databases, all of them copies of one migrated template."""
    with sessions_going_on() as kept:
        made = Databases(postgres, kept)
        yield made
        made.close()


@pytest.fixture
def database_name(databases: Databases, request: pytest.FixtureRequest) -> Iterator[str]:
    """A migrated database with nothing in it, this test's own."""
    is_new = request.node.get_closest_marker("new_database") is not None
    with databases.lend(is_new=is_new) as name:
        yield name


@pytest.fixture
def owner_url(postgres: EmbeddedPostgres, database_name: str) -> str:
    """Connects as the server's owner: for setting scenes, never for what is tested."""
    return postgres.dsn(database_name)


@pytest.fixture
def database_url(postgres: EmbeddedPostgres, database_name: str) -> str:
    """Connects as ``kontor_app``, the role every function has."""
    return postgres.dsn(database_name, user="kontor_app")


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """The database as functions see it."""
    opened = Database(database_url)
    yield opened
    opened.close()


def add_tenant(owner: Connection[TupleRow], slug: str) -> TenantId:
    """Insert a tenant without users."""
    tenant_id = TenantId(new_id())
    owner.execute(
        "INSERT INTO kontor.tenants (id, slug, name) VALUES (%s, %s, %s)",
        (tenant_id, slug, slug.title()),
    )
    return tenant_id


@pytest.fixture
def tenant(databases: Databases, database_name: str) -> TenantId:
    """The tenant in whose name the test acts."""
    return add_tenant(databases.session(database_name), "acme")


@pytest.fixture
def other_tenant(databases: Databases, database_name: str) -> TenantId:
    """A tenant that must never see or be seen."""
    return add_tenant(databases.session(database_name), "globex")


@pytest.fixture(scope="session", autouse=True)
def real_hasher() -> Iterator[PasswordHasher]:
    """How the product hashes passwords; meanwhile tests hash with next to no work."""
    real = passwords._HASHER
    with pytest.MonkeyPatch.context() as patch:
        quick = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1, type=Type.ID)
        patch.setattr(passwords, "_HASHER", quick)
        yield real


@pytest.fixture(scope="session", autouse=True)
def anchors_read_once() -> Iterator[None]:
    """Let HTTP clients share the trust anchors that each of them would read anew, in 20 ms."""
    read = transports.create_ssl_context
    kept: dict[tuple[object, ...], ssl.SSLContext] = {}

    def create(verify: Any = True, cert: Any = None, trust_env: bool = True) -> ssl.SSLContext:
        if verify is not True or cert is not None:
            return read(verify, cert, trust_env)
        named = [os.environ.get(name) for name in ("SSL_CERT_FILE", "SSL_CERT_DIR")]  # noqa: TID251 - httpx reads them
        if (trust_env, *named) not in kept:
            kept[trust_env, *named] = read(trust_env=trust_env)
        return kept[trust_env, *named]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transports, "create_ssl_context", create)
        yield


@pytest.fixture(scope="session")
def model_dir() -> Path:
    """The embedding model's folder, built once per checkout and shared by all workers."""
    folder = Path(__file__).parents[1] / "build" / "models"
    ensure_model(folder)
    return folder


@pytest.fixture(scope="session")
def embedder(model_dir: Path) -> Embedder:
    """The real embedding model, asked the same thing once."""
    opened = open_embedder(model_dir, "all-MiniLM-L6-v2", threads=1)
    assert isinstance(opened, OnnxEmbedder)
    return remembering(opened)


@pytest.fixture(scope="session")
def aws() -> Iterator[str]:
    """The emulator's endpoint, one per worker, in a process of its own: nobody patches it."""
    with closing(take_port(0, purpose="a test")) as free:
        port = int(free.getsockname()[1])
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    endpoint = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 60
    while True:
        try:
            httpx.get(f"{endpoint}/moto-api/", timeout=5)
            break
        except httpx.TransportError:
            assert time.monotonic() < deadline, "the emulator did not start"
            time.sleep(0.05)
    yield endpoint
    server.terminate()
    server.wait(10)
