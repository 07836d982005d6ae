"""News of uploads over the WebSocket: subscribe, survive dropped connections, stop cleanly.

The feed is a convenience: whoever reads it also asks for the job record now and then, because a
frame that was sent while the socket was down never comes again.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from infra.cli.target import LOOPBACK
from shared.kernel.errors import KontorError

if TYPE_CHECKING:
    from websockets.sync.client import ClientConnection

logger = logging.getLogger(__name__)

Frame = dict[str, object]

PROTOCOL = "kontor.v1"
SILENCE_S = 30.0  # API Gateway closes a connection after ten silent minutes: ask well before
FIRST_PAUSE_S = 0.25
LONGEST_PAUSE_S = 10.0


class LiveFeed:
    """Subscribes to topics and hands every frame to ``on_frame``, in a thread of its own.

    ``token`` is called before each connection, so a renewed login is used. ``on_frame`` must be
    quick and must not raise.
    """

    def __init__(
        self,
        url: str,
        *,
        token: Callable[[], str],
        topics: Sequence[str],
        on_frame: Callable[[Frame], None],
    ) -> None:
        self._url = url
        self._token = token
        self._topics = tuple(topics)
        self._on_frame = on_frame
        self._stop = threading.Event()
        self._listening = threading.Event()
        self._socket: ClientConnection | None = None
        self._thread = threading.Thread(target=self._run, name="kontor-live", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        if self._socket is not None:
            self._socket.close()
        self._thread.join(5.0)

    @property
    def is_listening(self) -> bool:
        """Whether every topic is subscribed on a connection that was alive lately."""
        return self._listening.is_set()

    def _run(self) -> None:
        from websockets.exceptions import WebSocketException

        pause_s = FIRST_PAUSE_S
        while not self._stop.is_set():
            try:
                self._listen()
                pause_s = FIRST_PAUSE_S
            except (OSError, WebSocketException, KontorError, ValueError) as error:
                logger.info("live feed interrupted", extra={"reason": str(error)})
            if self._listening.is_set():
                pause_s = FIRST_PAUSE_S
            self._listening.clear()
            self._stop.wait(pause_s)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)

    def _listen(self) -> None:
        from websockets.sync.client import connect

        is_here = urlsplit(self._url).netloc.startswith(LOOPBACK)
        with connect(
            self._url,
            subprotocols=[PROTOCOL, f"bearer.{self._token()}"],  # type: ignore[list-item]
            ping_interval=None,
            open_timeout=5,
            close_timeout=1,
            proxy=None if is_here else True,
        ) as socket:
            self._socket = socket
            if self._stop.is_set():
                return
            for topic in self._topics:
                socket.send(json.dumps({"action": "subscribe", "topic": topic}))
            self._read(socket)

    def _read(self, socket: ClientConnection) -> None:
        """Read until the connection ends; a silent one is asked, then given up."""
        waiting = set(self._topics)
        is_asked = False
        while not self._stop.is_set():
            try:
                frame = json.loads(socket.recv(timeout=SILENCE_S))
            except TimeoutError:
                if is_asked:
                    return
                socket.send(json.dumps({"action": "ping"}))
                is_asked = True
                continue
            is_asked = False
            if not isinstance(frame, dict):
                continue
            if frame.get("type") == "subscribed":
                waiting.discard(str(frame.get("topic")))
                if not waiting:
                    self._listening.set()
            elif frame.get("type") == "progress":
                self._on_frame(frame)
