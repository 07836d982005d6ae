"""What steps derived from a version, read back from objects: its parsed form and its chunks."""

from __future__ import annotations

import gzip

from shared.adapters.objects import Objects
from shared.documents.model import derived_prefix
from shared.ingestion.model import Chunk, ParsedDocument
from shared.ingestion.serialization import chunks_from_json, document_from_json
from shared.kernel.ids import TenantId, VersionId


def load_document(objects: Objects, tenant_id: TenantId, version_id: VersionId) -> ParsedDocument:
    """Read a version's parsed form back, canonical text included; raises NotFoundError."""
    stored = objects.get(f"{derived_prefix(tenant_id, version_id)}document.json.gz")
    return document_from_json(gzip.decompress(stored))


def load_chunks(objects: Objects, tenant_id: TenantId, version_id: VersionId) -> list[Chunk]:
    """Read a version's chunks back, in order."""
    stored = objects.get(f"{derived_prefix(tenant_id, version_id)}chunks.json.gz")
    return chunks_from_json(gzip.decompress(stored))
