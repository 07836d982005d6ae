"""One place that makes AWS clients, with one retry policy and our errors instead of botocore's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from shared.kernel.errors import KontorError, NotFoundError, UnavailableError

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
_SERVER_ERROR = 500
_TOO_MANY = 429
# Codes that pass by themselves although they come with a status below 500.
_PASSING = {
    "ExpiredToken",
    "ExpiredTokenException",
    "ProvisionedThroughputExceededException",
    "RequestExpired",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestTimeTooSkewed",
    "RequestTimeout",
    "OperationAborted",
    "TooManyRequestsException",
    "LimitExceededException",
    "ExecutionLimitExceeded",
}


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
    from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

    try:
        yield
    except ClientError as error:
        raise _translate(error, what) from error
    except ParamValidationError as error:
        raise UnexpectedAnswerError(f"{what} was asked for in a way that cannot be.") from error
    except BotoCoreError as error:
        raise UnavailableError(f"{what} cannot be reached.", hint="Try again.") from error


def _translate(error: ClientError, what: str) -> KontorError:
    code = error.response.get("Error", {}).get("Code", "")
    if code in _MISSING:
        return NotFoundError(f"{what} is not there.")
    if code in _REFUSED:
        return NotPermittedError(f"{what} may not be used by this function.")
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    is_passing = status >= _SERVER_ERROR or status == _TOO_MANY or not status
    if is_passing or code in _PASSING or "Throttl" in code or "SlowDown" in code:
        return UnavailableError(f"{what} answered {code or 'an error'}.", hint="Try again.")
    return UnexpectedAnswerError(f"{what} answered {code or status}.")


class UnexpectedAnswerError(KontorError):
    """A service refused what we asked as wrong: a bug of ours, which waiting does not mend."""


class NotPermittedError(UnexpectedAnswerError):
    """The function lacks a right or the bucket a policy: the operator's to mend, nobody's file."""
