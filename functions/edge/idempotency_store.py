"""Powertools' idempotency with Postgres as its store; only requests with a key load this."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from aws_lambda_powertools.utilities.idempotency import BasePersistenceLayer, IdempotencyConfig
from aws_lambda_powertools.utilities.idempotency.base import IdempotencyHandler
from aws_lambda_powertools.utilities.idempotency.exceptions import (
    IdempotencyAlreadyInProgressError,
    IdempotencyInconsistentStateError,
    IdempotencyItemAlreadyExistsError,
    IdempotencyItemNotFoundError,
    IdempotencyPersistenceLayerError,
    IdempotencyValidationError,
)
from aws_lambda_powertools.utilities.idempotency.persistence.datarecord import DataRecord

from shared.adapters.database import Database
from shared.identity.model import Principal
from shared.kernel.clock import now
from shared.kernel.errors import KontorError
from shared.limits import requests
from shared.limits.model import KnownRequest
from shared.limits.requests import InProgressError, KeyReusedError

_PREFIX = "http"


@dataclass(frozen=True, slots=True)
class _Remaining:
    """Says how long the work may take, as Lambda's context does."""

    seconds: float

    def get_remaining_time_in_millis(self) -> int:
        return int(self.seconds * 1000)


class PostgresRecords(BasePersistenceLayer):
    """Keeps requests and answers in the caller's tenant.

    Powertools calls these methods by keyword: the parameters' names are part of its contract.
    """

    def __init__(self, database: Database, principal: Principal) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._database = database
        self._tenant_id = principal.tenant_id

    def _get_record(self, idempotency_key: str) -> DataRecord:
        with self._database.transaction(self._tenant_id) as session:
            known = requests.find(session, idempotency_key)
        if known is None:
            raise IdempotencyItemNotFoundError
        return _as_record(idempotency_key, known)

    def _put_record(self, data_record: DataRecord) -> None:
        with self._database.transaction(self._tenant_id) as session:
            known = requests.begin(
                session,
                data_record.idempotency_key,
                request_hash=data_record.payload_hash,
                taken_until=now()
                if data_record.in_progress_expiry_timestamp is None
                else _moment(data_record.in_progress_expiry_timestamp / 1000),
                expires_at=_moment(data_record.expiry_timestamp or 0),
            )
        if known is not None:
            old = _as_record(data_record.idempotency_key, known)
            self._validate_payload(data_payload=data_record, stored_data_record=old)
            raise IdempotencyItemAlreadyExistsError(old_data_record=old)

    def _update_record(self, data_record: DataRecord) -> None:
        with self._database.transaction(self._tenant_id) as session:
            requests.answer(
                session,
                data_record.idempotency_key,
                request_hash=data_record.payload_hash,
                text=data_record.response_data,
                expires_at=_moment(data_record.expiry_timestamp or 0),
            )

    def _delete_record(self, data_record: DataRecord) -> None:
        with self._database.transaction(self._tenant_id) as session:
            requests.forget(session, data_record.idempotency_key)


def carry_out_once(
    database: Database,
    principal: Principal,
    *,
    route_key: str,
    key: str,
    fingerprint: str,
    work: Callable[[], dict[str, object]],
    deadline_s: float,
    kept_s: int,
) -> tuple[dict[str, Any], bool]:
    """Do ``work`` unless it was done; returns its answer and whether that is an earlier one.

    ``work`` may be taken up by others once ``deadline_s`` is over. Raises InProgressError,
    KeyReusedError, UnavailableError, and what ``work`` raises: then nothing is kept.
    """
    has_worked = False

    def noted() -> dict[str, object]:
        nonlocal has_worked
        has_worked = True
        return work()

    handler = IdempotencyHandler(
        function=noted,
        function_payload={
            "caller": _caller(principal),
            "route": route_key,
            "key": key,
            "request": fingerprint,
        },
        config=_config(deadline_s, kept_s),
        persistence_store=PostgresRecords(database, principal),
        key_prefix=_PREFIX,
        function_args=(),
        function_kwargs={},
    )
    try:
        answer: dict[str, Any] = handler.handle()
    except (IdempotencyAlreadyInProgressError, IdempotencyInconsistentStateError) as error:
        raise InProgressError from error
    except IdempotencyValidationError as error:
        raise KeyReusedError from error
    except IdempotencyPersistenceLayerError as error:
        if isinstance(error.__cause__, KontorError):
            raise error.__cause__ from error
        raise
    return answer, not has_worked


def _caller(principal: Principal) -> str:
    """Name who calls: of one holder's keys each has scopes, and so answers, of its own."""
    key = principal.session_id if principal.credential == "key" else ""
    return f"{principal.credential} {principal.viewer} {key}".strip()


def _config(deadline_s: float, kept_s: int) -> IdempotencyConfig:
    return IdempotencyConfig(
        event_key_jmespath="[caller, route, key]",
        payload_validation_jmespath="request",
        expires_after_seconds=kept_s,
        hash_function="sha256",
        lambda_context=_Remaining(deadline_s),  # type: ignore[arg-type]
    )


def _as_record(request_id: str, known: KnownRequest) -> DataRecord:
    return DataRecord(
        idempotency_key=request_id,
        status=known.state,
        expiry_timestamp=int(known.expires_at.timestamp()),
        in_progress_expiry_timestamp=int(known.taken_until.timestamp() * 1000),
        response_data=known.answer,
        payload_hash=known.request_hash,
    )


def _moment(seconds: float) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
