"""What steps derived from a version, read back from objects: its parsed form and its chunks."""

from __future__ import annotations

import gzip

from shared.adapters.objects import Objects
from shared.documents.model import derived_prefix
from shared.ingestion.model import Chunk, ParsedDocument
from shared.ingestion.serialization import chunks_from_json, document_from_json
from shared.kernel.errors import NotFoundError
from shared.kernel.ids import TenantId, VersionId


def load_document(objects: Objects, tenant_id: TenantId, version_id: VersionId) -> ParsedDocument:
    """Read a version's parsed form back, canonical text included; raises NotFoundError."""
    stored = objects.get(f"{derived_prefix(tenant_id, version_id)}document.json.gz")
    return document_from_json(gzip.decompress(stored))


def load_chunks(objects: Objects, tenant_id: TenantId, version_id: VersionId) -> list[Chunk]:
    """Read a version's chunks back, in order."""
    stored = objects.get(f"{derived_prefix(tenant_id, version_id)}chunks.json.gz")
    return chunks_from_json(gzip.decompress(stored))


def keep_text(objects: Objects, tenant_id: TenantId, version_id: VersionId) -> str:
    """Store a version's canonical text as a file of its own and return its key.

    The name tells which reading it was made from, so it is made once for each.
    """
    prefix = derived_prefix(tenant_id, version_id)
    reading = objects.describe(f"{prefix}document.json.gz")
    if reading is None:
        raise NotFoundError("This version has not been read.")
    key = f"{prefix}exports/{reading.version or 'text'}.txt"
    if objects.describe(key) is None:
        document = load_document(objects, tenant_id, version_id)
        objects.put(key, document.text.encode(), media_type="text/plain; charset=utf-8")
    return key


def list_page_images(objects: Objects, tenant_id: TenantId, version_id: VersionId) -> set[int]:
    """List the numbers of the pages that have an image."""
    prefix = f"{derived_prefix(tenant_id, version_id)}pages/"
    names = (info.key.removeprefix(prefix).partition(".")[0] for info in objects.list(prefix))
    return {int(name) for name in names if name.isdigit()}


def thumbnail_key(tenant_id: TenantId, version_id: VersionId) -> str:
    """Return where the small picture of a version's first page is."""
    return f"{derived_prefix(tenant_id, version_id)}thumbnail.webp"


def page_image_key(tenant_id: TenantId, version_id: VersionId, page: int) -> str:
    """Return where the picture of a page is."""
    return f"{derived_prefix(tenant_id, version_id)}pages/{page:04d}.webp"
