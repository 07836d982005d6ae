"""The gateway: one port for the HTTP API, the WebSocket API, function URLs and @connections."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.routing import BaseRoute, Route, WebSocketRoute, request_response
from starlette.types import ASGIApp, Receive, Scope, Send

from infra.local.gateway_http import HttpApi
from infra.local.gateway_socket import MAX_MESSAGE_BYTES, SocketApi
from infra.local.gateway_urls import FunctionUrls
from infra.local.invoker import Invoker
from infra.local.pool import Pool
from infra.local.ports import HOST, take_port
from infra.local.routing import RoutingModel
from shared.kernel.errors import UnavailableError

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]
START_TIMEOUT_S = 10.0
STOP_TIMEOUT_S = 3


class Gateway:
    """Binds its port at once, so that a taken one is known early; serves between start and stop."""

    def __init__(self, port: int) -> None:
        self._listening = take_port(port, purpose="The HTTP gateway")
        self.port = int(self._listening.getsockname()[1])
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        self._invoker: Invoker | None = None

    @property
    def http_url(self) -> str:
        """Where the HTTP API answers."""
        return f"http://{HOST}:{self.port}"

    @property
    def websocket_url(self) -> str:
        """Where the WebSocket API answers."""
        return f"ws://{HOST}:{self.port}/ws"

    def start(self, model: RoutingModel, pool: Pool) -> None:
        """Serve the model's routes with the pool's functions."""
        keys = {function.logical_id: function.key for function in model.functions}
        self._invoker = Invoker(pool, keys)
        config = uvicorn.Config(
            application(model, self._invoker),
            log_level=logging.CRITICAL,  # functions report their own errors
            access_log=False,
            lifespan="on",
            ws="websockets-sansio",
            ws_max_size=MAX_MESSAGE_BYTES,
            timeout_graceful_shutdown=STOP_TIMEOUT_S,
            server_header=False,
        )
        server = self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=server.run, args=([self._listening],), name="gateway", daemon=True
        )
        self._thread.start()
        deadline = time.monotonic() + START_TIMEOUT_S
        while not server.started:
            if time.monotonic() > deadline or not self._thread.is_alive():
                raise UnavailableError("The HTTP gateway does not start.", hint="See the log.")
            time.sleep(0.005)

    def stop(self) -> None:
        """Close connections and stop serving."""
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join(STOP_TIMEOUT_S)
            self._server.force_exit = True
            self._thread.join(STOP_TIMEOUT_S)
        if self._invoker is not None:
            self._invoker.close()
        self._listening.close()


def application(model: RoutingModel, invoker: Invoker) -> Starlette:
    """Build the ASGI application for a model."""
    http, sockets = HttpApi(model, invoker), SocketApi(model, invoker)
    urls = FunctionUrls(model, invoker)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await asyncio.wait_for(sockets.close(), STOP_TIMEOUT_S)

    routes: list[BaseRoute] = [
        WebSocketRoute("/ws", sockets.serve),
        Route("/@connections/{connection_id}", sockets.manage, methods=["GET", "POST", "DELETE"]),
        Route("/_url/{function}", urls.serve, methods=METHODS),
        Route("/_url/{function}/{path:path}", urls.serve, methods=METHODS),
    ]
    served = Starlette(routes=routes, lifespan=lifespan)
    served.router.default = _otherwise(http, served.router.default)
    return served


def _otherwise(http: HttpApi, refuse: ASGIApp) -> ASGIApp:
    """Give the HTTP API every address and method that is nothing else, line breaks included."""
    serve = request_response(http.serve)

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        await (serve if scope["type"] == "http" else refuse)(scope, receive, send)

    return answer
