"""Folders, documents, versions and uploads, and the pure rules about their names."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from shared.kernel.errors import InvalidError
from shared.kernel.ids import DocumentId, FolderId, JobId, TenantId, UserId, VersionId

MAX_NAME = 255
MAX_DEPTH = 32
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder; ``path`` is its names from the root, joined by slashes."""

    id: FolderId
    parent_id: FolderId | None
    name: str
    path: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Upload:
    """A file announced but maybe not yet here; its id is also its job's."""

    id: JobId
    folder_id: FolderId | None
    document_id: DocumentId | None
    filename: str
    claimed_type: str
    size_bytes: int
    object_key: str
    metadata: dict[str, object]
    state: str
    correlation_id: str
    created_by: UserId
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Version:
    """One immutable content of a document and how far it has been read."""

    id: VersionId
    document_id: DocumentId
    number: int
    filename: str
    media_type: str
    size_bytes: int
    sha256: bytes
    object_key: str
    object_version: str
    job_id: JobId
    stage: str
    failure: str
    attempt: int
    parser: str
    embedding_model: str
    language: str
    page_count: int | None
    chunk_count: int
    warnings: list[str]
    created_by: UserId
    created_at: datetime
    completed_at: datetime | None


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """A document as lists show it: with its folder's path and its newest version's state."""

    id: DocumentId
    title: str
    folder: str
    media_type: str
    language: str
    metadata: dict[str, object]
    current_version_id: VersionId | None
    version: int
    job_id: JobId
    stage: str
    failure: str
    size_bytes: int
    page_count: int | None
    chunk_count: int
    parent_document_id: DocumentId | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of received bytes: a new version, or one the tenant has already."""

    outcome: Literal["new", "duplicate"]
    document_id: DocumentId
    version_id: VersionId
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedFacts:
    """What reading a version revealed about it."""

    parser: str
    language: str
    page_count: int | None
    chunk_count: int
    warnings: tuple[str, ...]


def clean_filename(filename: str) -> str:
    """Reduce what a client calls a file to a plain name: no folders, no control characters.

    Raises InvalidError when nothing is left or it is longer than 255 characters.
    """
    name = _CONTROL.sub("", _storable(filename)).replace("\\", "/").rsplit("/", 1)[-1].strip()
    if name in {"", ".", ".."}:
        raise InvalidError("The file has no name.", hint="Send filename, e.g. report.pdf.")
    if len(name) > MAX_NAME:
        raise InvalidError(f"The file name is longer than {MAX_NAME} characters.")
    return name


def split_path(path: str) -> list[str]:
    """Split a folder path into its names; raises InvalidError for names that cannot be kept."""
    names = [name.strip() for name in _storable(path).replace("\\", "/").split("/")]
    names = [name for name in names if name]
    if len(names) > MAX_DEPTH:
        raise InvalidError(f"The folder path is deeper than {MAX_DEPTH} folders.")
    for name in names:
        if name in {".", ".."} or _CONTROL.search(name) or len(name) > MAX_NAME:
            raise InvalidError(f"{name!r} cannot be the name of a folder.")
    return names


def _storable(text: str) -> str:
    """Normalise to NFC and refuse what cannot be written as UTF-8 (lone surrogates)."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InvalidError("A name holds characters that are not text.") from error
    return unicodedata.normalize("NFC", text)


def upload_key(tenant_id: TenantId, upload_id: JobId, filename: str) -> str:
    """Return where an upload's bytes go: bound to its tenant, safe in any URL."""
    safe = re.sub(r"[^A-Za-z0-9._-]+", "_", filename)[-100:].lstrip("._") or "file"
    return f"uploads/{tenant_id}/{upload_id}/{safe}"


def derived_prefix(tenant_id: TenantId, version_id: VersionId) -> str:
    """Return the folder of everything computed from a version, ending in a slash."""
    return f"derived/{tenant_id}/{version_id}/"


def title_of(filename: str) -> str:
    """Return a first title for a file: its name without the extension."""
    stem = filename.rsplit(".", 1)[0] if "." in filename.lstrip(".") else filename
    return stem.replace("_", " ").strip() or filename


@dataclass(frozen=True, slots=True)
class DocumentLock:
    """A document whose row this transaction holds."""

    id: DocumentId
    title: str
    current_version_id: VersionId | None


@dataclass(frozen=True, slots=True)
class ErasableDocument:
    """A removed document past its days in the trash."""

    id: DocumentId


@dataclass(frozen=True, slots=True)
class ErasableVersion:
    """A version whose objects are to go."""

    id: VersionId
    object_key: str
