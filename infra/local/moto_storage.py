"""Moto's memory on the journal: objects, messages and secrets that outlive the process.

Replaces the buffers moto keeps objects in by files of the journal, writes every change of a queue
through, and puts everything back at the start. The contract tests restart a runtime to show it.
"""

# ruff: noqa: SLF001 - moto has no public door to its state

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from tempfile import SpooledTemporaryFile
from types import SimpleNamespace
from typing import Any

import moto.s3.models as s3_models
from moto.s3.models import FakeBucket, FakeDeleteMarker, FakeKey, S3Backend, s3_backends
from moto.secretsmanager.models import FakeSecret, SecretsManagerBackend, secretsmanager_backends
from moto.sqs.models import Message, Queue, SQSBackend, sqs_backends

from infra.local.journal import Journal, StoredBytes, StoredMessage, StoredVersion
from infra.local.moto_patches import ACCOUNT

_journal: list[Journal] = []  # the one in use; empty between runtimes


class MotoStorage:
    """Binds moto's state to ``journal`` from ``attach`` to ``detach``."""

    def __init__(self, journal: Journal, region: str) -> None:
        self._journal = journal
        self._region = region

    def attach(self) -> None:
        """Send every change to the journal from now on."""
        _install()
        _journal[:] = [self._journal]

    def detach(self) -> None:
        """Let moto forget as it pleases."""
        _journal.clear()

    @property
    def _objects(self) -> S3Backend:
        backend: S3Backend = s3_backends[ACCOUNT]["aws"]
        return backend

    @property
    def _queues(self) -> SQSBackend:
        backend: SQSBackend = sqs_backends[ACCOUNT][self._region]
        return backend

    @property
    def _secrets(self) -> SecretsManagerBackend:
        backend: SecretsManagerBackend = secretsmanager_backends[ACCOUNT][self._region]
        return backend

    # -- objects -------------------------------------------------------------------------------

    def record_object(self, bucket: str, name: str) -> None:
        """Write an object's present versions; then its bytes stay."""
        model = self._objects.buckets.get(bucket)
        versions = list(model.keys.getlist(name, [])) if model is not None else []
        self._journal.record_object(bucket, name, [self._stored(v) for v in versions])
        for version in versions:
            if isinstance(version, FakeKey):
                version._value_buffer.keep()  # type: ignore[attr-defined]
                if version.multipart is not None:
                    version.multipart.dispose()
                    version.multipart = None

    def _stored(self, version: FakeKey | FakeDeleteMarker) -> StoredVersion:
        modified_at = version.last_modified.replace(tzinfo=UTC).timestamp()
        if not isinstance(version, FakeKey):
            return StoredVersion(version.version_id, 1, "", 0, "", modified_at, "{}", "{}")
        buffer = version._value_buffer
        assert isinstance(buffer, StoredBytes)
        return StoredVersion(
            version_id=version.version_id,
            is_marker=0,
            file=buffer.path.name if version.size else "",
            size_bytes=version.size,
            etag=version.etag.strip('"'),
            modified_at=modified_at,
            metadata=json.dumps(dict(version.metadata)),
            tags=json.dumps(self._objects.tagger.get_tag_dict_for_resource(version.arn)),
        )

    def restore_objects(self) -> int:
        """Put every object on record back; returns how many versions. Buckets are made if gone."""
        rows = self._journal.objects()
        for bucket, name, stored in rows:
            if bucket not in self._objects.buckets:
                self._objects.create_bucket(bucket, self._region)
            model = self._objects.buckets[bucket]
            model.keys[name] = self._restored(model, name, stored)
        return len(rows)

    def _restored(
        self, bucket: FakeBucket, name: str, stored: StoredVersion
    ) -> FakeKey | FakeDeleteMarker:
        modified = datetime.fromtimestamp(stored.modified_at, UTC).replace(tzinfo=None)
        if stored.is_marker:
            latest: Any = bucket.keys.get(name) or SimpleNamespace(name=name)
            marker = FakeDeleteMarker(key=latest)
            marker._version_id, marker.last_modified = stored.version_id, modified
            return marker
        key = FakeKey(
            name=name,
            value=b"",
            account_id=ACCOUNT,
            region_name=self._region,
            etag=stored.etag,
            is_versioned=bucket.is_versioned,
            version_id=stored.version_id,
            bucket_name=bucket.name,
        )
        key._value_buffer = self._journal.stored_bytes(stored.file)  # type: ignore[assignment]
        key.contentsize, key.last_modified = stored.size_bytes, modified
        key.set_metadata(json.loads(stored.metadata), replace=True)
        if tags := json.loads(stored.tags):
            tagger = self._objects.tagger
            tagger.tag_resource(key.arn, tagger.convert_dict_to_tags_input(tags))
        return key

    # -- messages ------------------------------------------------------------------------------

    def restore_messages(self) -> int:
        """Put unfinished messages back into their queues; returns how many.

        One that was being worked on when the process died is visible again at once, and that
        receive does not count: the consumer did not fail, it was taken away.
        """
        restored = 0
        for stored in self._journal.messages():
            queue = self._queues.queues.get(stored.queue)
            if queue is not None:
                queue._messages.append(_message(stored))
                restored += 1
        return restored

    # -- secrets -------------------------------------------------------------------------------

    def record_secrets(self) -> None:
        """Write all secrets; they are few and change rarely."""
        documents = {
            secret.name: {
                "arn": secret.arn,
                "description": secret.description,
                "secret_string": _current(secret, "secret_string"),
                "secret_binary": _current(secret, "secret_binary"),
            }
            for secret in self._secrets.secrets.values()
            if isinstance(secret, FakeSecret) and not secret.is_deleted()
        }
        self._journal.record_secrets(documents)

    def restore_secrets(self) -> int:
        """Put every secret on record back with its value and ARN; returns how many."""
        stored = self._journal.secrets()
        for name, document in stored.items():
            secret, _ = self._secrets._add_secret(
                name,
                secret_string=document["secret_string"],
                secret_binary=document["secret_binary"],
                description=document["description"],
            )
            secret.arn = str(document["arn"])
        return len(stored)


