"""Function URLs with IAM: signed requests to another function, its answer read line by line."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from shared.kernel.errors import UnavailableError

if TYPE_CHECKING:
    from botocore.credentials import Credentials

_OK = 200
_LONGEST_LINE = 4 * 1024 * 1024


class FunctionUrl:
    """One function's address; every request is signed with this function's own role.

    ``first_line_s`` is how long to wait for the answer to begin, ``next_line_s`` for more of it.
    """

    def __init__(self, url: str, *, region: str, first_line_s: float, next_line_s: float) -> None:
        self._url = url
        self._region = region
        self._first_line_s = first_line_s
        self._next_line_s = next_line_s

    def lines(self, body: bytes) -> Iterator[bytes]:
        """Send JSON and yield the answer's lines as they come.

        Closing the iterator ends the request. Raises UnavailableError when the function does not
        answer, refuses, or breaks off before its answer is complete.
        """
        parts = urlsplit(self._url)
        kind = (
            http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        )
        connection = kind(parts.netloc, timeout=self._first_line_s)
        try:
            connection.request("POST", parts.path or "/", body, self._signed(body))
            response = connection.getresponse()
            if response.status != _OK:
                raise UnavailableError(
                    f"The function at {parts.netloc} answered {response.status}.",
                    hint="Look at its log, and whether this function may call it.",
                )
            if connection.sock is not None:
                connection.sock.settimeout(self._next_line_s)
            while line := response.readline(_LONGEST_LINE):
                yield line
        except (OSError, http.client.HTTPException) as error:
            raise UnavailableError(
                f"The function at {parts.netloc} does not answer ({type(error).__name__}).",
                hint="Try again in a moment.",
            ) from error
        finally:
            connection.close()

    def _signed(self, body: bytes) -> dict[str, str]:
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest

        request = AWSRequest(
            "POST", self._url, data=body, headers={"content-type": "application/json"}
        )
        SigV4Auth(self._credentials.get_frozen_credentials(), "lambda", self._region).add_auth(
            request
        )
        return dict(request.headers.items())

    @cached_property
    def _credentials(self) -> Credentials:
        import boto3

        found = boto3.session.Session().get_credentials()
        if found is None:
            raise UnavailableError(
                "This function has no AWS credentials to sign with.",
                hint="Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
            )
        return found
