"""Sockets: post a frame to one open WebSocket connection, or close it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from typing import Any

from shared.adapters import aws
from shared.kernel.errors import NotFoundError


class Sockets:
    """The connections of one WebSocket API, reached through its management endpoint."""

    def __init__(self, endpoint: str, *, region: str) -> None:
        self._client: Any = aws.client("apigatewaymanagementapi", region=region, endpoint=endpoint)

    def post(self, connection_id: str, frame: Mapping[str, object]) -> bool:
        """Send one JSON frame; returns False when the connection is gone."""
        try:
            with aws.translated("The connection"):
                self._client.post_to_connection(
                    ConnectionId=connection_id,
                    Data=json.dumps(frame, ensure_ascii=False).encode(),
                )
        except NotFoundError:
            return False
        return True

    def close(self, connection_id: str) -> None:
        """End a connection; one that is gone is fine."""
        with contextlib.suppress(NotFoundError), aws.translated("The connection"):
            self._client.delete_connection(ConnectionId=connection_id)
