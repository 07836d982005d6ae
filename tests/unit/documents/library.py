"""Scenes for documents: one tenant's files, announced and kept as intake would."""

from __future__ import annotations

from dataclasses import dataclass, field

from shared.adapters.database import Database
from shared.documents import service as documents
from shared.documents.service import NewUpload, ReceivedFile
from shared.kernel.ids import JobId, TenantId, UserId, VersionId, new_id


@dataclass
class Office:
    """Somebody of a tenant who puts files in."""

    database: Database
    tenant: TenantId
    user: UserId = field(default_factory=lambda: UserId(new_id()))

    def announce(self, filename: str = "a.txt", **fields: object) -> JobId:
        new = NewUpload(filename=filename, size_bytes=3, **fields)  # type: ignore[arg-type]
        with self.database.transaction(self.tenant) as session:
            return documents.announce_upload(
                session, new, created_by=self.user, max_bytes=100, expiry_s=60
            ).id

    def keep(self, content: bytes, filename: str = "a.txt", **fields: object) -> documents.Kept:
        """Put a file in as far as intake takes it."""
        upload = self.announce(filename, **fields)
        file = ReceivedFile(
            sha256=content.ljust(32, b"."),
            size_bytes=3,
            media_type="text/plain",
            object_version="1",
        )
        with self.database.transaction(self.tenant) as session:
            return documents.keep(session, documents.find_upload(session, upload), file)

    def finish(self, version_id: VersionId) -> VersionId | None:
        """Complete a version as the last step does; returns the one to take out of the index."""
        with self.database.transaction(self.tenant) as session:
            version = documents.find_version(session, version_id)
            return documents.complete(session, version, embedding_model="m")

    def put(self, content: bytes, filename: str = "a.txt", **fields: object) -> documents.Kept:
        """Put a file in until it is completed."""
        kept = self.keep(content, filename, **fields)
        self.finish(kept.version_id)
        return kept
