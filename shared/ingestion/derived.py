"""What steps derived from a version, read back from objects: its parsed form and its chunks."""

from __future__ import annotations

import gzip

from shared.adapters.objects import Objects
from shared.documents.model import derived_prefix
from shared.ingestion.model import Chunk, ParsedDocument
from shared.ingestion.serialization import chunks_from_json, document_from_json
from shared.kernel.ids import TenantId, VersionId

FIRST_READING = 1


def reading_prefix(tenant_id: TenantId, version_id: VersionId, reading: int) -> str:
    """Return the folder of one reading of a version, ending in a slash."""
    prefix = derived_prefix(tenant_id, version_id)
    return prefix if reading == FIRST_READING else f"{prefix}readings/{reading}/"


def load_document(
    objects: Objects, tenant_id: TenantId, version_id: VersionId, *, reading: int = FIRST_READING
) -> ParsedDocument:
    """Read a version's parsed form back, canonical text included; raises NotFoundError."""
    prefix = reading_prefix(tenant_id, version_id, reading)
    return document_from_json(gzip.decompress(objects.get(f"{prefix}document.json.gz")))


def load_chunks(
    objects: Objects, tenant_id: TenantId, version_id: VersionId, *, reading: int = FIRST_READING
) -> list[Chunk]:
    """Read a version's chunks back, in order."""
    prefix = reading_prefix(tenant_id, version_id, reading)
    return chunks_from_json(gzip.decompress(objects.get(f"{prefix}chunks.json.gz")))
