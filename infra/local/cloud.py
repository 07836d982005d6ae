"""The embedded cloud: moto's server in this process, patched, on the journal, on one port."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from infra.local.ports import HOST, take_port
from shared.kernel.errors import ConflictError

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from infra.local.journal import Journal
    from infra.local.moto_patches import Delivery
    from infra.local.moto_storage import MotoStorage

logger = logging.getLogger(__name__)

SECRET_CHANGES = ("Create", "Put", "Update", "Delete", "Restore")
_in_use = threading.Lock()
Around = Callable[["WSGIApplication"], "WSGIApplication"]


def unchanged(application: WSGIApplication) -> WSGIApplication:
    """Serve the cloud as it is."""
    return application


class EmbeddedCloud:
    """S3, SQS, Step Functions, EventBridge, Secrets Manager, SSM and Lambda's control plane.

    Moto keeps its state in the process, so there is one at a time. Every request goes through
    what ``around`` makes of the application: how chaos gives the cloud bad weather.
    """

    def __init__(
        self,
        *,
        port: int,
        region: str,
        journal: Journal | None,
        around: Around = unchanged,
    ) -> None:
        self._around = around
        self._wanted_port = port
        self._region = region
        self._journal = journal
        self._storage: MotoStorage | None = None
        self._server: Any = None
        self._thread: threading.Thread | None = None
        self.port = 0

    @property
    def endpoint(self) -> str:
        """The URL every AWS client uses."""
        return f"http://{HOST}:{self.port}"

    def start(self) -> None:
        """Serve an empty cloud; ``connect`` gives it somewhere to send its events.

        Raises ConflictError when the port is taken or this process already runs one.
        """
        listening = take_port(self._wanted_port, purpose="The local AWS endpoint")
        if not _in_use.acquire(blocking=False):
            listening.close()
            raise ConflictError(
                "This process already runs an embedded cloud.", hint="Stop it first."
            )
        try:
            self._start(listening)
        except BaseException:
            listening.close()
            _in_use.release()
            raise

    def _start(self, listening: socket.socket) -> None:
        self.port = int(listening.getsockname()[1])
        from moto.core.base_backend import BackendDict
        from moto.core.config import default_user_config
        from moto.moto_server.werkzeug_app import (
            DomainDispatcherApplication,
            MotoRequestHandler,
            create_backend_app,
        )
        from werkzeug.serving import make_server

        from infra.local.moto_patches import install
        from infra.local.moto_storage import MotoStorage

        install()
        BackendDict.reset()
        default_user_config["stepfunctions"] = {"execute_state_machine": True}
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        if self._journal is not None:
            self._storage = MotoStorage(self._journal, self._region)
        self._server = make_server(
            HOST,
            self.port,
            self._around(self._middleware(DomainDispatcherApplication(create_backend_app))),
            threaded=True,
            request_handler=MotoRequestHandler,
            fd=listening.detach(),
        )
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": 0.1},
            name="cloud",
            daemon=True,
        )
        self._thread.start()

    def connect(self, delivery: Delivery) -> None:
        """Send events to ``delivery`` from now on."""
        from infra.local.moto_patches import connect

        connect(delivery, self.port)

    def attach_journal(self) -> None:
        """Put stored secrets back and record every change from now on; before resources are made.

        A secret on record keeps its value and ARN, so a template does not generate it anew.
        """
        if self._storage is not None:
            self._storage.attach()
            self._storage.restore_secrets()

    def restore(self) -> dict[str, int]:
        """Put stored objects and messages back, once buckets and queues are there."""
        if self._storage is None:
            return {}
        return {
            "objects": self._storage.restore_objects(),
            "messages": self._storage.restore_messages(),
        }

    def record_object(self, bucket: str, name: str) -> None:
        """Write an object's present state to the journal."""
        if self._storage is not None:
            self._storage.record_object(bucket, name)

    def stop(self) -> None:
        """Stop serving and forget everything that is not on the journal."""
        if self._server is None:
            return
        from moto.core.base_backend import BackendDict

        from infra.local.moto_patches import disconnect

        self._server.shutdown()
        self._server.server_close()
        disconnect()
        BackendDict.reset()
        if self._storage is not None:
            self._storage.detach()
        self._server = None
        _in_use.release()

    def _middleware(self, application: WSGIApplication) -> WSGIApplication:
        """Answer only when what the request changed is on the journal and announced."""
        from infra.local.moto_patches import one_request

        def served(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            target = str(environ.get("HTTP_X_AMZ_TARGET", ""))
            with one_request():
                body = _complete(application, environ, start_response)
                service, _, operation = target.partition(".")
                is_secret = service == "secretsmanager" and operation.startswith(SECRET_CHANGES)
                if is_secret and self._storage is not None:
                    self._storage.record_secrets()
            return body

        return served


def _complete(
    application: Callable[..., Any], environ: WSGIEnvironment, start_response: StartResponse
) -> list[bytes]:
    answer = application(environ, start_response)
    try:
        return list(answer)
    finally:
        if hasattr(answer, "close"):
            answer.close()
