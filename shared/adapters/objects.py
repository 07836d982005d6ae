"""Objects: bytes in one bucket, versioned, reached by key; presigned for the outside."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from shared.adapters import aws
from shared.kernel.errors import NotFoundError, UnavailableError


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """What the store knows of an object without reading it."""

    key: str
    size_bytes: int
    version: str
    modified_at: datetime


@dataclass(frozen=True, slots=True)
class PresignedPost:
    """An address and form fields with which a client uploads exactly one object."""

    url: str
    fields: dict[str, str]


class Objects:
    """One bucket."""

    def __init__(self, bucket: str, *, region: str, endpoint: str = "") -> None:
        self.bucket = bucket
        self._client: Any = aws.client("s3", region=region, endpoint=endpoint)

    def check(self) -> None:
        """Reach for the bucket; raises NotFoundError, NotPermittedError or UnavailableError.

        Lists instead of HEAD: functions may list below ``uploads/`` only.
        """
        with aws.translated(f"The bucket {self.bucket}"):
            self._client.list_objects_v2(Bucket=self.bucket, Prefix="uploads/", MaxKeys=1)

    def put(self, key: str, body: bytes, *, media_type: str = "application/octet-stream") -> str:
        """Store bytes; returns the object's version (empty on an unversioned bucket)."""
        with aws.translated(f"The object {key}"):
            answer = self._client.put_object(
                Bucket=self.bucket, Key=key, Body=body, ContentType=media_type
            )
        return str(answer.get("VersionId", ""))

    def put_locked(self, key: str, body: bytes, *, until: datetime) -> None:
        """Store bytes that nobody, the account's owner included, can delete before ``until``.

        The bucket must have Object Lock. A later object of the same key does not replace them.
        """
        with aws.translated(f"The object {key}"):
            self._client.put_object(
                Bucket=self.bucket,
                Key=key,
                Body=body,
                ContentType="application/json",
                ObjectLockMode="COMPLIANCE",
                ObjectLockRetainUntilDate=until,
                ChecksumAlgorithm="SHA256",  # Object Lock asks for one
            )

    def list_first_versions(self, prefix: str) -> Iterator[tuple[str, str]]:
        """Iterate over keys under a prefix, each with the version that was stored first.

        What was stored over it, or a mark that hides it, changes nothing.
        """
        token: dict[str, str] = {}
        first: dict[str, tuple[datetime, str]] = {}
        while True:
            with aws.translated(f"The folder {prefix}"):
                found = self._client.list_object_versions(
                    Bucket=self.bucket, Prefix=prefix, **token
                )
            for item in found.get("Versions", []):
                here = (item["LastModified"], item["VersionId"])
                # Newest first, so that of two of the same second the later listed is older.
                if item["Key"] not in first or here[0] <= first[item["Key"]][0]:
                    first[item["Key"]] = here
            if not found.get("IsTruncated"):
                break
            token = {
                "KeyMarker": found["NextKeyMarker"],
                "VersionIdMarker": found["NextVersionIdMarker"],
            }
        yield from ((key, version) for key, (_, version) in sorted(first.items()))

    def upload(self, key: str, source: Path) -> None:
        """Store a file in constant memory."""
        with aws.translated(f"The object {key}"), source.open("rb") as file:
            self._client.put_object(Bucket=self.bucket, Key=key, Body=file)

    def copy(self, key: str, target: str, *, version: str = "") -> None:
        """Copy an object inside the bucket, without its bytes passing through here."""
        source = {"Bucket": self.bucket, "Key": key, **_version(version)}
        with aws.translated(f"The object {key}"):
            self._client.copy_object(Bucket=self.bucket, Key=target, CopySource=source)

    def get(self, key: str, *, version: str = "") -> bytes:
        """Read an object whole; for our own derived files, which are bounded."""
        with aws.translated(f"The object {key}"):
            answer = self._client.get_object(Bucket=self.bucket, Key=key, **_version(version))
            return bytes(answer["Body"].read())

    def download(self, key: str, target: Path, *, version: str = "") -> None:
        """Write an object to a file in constant memory."""
        with aws.translated(f"The object {key}"), target.open("wb") as file:
            answer = self._client.get_object(Bucket=self.bucket, Key=key, **_version(version))
            for block in answer["Body"].iter_chunks(1 << 20):
                file.write(block)

    def tags(self, key: str, *, version: str = "") -> dict[str, str]:
        """Return an object's tags."""
        with aws.translated(f"The object {key}"):
            answer = self._client.get_object_tagging(
                Bucket=self.bucket, Key=key, **_version(version)
            )
        return {tag["Key"]: tag["Value"] for tag in answer["TagSet"]}

    def describe(self, key: str) -> ObjectInfo | None:
        """Return size and version of an object, or ``None`` when it is not there."""
        try:
            with aws.translated(f"The object {key}"):
                answer = self._client.head_object(Bucket=self.bucket, Key=key)
        except NotFoundError:
            return None
        return ObjectInfo(
            key, answer["ContentLength"], answer.get("VersionId", ""), answer["LastModified"]
        )

    def has(self, key: str, *, version: str) -> bool:
        """Tell whether this very version of an object is there."""
        try:
            with aws.translated(f"The object {key}"):
                self._client.head_object(Bucket=self.bucket, Key=key, **_version(version))
        except NotFoundError:
            return False
        return True

    def list(self, prefix: str, *, after: str = "") -> Iterator[ObjectInfo]:
        """Iterate over the objects under a prefix behind ``after``, in key order, unversioned."""
        token: dict[str, str] = {"StartAfter": after} if after else {}
        while True:
            with aws.translated(f"The folder {prefix}"):
                answer = self._client.list_objects_v2(Bucket=self.bucket, Prefix=prefix, **token)
            for item in answer.get("Contents", []):
                yield ObjectInfo(item["Key"], item["Size"], "", item["LastModified"])
            if not answer.get("IsTruncated"):
                return
            token = {"ContinuationToken": answer["NextContinuationToken"]}

    def remove(self, prefix: str) -> int:
        """Delete every version of every object under a prefix; returns how many keys went."""
        keys: set[str] = set()
        while True:
            # From the beginning each time: what was listed is gone, so no marker is needed.
            with aws.translated(f"The folder {prefix}"):
                found = self._client.list_object_versions(Bucket=self.bucket, Prefix=prefix)
                items = found.get("Versions", []) + found.get("DeleteMarkers", [])
                if items:
                    self._delete(items)
            keys.update(item["Key"] for item in items)
            if not found.get("IsTruncated"):
                return len(keys)

    def _delete(self, items: Sequence[dict[str, Any]]) -> None:
        """Delete up to 1,000 versions in one call; raises UnavailableError when some stay."""
        answer = self._client.delete_objects(
            Bucket=self.bucket,
            Delete={
                "Objects": [{"Key": i["Key"], "VersionId": i["VersionId"]} for i in items],
                "Quiet": True,
            },
        )
        if answer.get("Errors"):
            raise UnavailableError("Some files could not be deleted.", hint="Try again.")

    def presign_upload(
        self, key: str, *, size_bytes: int, media_type: str, expires_s: int
    ) -> PresignedPost:
        """Allow one upload of exactly ``size_bytes`` to exactly ``key`` for ``expires_s``."""
        with aws.translated(f"The object {key}"):
            answer = self._client.generate_presigned_post(
                self.bucket,
                key,
                Fields={"Content-Type": media_type},
                Conditions=[
                    {"Content-Type": media_type},
                    ["content-length-range", size_bytes, size_bytes],
                ],
                ExpiresIn=expires_s,
            )
        return PresignedPost(answer["url"], answer["fields"])

    def presign_download(self, key: str, *, filename: str, version: str, expires_s: int) -> str:
        """Make a short-lived address that downloads the object as an attachment."""
        shape = {"ResponseContentDisposition": _attachment(filename), **_version(version)}
        return self._presign(key, shape, expires_s)

    def presign_view(self, key: str, *, media_type: str, expires_s: int) -> str:
        """Make a short-lived address that shows the object in place, as what it is."""
        shape = {"ResponseContentDisposition": "inline", "ResponseContentType": media_type}
        return self._presign(key, shape, expires_s)

    def _presign(self, key: str, shape: dict[str, str], expires_s: int) -> str:
        with aws.translated(f"The object {key}"):
            return str(
                self._client.generate_presigned_url(
                    "get_object",
                    Params={"Bucket": self.bucket, "Key": key, **shape},
                    ExpiresIn=expires_s,
                )
            )


def _attachment(filename: str) -> str:
    safe = "".join(c if c.isalnum() or c in " ._-()" else "_" for c in filename)
    return f'attachment; filename="{safe.encode("ascii", "replace").decode()}"'


def _version(version: str) -> dict[str, str]:
    return {"VersionId": version} if version else {}
