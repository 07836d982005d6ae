"""Vendor errors get their class where they are translated: away, wrong, or not there."""

from __future__ import annotations

import psycopg
import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, ReadTimeoutError

from shared.adapters.aws import NotPermittedError, UnexpectedAnswerError, translated
from shared.adapters.database import UnexpectedDatabaseError, translate
from shared.kernel.errors import NotFoundError, UnavailableError
from shared.kernel.failures import Failure, classify


def _answer(code: str, status: int) -> ClientError:
    response = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "Do")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (_answer("SlowDown", 503), UnavailableError),
        (_answer("InternalError", 500), UnavailableError),
        (_answer("ThrottlingException", 400), UnavailableError),
        (_answer("RequestTimeout", 400), UnavailableError),
        (_answer("ExpiredToken", 400), UnavailableError),
        (_answer("TooManyRequestsException", 429), UnavailableError),
        (ReadTimeoutError(endpoint_url="x"), UnavailableError),
        (ConnectTimeoutError(endpoint_url="x"), UnavailableError),
        (_answer("NoSuchKey", 404), NotFoundError),
        (_answer("AccessDenied", 403), NotPermittedError),
        (_answer("NoSuchBucket", 404), UnexpectedAnswerError),
        (_answer("ValidationException", 400), UnexpectedAnswerError),
    ],
    ids=str,
)
def test_aws_errors(error: Exception, expected: type[Exception]) -> None:
    with pytest.raises(expected), translated("The thing"):
        raise error


def test_missing_rights_and_bugs_are_nobodys_file() -> None:
    assert classify(NotPermittedError("x")) is Failure.UNKNOWN
    assert classify(UnexpectedDatabaseError("x")) is Failure.UNKNOWN


@pytest.mark.parametrize(
    "error",
    [
        psycopg.errors.DiskFull(),
        psycopg.errors.AdminShutdown(),
        psycopg.errors.CannotConnectNow(),
        psycopg.errors.TooManyConnections(),
        psycopg.errors.SerializationFailure(),
        psycopg.errors.DeadlockDetected(),
        psycopg.errors.LockNotAvailable(),
        psycopg.errors.ReadOnlySqlTransaction(),
        psycopg.OperationalError("server closed the connection unexpectedly"),
        psycopg.InterfaceError("the connection is closed"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_trouble_of_the_database_is_waited_for(error: psycopg.Error) -> None:
    assert isinstance(translate(error), UnavailableError)


@pytest.mark.parametrize(
    "error", [psycopg.errors.UndefinedColumn(), psycopg.errors.InsufficientPrivilege()]
)
def test_wrong_statements_are_not_waited_for(error: psycopg.Error) -> None:
    assert isinstance(translate(error), UnexpectedDatabaseError)
