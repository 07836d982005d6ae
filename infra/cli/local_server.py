"""The whole system on this machine: database, model, functions, gateway, started in order.

What needs no other part is prepared while Postgres starts. Children are started from the main
thread only: the kernel ends a child with the thread that started it (prctl(2), PR_SET_PDEATHSIG).
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit, urlunsplit

from infra.cli.demo import ensure_demo
from infra.cli.owner import (
    DATABASE,
    POSTGRES_FOLDER,
    Running,
    read_running,
    remove_running,
    write_running,
)
from infra.cli.target import ROOT, Profile
from shared.kernel.errors import ConflictError, InvalidError

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

    from infra.local.runtime import Runtime
    from shared.kernel.settings import Settings

APP_ROLE = "kontor_app"
MODEL_FOLDER = "models"
MAIL_FOLDER = "mail"
PASSWORD_FILE = "database-password"  # noqa: S105 - the name of a file
STAGE = "local"
# Settings of ours that describe this process's surroundings and not the functions'.
NOT_PASSED_ON = frozenset({"database_url", "aws_endpoint_url", "model_dir", "stage"})

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """How the server is to run. Port 0 takes a free one."""

    data: Path
    http_port: int
    aws_port: int
    reloads: bool = True
    breaking: Breaking | None = None


@dataclass(frozen=True, slots=True)
class Breaking:
    """How chaos breaks a server of its own: what runs the handlers, what the cloud goes through."""

    program: tuple[str, ...]
    around_cloud: Callable[[WSGIApplication], WSGIApplication]


class LocalServer:
    """Starts everything with ``start`` and leaves nothing behind after ``stop``."""

    def __init__(self, plan: Plan, settings: Settings) -> None:
        self._plan = plan
        self._settings = settings
        self._stack = contextlib.ExitStack()
        self._runtime: Runtime | None = None

    @property
    def api(self) -> str:
        """The address people and programs use, once started."""
        assert self._runtime is not None, "start the server first"
        return self._runtime.endpoints.http

    def start(self, progress: Progress) -> Profile:
        """Bring everything up and return the demo login; ``progress`` gets sentences.

        Raises ConflictError or UnavailableError in one clear sentence; then nothing runs.
        """
        running = read_running(self._plan.data)
        if running is not None:
            raise ConflictError(
                f"Kontor runs already at {running.api} (process {running.process_id}).",
                hint="Use it, stop it with Ctrl-C, or name another folder with --data.",
            )
        try:
            return self._start(progress)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop everything in the reverse order of starting; data stays."""
        self._stack.close()
        self._runtime = None

    def _start(self, progress: Progress) -> Profile:
        from infra.deploy.registering import register_models
        from shared.inference.registry import list_models

        with ThreadPoolExecutor(1, thread_name_prefix="kontor-prepare") as beside:
            model = beside.submit(self._prepare_model, progress)
            progress("Starting the database.")
            owner_url, app_url = self._start_database()
            model_dir = model.result()
        register_models(app_url, list_models(model_dir))
        progress("Starting the functions.")
        if not self._settings.aws_endpoint_url:
            # boto3 signs nothing without credentials; the local AWS takes any.
            for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
                os.environ.setdefault(name, "local")  # noqa: TID251 - boto3 reads them there
        runtime = self._start_runtime(app_url, model_dir)
        profile = ensure_demo(
            owner_url,
            data=self._plan.data,
            api=runtime.endpoints.http,
            aws=runtime.endpoints.aws,
            settings=self._settings,
        )
        running = Running(os.getpid(), runtime.endpoints.http, owner_url, runtime.endpoints.aws)
        write_running(self._plan.data, running)
        self._stack.callback(remove_running, self._plan.data)
        return profile

    def _prepare_model(self, progress: Progress) -> Path:
        """Build the embedding model if it is not there, and load what the runtime will import."""
        from infra.deploy.model import ensure_model

        given = self._settings.model_dir
        model_dir = Path(given) if given else self._plan.data / MODEL_FOLDER
        ensure_model(model_dir, progress=progress)
        import moto.server  # noqa: F401 - a second's import, while Postgres starts

        import infra.local.runtime  # noqa: F401 - the same

        return model_dir

    def _start_database(self) -> tuple[str, str]:
        """Return the URLs of the owner and of the functions' role, on a migrated database."""
        from infra.local.postgres import EmbeddedPostgres
        from infra.migrations.runner import migrate
        from shared.adapters.transport import encrypted_by

        given = self._settings.database_url.get_secret_value()
        if given:
            given = encrypted_by(self._settings, given)
            password = self._app_password()
            migrate(given, app_password=password)
            return given, as_role(given, APP_ROLE, password)
        server = EmbeddedPostgres(self._plan.data / POSTGRES_FOLDER)
        self._stack.enter_context(server)
        with contextlib.suppress(ConflictError):  # it is there from the last time
            server.create_database(DATABASE)
        migrate(server.dsn(DATABASE))
        return server.dsn(DATABASE), server.dsn(DATABASE, user=APP_ROLE)

    def _app_password(self) -> str:
        """Return the password of the functions' role, made once and kept beside the data.

        A new one at every start would lock out another server on the same database.
        """
        kept = self._plan.data / PASSWORD_FILE
        if not kept.exists():
            self._plan.data.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(kept, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(secrets.token_urlsafe(24))
        return kept.read_text("utf-8")

    def _start_runtime(self, app_url: str, model_dir: Path) -> Runtime:
        from infra.local.ports import HOST, take_port
        from infra.local.runtime import Runtime

        port = self._plan.http_port
        if not port:
            with contextlib.closing(take_port(0, purpose="The HTTP gateway")) as free:
                port = int(free.getsockname()[1])
        http = f"{HOST}:{port}"
        runtime = Runtime(
            ROOT,
            self._plan.data,
            http_port=port,
            aws_port=self._plan.aws_port,
            stage=STAGE,
            environment={
                **of_this_machine(self._settings),
                **passed_on(self._settings),
                "DATABASE_URL": app_url,
                "MODEL_DIR": str(model_dir.absolute()),
                "MAIL_DIR": self._settings.mail_dir
                or str(self._plan.data.absolute() / MAIL_FOLDER),
                "STAGE": STAGE,
                "PUBLIC_URL": self._settings.public_url or f"http://{http}",
                "WEBSOCKET_URL": f"ws://{http}/ws",
                "CHAT_STREAM_URL": f"http://{http}/_url/chat_stream/",
                "OPENAI_URL": f"http://{http}/_url/openai/v1",
            },
            aws_url=self._settings.aws_endpoint_url,
            aws_credentials=_aws_credentials() if self._settings.aws_endpoint_url else {},
            watches_code=self._plan.reloads,
        )
        if self._plan.breaking is not None:
            runtime.program = self._plan.breaking.program
            runtime.around_cloud = self._plan.breaking.around_cloud
        runtime.start()
        self._stack.callback(runtime.stop)
        self._runtime = runtime
        return runtime


def of_this_machine(settings: Settings) -> dict[str, str]:
    """Return the settings whose defaults are others here than those of a deployment."""
    return {
        "REGISTRATION": settings.registration,
        "SECOND_FACTOR": settings.second_factor,
        "MAIL_FROM": settings.mail_from,
        "LLM_PRIVATE_HOSTS": settings.llm_private_hosts,
        "EGRESS_ALLOW": settings.egress_allow,
    }


def passed_on(settings: Settings) -> dict[str, str]:
    """Return the settings that somebody set, as variables for the functions."""
    from pydantic import SecretStr

    given: dict[str, str] = {}
    for name in settings.model_fields_set - NOT_PASSED_ON:
        value = getattr(settings, name)
        text = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
        given[name.upper()] = text
    return given


def as_role(url: str, role: str, password: str) -> str:
    """Put another role and password into a database URL.

    Raises InvalidError for a key-value string, in which a role cannot be replaced safely.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"postgres", "postgresql"}:
        raise InvalidError(
            "DATABASE_URL is not a URL.", hint="Write postgresql://user:password@host/database."
        )
    host = parts.netloc.rpartition("@")[2]
    login = f"{quote(role, safe='')}:{quote(password, safe='')}"
    return urlunsplit(parts._replace(netloc=f"{login}@{host}"))


def _aws_credentials() -> dict[str, str]:
    """Return the credentials that boto3 finds for an outside endpoint; empty without any."""
    import boto3

    found = boto3.session.Session().get_credentials()
    if found is None:
        return {}
    frozen = found.get_frozen_credentials()
    token = {"AWS_SESSION_TOKEN": frozen.token} if frozen.token else {}
    return {
        "AWS_ACCESS_KEY_ID": frozen.access_key or "",
        "AWS_SECRET_ACCESS_KEY": frozen.secret_key or "",
        **token,
    }
