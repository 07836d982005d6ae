"""One place that makes AWS clients, with one retry policy and our errors instead of botocore's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from shared.kernel.errors import KontorError, NotFoundError, RefusedError, UnavailableError

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

_MISSING = {
    "ExecutionDoesNotExist",
    "NoSuchKey",
    "NoSuchVersion",
    "404",
    "ResourceNotFoundException",
    "GoneException",
}
_REFUSED = {"AccessDenied", "AccessDeniedException", "403", "UnauthorizedOperation"}


@cache
def client(service: str, *, region: str, endpoint: str = "") -> Any:
    """Return a boto3 client; one per process, service and endpoint.

    Two attempts and short timeouts: queues and workflows are the layer that retries.
    """
    import boto3
    from botocore.config import Config

    return boto3.client(
        service,  # type: ignore[call-overload,unused-ignore]
        region_name=region,
        endpoint_url=endpoint or None,
        config=Config(
            connect_timeout=5,
            read_timeout=60,
            retries={"total_max_attempts": 2, "mode": "standard"},
            s3={"addressing_style": "path" if endpoint else "auto"},
            signature_version="s3v4" if service == "s3" else None,
        ),
    )


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Turn botocore's errors inside the block into ours; ``what`` names the thing reached for."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        raise _translate(error, what) from error
    except BotoCoreError as error:
        raise UnavailableError(f"{what} cannot be reached.", hint="Try again.") from error


def _translate(error: ClientError, what: str) -> KontorError:
    code = error.response.get("Error", {}).get("Code", "")
    if code in _MISSING:
        return NotFoundError(f"{what} is not there.")
    if code in _REFUSED:
        return RefusedError(f"{what} may not be used by this function.")
    return UnavailableError(f"{what} answered {code or 'an error'}.", hint="Try again.")
