"""Bad weather for the local cloud: errors and slowness, as a file says from moment to moment.

The engine writes the file, the server it has started reads it; no other server ever looks for one.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

STORAGE_TROUBLE = (
    b'<?xml version="1.0" encoding="UTF-8"?><Error><Code>SlowDown</Code>'
    b"<Message>Please reduce your request rate.</Message></Error>"
)


@dataclass(frozen=True, slots=True)
class Weather:
    """How often storage answers 503, how often and how long it keeps callers waiting.

    ``kills`` tells workers whether they may end themselves at boundaries.
    """

    errors: float = 0.0
    slow: float = 0.0
    delay_s: float = 0.0
    kills: bool = False


def write_weather(path: Path, weather: Weather) -> None:
    """Let the weather change; readers see the old one or the new one, never half of it."""
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(asdict(weather)), "utf-8")
    fresh.replace(path)


def read_weather(path: Path) -> Weather:
    """Return the weather of this moment; calm when nobody has written any."""
    try:
        return Weather(**json.loads(path.read_text("utf-8")))
    except FileNotFoundError:
        return Weather()


def under(path: Path, seed: int) -> Callable[[WSGIApplication], WSGIApplication]:
    """Return what puts an application under the weather in ``path``.

    Only storage suffers: its requests carry no ``X-Amz-Target``, as those of queues, bus and
    workflows do.
    """
    chance = random.Random(seed)  # noqa: S311 - a fault schedule, not a secret

    def wrap(application: WSGIApplication) -> WSGIApplication:
        def served(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            is_storage = "HTTP_X_AMZ_TARGET" not in environ and "/s3/" in str(
                environ.get("HTTP_AUTHORIZATION", "")
            )
            weather = read_weather(path) if is_storage else Weather()
            if chance.random() < weather.slow:
                time.sleep(weather.delay_s)
            if chance.random() < weather.errors:
                environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
                start_response("503 Slow Down", [("Content-Type", "application/xml")])
                return [STORAGE_TROUBLE]
            return application(environ, start_response)

        return served

    return wrap
