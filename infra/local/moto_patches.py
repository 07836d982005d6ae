"""What moto 5.2.5 lacks or does unlike AWS, put right in one place.

Each patch has a contract test that fails without it, so an upgrade of moto shows what it changed.

1.  Lambda invocations run in our pool, whose functions need no registration (moto: Docker, or a
    canned answer).
2.  S3 notifications leave after the object's metadata is set, shaped as AWS's, one per change
    (moto: before the metadata; with a second event for tags nobody set; two for a multipart).
3.  EventBridge rules reach functions, state machines and queues (moto: NotImplementedError).
4.  SQS queues are consistent under threads (moto loses a message that is sent while another is
    deleted).
5.  Step Functions calls the port this server really listens on (moto: an environment variable).
6.  The policy of a presigned POST is enforced (moto: ignored).
"""

# ruff: noqa: SLF001 - a patch reaches into the private parts it replaces

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol
from urllib.parse import quote_plus
from uuid import uuid4

import moto.awslambda.models as lambda_models
import moto.events.models as events_models
import moto.s3.models as s3_models
import moto.s3.notifications as s3_notifications
import moto.s3.responses as s3_responses
import moto.sqs.models as sqs_models
import moto.stepfunctions.parser.asl.utils.boto_client as sfn_client
from moto.awslambda.exceptions import UnknownFunctionException

from infra.local.post_policy import refusal
from shared.kernel.errors import NotFoundError

ACCOUNT = "123456789012"


class Delivery(Protocol):
    """Where moto's events go."""

    def invoke(self, name: str, event: bytes) -> tuple[bytes, bool]:
        """Run a function; returns its payload and whether that is an error document."""

    def invoke_later(self, name: str, event: bytes) -> None:
        """Run a function in the background, with retries."""

    def deliver(self, arn: str, event: bytes) -> None:
        """Hand an event to a queue or state machine, in the background."""

    def object_changed(self, bucket: str, name: str) -> None:
        """Write an object's present state to the journal."""


@dataclass
class _Wiring:
    delivery: Delivery | None = None
    port: int = 0


@dataclass
class _Request(threading.local):
    """What one request to the server has changed, held back until its answer is complete."""

    is_open: bool = False
    events: list[tuple[str, Any, Any, Any]] = field(default_factory=list)
    objects: dict[tuple[str, str], None] = field(default_factory=dict)


_wiring = _Wiring()
_request = _Request()


def connect(delivery: Delivery, port: int) -> None:
    """Direct moto's events to ``delivery``; ``port`` is where its server listens."""
    _wiring.delivery, _wiring.port = delivery, port


def disconnect() -> None:
    """Send moto's events nowhere."""
    _wiring.delivery = None


@contextmanager
def one_request() -> Iterator[None]:
    """Collect what a request changes; on success journal it, then announce it."""
    _request.is_open, _request.events, _request.objects = True, [], {}
    try:
        yield
        _request.is_open = False
        for bucket, name in _request.objects:
            _delivery().object_changed(bucket, name)
        for account, event, bucket_model, key in _announced(_request.events):
            _send_s3_event(account, event, bucket_model, key)
    finally:
        _request.is_open = False


def _delivery() -> Delivery:
    if _wiring.delivery is None:
        raise RuntimeError("the local cloud is not connected")
    return _wiring.delivery


# -- 1. Lambda ---------------------------------------------------------------------------------


def _invoke(backend: Any, function_name: str, qualifier: str | None, *request: Any) -> bytes:
    del qualifier  # there is one version of everything locally
    body, headers, response_headers = request
    event = body.encode() if isinstance(body, str) else bytes(body or b"{}")
    given = {str(name).lower(): value for name, value in (headers or {}).items()}
    payload, is_error = b"", False
    try:
        if given.get("x-amz-invocation-type") == "Event":
            _delivery().invoke_later(function_name, event)
        else:
            payload, is_error = _delivery().invoke(function_name, event)
    except NotFoundError as error:
        arn = f"arn:aws:lambda:{backend.region_name}:{ACCOUNT}:function:{function_name}"
        raise UnknownFunctionException(arn) from error
    if is_error:
        response_headers["x-amz-function-error"] = "Unhandled"
    response_headers["Content-Length"] = str(len(payload))
    return payload


# -- 2. S3 notifications -----------------------------------------------------------------------

_send_s3_event = s3_notifications.send_event


def _defer_s3_event(account: str, event: Any, bucket: Any, key: Any) -> None:
    if _request.is_open:
        _request.events.append((account, event, bucket, key))
    else:
        _send_s3_event(account, event, bucket, key)


def _announced(events: list[tuple[str, Any, Any, Any]]) -> Iterator[tuple[str, Any, Any, Any]]:
    """Yield the events AWS would send: one per created object, tags only where asked for."""
    created = {key.name: event for _, event, _, key in events if "ObjectCreated" in event}
    for account, event, bucket, key in events:
        is_superseded = "ObjectCreated" in event and created[key.name] != event
        is_by_product = "ObjectTagging" in event and key.name in created
        if not is_superseded and not is_by_product:
            yield account, event, bucket, key