def _current(secret: FakeSecret, field: str) -> str | None:
    for version in secret.versions.values():
        if "AWSCURRENT" in version["version_stages"]:
            value = version.get(field)
            return value.decode() if isinstance(value, bytes) else value
    return None


def _message(stored: StoredMessage) -> Message:
    attributes = json.loads(stored.attributes)
    message = Message(stored.id, stored.body, attributes["system"])
    message.message_attributes = attributes["message"]
    message.sent_timestamp = stored.sent_at_ms  # type: ignore[assignment]
    message.delayed_until = stored.delayed_until_ms
    message.group_id, message.deduplication_id = stored.group_id, stored.deduplication_id
    message.approximate_first_receive_timestamp = stored.first_received_at_ms
    was_in_flight = stored.visible_at_ms > datetime.now(UTC).timestamp() * 1000
    message.approximate_receive_count = max(0, stored.receive_count - int(was_in_flight))
    return message


def _record(queue: Queue, message: Message) -> None:
    if not _journal:
        return
    attributes = {"system": message.system_attributes, "message": message.message_attributes}
    _journal[0].record_message(
        StoredMessage(
            id=message.id,
            queue=queue.name,
            body=message.body,
            attributes=json.dumps(attributes, default=_as_text),
            sent_at_ms=int(message.sent_timestamp or 0),
            delayed_until_ms=message.delayed_until,
            visible_at_ms=message.visible_at,
            receive_count=message.approximate_receive_count,
            first_received_at_ms=message.approximate_first_receive_timestamp,
            group_id=message.group_id,
            deduplication_id=message.deduplication_id,
        )
    )


def _as_text(value: object) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


# -- moto's methods, with the journal behind them --------------------------------------------


def _recorded_add(method: Callable[..., Any]) -> Callable[..., Any]:
    def add_message_on_record(self: Queue, message: Message) -> None:
        method(self, message)
        if message in self._messages:  # a FIFO queue drops duplicates
            _record(self, message)

    return add_message_on_record


def _recorded_delete(method: Callable[..., Any]) -> Callable[..., Any]:
    def delete_message(self: Queue, receipt_handle: str) -> None:
        before = [m.id for m in self._messages if m.had_receipt_handle(receipt_handle)]
        method(self, receipt_handle)
        if _journal:
            for message_id in before:
                _journal[0].remove_message(message_id)

    return delete_message


def _recorded_receive(method: Callable[..., Any]) -> Callable[..., Any]:
    def receive_message(self: SQSBackend, queue_name: str, *rest: Any, **named: Any) -> Any:
        received = method(self, queue_name, *rest, **named)
        queue = self.get_queue(queue_name)
        wanted = {message.id for message in received}
        for message in queue._messages:
            if message.id in wanted:
                _record(queue, message)
        return received

    return receive_message


def _recorded_visibility(method: Callable[..., Any]) -> Callable[..., Any]:
    def change_message_visibility(
        self: SQSBackend, queue_name: str, receipt_handle: str, visibility_timeout: int
    ) -> None:
        method(self, queue_name, receipt_handle, visibility_timeout)
        queue = self.get_queue(queue_name)
        for message in queue._messages:
            if message.had_receipt_handle(receipt_handle):
                _record(queue, message)

    return change_message_visibility


def _recorded_purge(method: Callable[..., Any]) -> Callable[..., Any]:
    def purge_queue(self: SQSBackend, queue_name: str) -> None:
        method(self, queue_name)
        if _journal:
            _journal[0].purge(queue_name)

    return purge_queue


def _buffer(size: int = 0, *, max_size: int | None = None) -> object:
    """Give a new object its home: on disk with a journal, moto's own without.

    ``max_size`` by name marks a copy that moto makes of an object for a listing: that is no object.
    """
    if max_size is not None:
        return SpooledTemporaryFile(max_size)
    return _journal[0].new_bytes() if _journal else SpooledTemporaryFile(size)


def _install() -> None:
    if getattr(Queue.add_message, "__name__", "") == "add_message_on_record":
        return
    replacements: list[tuple[object, str, object]] = [
        (s3_models, "tempfile", SimpleNamespace(SpooledTemporaryFile=_buffer)),
        (Queue, "add_message", _recorded_add(Queue.add_message)),
        (Queue, "delete_message", _recorded_delete(Queue.delete_message)),
        (SQSBackend, "receive_message", _recorded_receive(SQSBackend.receive_message)),
        (
            SQSBackend,
            "change_message_visibility",
            _recorded_visibility(SQSBackend.change_message_visibility),
        ),
        (SQSBackend, "purge_queue", _recorded_purge(SQSBackend.purge_queue)),
    ]
    for owner, name, replacement in replacements:
        setattr(owner, name, replacement)
