"""Secrets: read by name, kept in memory for five minutes so rotation is noticed."""

from __future__ import annotations

import contextlib
import time
from typing import Any

from shared.adapters import aws
from shared.kernel.errors import NotFoundError

_KEEP_S = 300.0


class Secrets:
    """Secrets Manager."""

    def __init__(self, *, region: str, endpoint: str = "") -> None:
        self._client: Any = aws.client("secretsmanager", region=region, endpoint=endpoint)
        self._kept: dict[str, tuple[float, str]] = {}

    def read(self, name: str) -> str:
        """Return the secret's text; raises NotFoundError or UnavailableError."""
        kept_at, value = self._kept.get(name, (0.0, ""))
        if value and time.monotonic() - kept_at < _KEEP_S:
            return value
        with aws.translated(f"The secret {name}"):
            value = str(self._client.get_secret_value(SecretId=name)["SecretString"])
        self._kept[name] = (time.monotonic(), value)
        return value

    def forget(self, name: str) -> None:
        """Read a secret anew next time: something says that it has changed."""
        self._kept.pop(name, None)

    def keep(self, name: str, text: str) -> None:
        """Store a secret, as a new version when the name is known; for operators.

        Raises NotPermittedError or UnavailableError.
        """
        try:
            with aws.translated(f"The secret {name}"):
                self._client.put_secret_value(SecretId=name, SecretString=text)
        except NotFoundError:
            with aws.translated(f"The secret {name}"):
                self._client.create_secret(Name=name, SecretString=text)
        self._kept[name] = (time.monotonic(), text)

    def remove(self, name: str) -> None:
        """Delete a secret at once; one that is not there is fine."""
        with contextlib.suppress(NotFoundError), aws.translated(f"The secret {name}"):
            self._client.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
        self._kept.pop(name, None)

    def __repr__(self) -> str:
        return "Secrets()"