def _s3_event(event_name: str, bucket: Any, key: Any, notification_id: str) -> dict[str, Any]:
    """Build the message of the S3 user guide, "Event message structure"."""
    entity: dict[str, Any] = {"key": quote_plus(key.name, safe="/")}
    if "ObjectRemoved" not in event_name:
        entity |= {"size": key.size, "eTag": key.etag.strip('"')}
    if bucket.is_versioned:
        entity["versionId"] = key.version_id
    entity["sequencer"] = f"{time.time_ns():018X}"
    return {
        "Records": [
            {
                "eventVersion": "2.1",
                "eventSource": "aws:s3",
                "awsRegion": bucket.region_name,
                "eventTime": _iso(datetime.now(UTC), "milliseconds"),
                "eventName": event_name.removeprefix("s3:"),
                "userIdentity": {"principalId": "AWS:local"},
                "requestParameters": {"sourceIPAddress": "127.0.0.1"},
                "responseElements": {"x-amz-request-id": uuid4().hex[:16].upper()},
                "s3": {
                    "s3SchemaVersion": "1.0",
                    "configurationId": notification_id,
                    "bucket": {
                        "name": bucket.name,
                        "ownerIdentity": {"principalId": "local"},
                        "arn": bucket.arn,
                    },
                    "object": entity,
                },
            }
        ]
    }


def _s3_to_lambda(account: str, event: Any, arn: str, region: str) -> None:
    del account, region
    _delivery().invoke_later(arn, json.dumps(event).encode())


def _marking(method: Callable[..., Any]) -> Callable[..., Any]:
    """Note the object a method of the S3 backend changes."""

    def marked(self: Any, bucket_name: str, key_name: str, *rest: Any, **named: Any) -> Any:
        result = method(self, bucket_name, key_name, *rest, **named)
        _mark(bucket_name, key_name)
        return result

    return marked


def _tagging(method: Callable[..., Any]) -> Callable[..., Any]:
    def marked(self: Any, key: Any, *rest: Any, **named: Any) -> Any:
        result = method(self, key, *rest, **named)
        _mark(key.bucket_name, key.name)
        return result

    return marked


def _mark(bucket: str, name: str) -> None:
    if _request.is_open:
        _request.objects[bucket, name] = None
    elif _wiring.delivery is not None:
        _wiring.delivery.object_changed(bucket, name)


# -- 3. EventBridge ----------------------------------------------------------------------------


def _send_to_targets(rule: Any, original_event: Any, transform_input: object = None) -> None:
    del transform_input  # input transformers are refused by the loader
    if rule.state == "DISABLED" or not rule.event_pattern.matches_event(original_event):
        return
    event = {**original_event, "time": _event_time(original_event.get("time"))}
    event.pop("ingestion-time", None)
    body = json.dumps(event).encode()
    for target in rule.targets:
        arn = str(target["Arn"])
        if arn.split(":")[2] == "lambda":
            _delivery().invoke_later(arn, body)
        else:
            _delivery().deliver(arn, body)


def _event_time(value: object) -> str:
    moment = (
        datetime.fromtimestamp(float(value), UTC)
        if isinstance(value, int | float)
        else datetime.now(UTC)
    )
    return _iso(moment, "seconds")


def _iso(moment: datetime, precision: str) -> str:
    return moment.isoformat(timespec=precision).replace("+00:00", "Z")


# -- 4. SQS ------------------------------------------------------------------------------------


def _locked_queue(method: Callable[..., Any]) -> Callable[..., Any]:
    def locked(self: Any, *rest: Any, **named: Any) -> Any:
        with self._messages_lock:
            return method(self, *rest, **named)

    return locked


def _locked_backend(method: Callable[..., Any]) -> Callable[..., Any]:
    def locked(self: Any, queue_name: str, *rest: Any, **named: Any) -> Any:
        # The lock is re-entrant, and waiting for messages gives it up entirely.
        with self.get_queue(queue_name)._messages_lock:
            return method(self, queue_name, *rest, **named)

    return locked


# -- 6. presigned POST -------------------------------------------------------------------------

_post_object = s3_responses.S3Response._bucket_response_post


def _checked_post(self: Any, request: Any, bucket_name: str) -> Any:
    form = getattr(request, "form", None) or {}
    if policy := form.get("policy"):
        document = json.loads(base64.b64decode(policy))
        fields = {str(k): str(v) for k, v in form.items()} | {"bucket": bucket_name}
        status, code, message = refusal(document, fields, size_bytes=len(self.body or b""))
        if status:
            words = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
            return status, {"Content-Type": "application/xml"}, words
    return _post_object(self, request, bucket_name)


def install() -> None:
    """Apply every patch; doing it twice changes nothing."""
    if lambda_models.LambdaBackend.invoke is _invoke:
        return
    backend, queue = s3_models.S3Backend, sqs_models.Queue
    replacements: list[tuple[object, str, Callable[..., Any]]] = [
        (lambda_models.LambdaBackend, "invoke", _invoke),
        (s3_notifications, "_invoke_awslambda", _s3_to_lambda),
        (s3_notifications, "_get_s3_event", _s3_event),
        (s3_notifications, "send_event", _defer_s3_event),
        (s3_responses.S3Response, "_bucket_response_post", _checked_post),
        (backend, "put_object_tagging", _tagging(backend.put_object_tagging)),
        (events_models.Rule, "send_to_targets", _send_to_targets),
        (sfn_client, "moto_server_port", lambda: str(_wiring.port)),
    ]
    wrapped: tuple[tuple[object, tuple[str, ...], Callable[..., Any]], ...] = (
        (backend, ("put_object", "delete_object", "delete_object_tagging"), _marking),
        (queue, ("add_message", "delete_message"), _locked_queue),
        (
            sqs_models.SQSBackend,
            ("receive_message", "change_message_visibility", "purge_queue"),
            _locked_backend,
        ),
    )
    for owner, names, wrap in wrapped:
        replacements += [(owner, name, wrap(getattr(owner, name))) for name in names]
    for owner, name, replacement in replacements:
        setattr(owner, name, replacement)
