"""The task that travels through the ingest workflow: ids only, never content."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self
from uuid import UUID

from shared.files.formats import Reader, reader_named
from shared.kernel.ids import DocumentId, JobId, TenantId, VersionId


@dataclass(frozen=True, slots=True)
class IngestTask:
    """One version to be read, embedded and indexed; ``reader`` says which function reads it.

    ``reprocessing`` names the reprocessing that wants a version done anew, as its ``reading``.
    """

    tenant_id: TenantId
    document_id: DocumentId
    version_id: VersionId
    job_id: JobId
    attempt: int
    correlation_id: str
    reader: Reader = "office"
    reading: int = 1
    reprocessing: UUID | None = None

    @classmethod
    def from_json(cls, stored: Mapping[str, object]) -> Self:
        """Read the task back from a workflow's input."""
        return cls(
            tenant_id=TenantId(UUID(str(stored["tenant_id"]))),
            document_id=DocumentId(UUID(str(stored["document_id"]))),
            version_id=VersionId(UUID(str(stored["version_id"]))),
            job_id=JobId(UUID(str(stored["job_id"]))),
            attempt=int(str(stored["attempt"])),
            correlation_id=str(stored["correlation_id"]),
            reader=reader_named(str(stored.get("reader", ""))),
            reading=int(str(stored.get("reading", 1))),
            reprocessing=UUID(str(again)) if (again := stored.get("reprocessing")) else None,
        )

    def to_json(self) -> dict[str, object]:
        """Return the task as a workflow's input carries it."""
        return {
            "tenant_id": str(self.tenant_id),
            "document_id": str(self.document_id),
            "version_id": str(self.version_id),
            "job_id": str(self.job_id),
            "attempt": self.attempt,
            "correlation_id": self.correlation_id,
            "reader": self.reader,
            "reading": self.reading,
            "reprocessing": str(self.reprocessing) if self.reprocessing else None,
        }

    @property
    def execution_name(self) -> str:
        """Return the workflow's name: the version, and the attempt from the second on."""
        suffix = f"-{self.attempt}" if self.attempt > 1 else ""
        return f"{self.key}{suffix}".replace("/", "-")

    @property
    def key(self) -> str:
        """Return what steps leave their receipts under: the version, and who wants it anew."""
        again = f"/{self.reprocessing}" if self.reprocessing else ""
        return f"{self.version_id}{again}"
