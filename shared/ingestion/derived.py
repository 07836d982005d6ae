"""What steps derived from a version, read back from objects: its parsed form and its chunks."""

from __future__ import annotations

import gzip
from typing import Literal

from shared.adapters.objects import Objects
from shared.documents.model import derived_prefix
from shared.ingestion.export import document_to_markdown
from shared.ingestion.model import Chunk, ParsedDocument
from shared.ingestion.serialization import chunks_from_json, document_from_json
from shared.kernel.errors import NotFoundError
from shared.kernel.ids import TenantId, VersionId

FIRST_READING = 1
_EXPORTS = {"text": ("txt", "text/plain"), "markdown": ("md", "text/markdown")}


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


def load_beginning(
    objects: Objects,
    tenant_id: TenantId,
    version_id: VersionId,
    *,
    reading: int,
    most_characters: int,
    most_bytes: int,
) -> tuple[str, bool] | None:
    """Read the beginning of a version's text, and whether it was cut.

    ``None`` where what it would be read from is larger than ``most_bytes``. Raises NotFoundError
    when the version has not been read.
    """
    stored = objects.describe(f"{reading_prefix(tenant_id, version_id, reading)}document.json.gz")
    if stored is None:
        raise NotFoundError("This version has not been read.")
    if stored.size_bytes > most_bytes:
        return None
    text = load_document(objects, tenant_id, version_id, reading=reading).text
    if len(text) <= most_characters:
        return text, False
    return text[:most_characters].rsplit(None, 1)[0], True


def load_chunks(
    objects: Objects, tenant_id: TenantId, version_id: VersionId, *, reading: int = FIRST_READING
) -> list[Chunk]:
    """Read a version's chunks back, in order."""
    prefix = reading_prefix(tenant_id, version_id, reading)
    return chunks_from_json(gzip.decompress(objects.get(f"{prefix}chunks.json.gz")))


def keep_export(
    objects: Objects,
    tenant_id: TenantId,
    version_id: VersionId,
    form: Literal["text", "markdown"],
    *,
    reading: int = FIRST_READING,
) -> str:
    """Store a version's text, plain or as Markdown, as a file of its own and return its key.

    The name tells what it was made from, so it is made once for each. Raises NotFoundError when
    the version has not been read.
    """
    prefix = reading_prefix(tenant_id, version_id, reading)
    stored = objects.describe(f"{prefix}document.json.gz")
    if stored is None:
        raise NotFoundError("This version has not been read.")
    extension, media_type = _EXPORTS[form]
    key = f"{prefix}exports/{stored.version or 'only'}.{extension}"
    if objects.describe(key) is None:
        document = load_document(objects, tenant_id, version_id, reading=reading)
        text = document.text if form == "text" else document_to_markdown(document)
        objects.put(key, text.encode(), media_type=f"{media_type}; charset=utf-8")
    return key


def list_page_images(objects: Objects, tenant_id: TenantId, version_id: VersionId) -> set[int]:
    """List the numbers of the pages that have an image."""
    prefix = f"{derived_prefix(tenant_id, version_id)}pages/"
    names = (info.key.removeprefix(prefix).partition(".")[0] for info in objects.list(prefix))
    return {int(name) for name in names if name.isdigit()}


def thumbnail_key(tenant_id: TenantId, version_id: VersionId) -> str:
    """Return where the small picture of a version's first page is."""
    return f"{derived_prefix(tenant_id, version_id)}thumbnail.webp"
