"""Folders, documents, versions and uploads, and the pure rules about their names."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from shared.kernel.errors import InvalidError
from shared.kernel.ids import DocumentId, FolderId, JobId, TenantId, UserId, VersionId

MAX_NAME = 255
MAX_DEPTH = 32
MAX_TAG = 64
MAX_TAGS = 50
MAX_METADATA_KEYS = 64
HUGE_BYTES = 20 * 1024 * 1024
Priority = Literal["interactive", "bulk"]
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
    """A file announced but maybe not yet here; its id is also its job's.

    ``on_conflict`` says what a file of the same name in the same folder means: ``keep`` both, or
    make this one its next ``version``. ``duplicate_of`` is the document that had the bytes already.
    """

    id: JobId
    folder_id: FolderId | None
    document_id: DocumentId | None
    filename: str
    claimed_type: str
    size_bytes: int
    object_key: str
    metadata: dict[str, object]
    priority: str
    state: str
    correlation_id: str
    created_by: UserId
    created_at: datetime
    expires_at: datetime
    on_conflict: str = "keep"
    duplicate_of: DocumentId | None = None


@dataclass(frozen=True, slots=True)
class Allowed:
    """Yes or no."""

    is_so: bool


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Whether another version keeps the same bytes."""

    is_kept: bool


@dataclass(frozen=True, slots=True)
class Known:
    """Whether an id is an open upload's, a version's, or the upload's that a version came from."""

    is_upload: bool
    is_version: bool
    is_original: bool


@dataclass(frozen=True, slots=True)
class Version:
    """One immutable content of a document and how far it has been read.

    ``options`` is how it was read, ``extracted`` what the file says of itself (author, dates).
    """

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
    options: dict[str, object]
    extracted: dict[str, object]
    created_by: UserId
    created_at: datetime
    completed_at: datetime | None


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """A document as lists show it, with the state of the version that counts.

    That is the newest one, or the one somebody went back to. ``current_version`` is the number of
    the one that is searched; ``None`` before the first is ready.
    """

    id: DocumentId
    title: str
    folder: str
    media_type: str
    language: str
    metadata: dict[str, object]
    tags: list[str]
    extracted: dict[str, object]
    current_version_id: VersionId | None
    current_version: int | None
    version: int
    filename: str
    job_id: JobId
    stage: str
    failure: str
    size_bytes: int
    page_count: int | None
    chunk_count: int
    created_by: UserId
    parent_document_id: DocumentId | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of received bytes.

    ``new``: a version to be read; ``duplicate``: the tenant has them already, as version
    ``number`` of this document; ``restored``: they are an earlier version of the document they
    were meant for, which becomes its current one again. ``is_current``: search answers from that
    version now, or will once it is read.
    """

    outcome: Literal["new", "duplicate", "restored"]
    document_id: DocumentId
    version_id: VersionId
    title: str
    folder: str = ""
    number: int = 1
    is_current: bool = True


@dataclass(frozen=True, slots=True)
class Original:
    """Where the bytes of an upload that brought nothing new are already."""

    job_id: JobId
    document_id: DocumentId
    title: str
    folder: str
    is_removed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedFacts:
    """What reading a version revealed about it."""

    parser: str
    language: str
    page_count: int | None
    chunk_count: int
    warnings: tuple[str, ...]
    options: Mapping[str, object] = field(default_factory=dict)
    extracted: Mapping[str, object] = field(default_factory=dict)


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


def clean_tags(tags: Iterable[str]) -> list[str]:
    """Bring tags into one form: lower case, single spaces, each once, in order of the alphabet.

    Raises InvalidError for a tag that is empty, longer than 64 characters or holds a comma, and
    for more than 50.
    """
    clean = set()
    for tag in tags:
        text = " ".join(_CONTROL.sub(" ", _storable(tag)).split()).casefold().lstrip("#").strip()
        if not text or len(text) > MAX_TAG or "," in text:
            raise InvalidError(
                f"{tag[:MAX_TAG]!r} cannot be a tag.",
                hint=f"A tag has 1 to {MAX_TAG} characters and no comma.",
            )
        clean.add(unicodedata.normalize("NFC", text))
    if len(clean) > MAX_TAGS:
        raise InvalidError(f"More than {MAX_TAGS} tags.", hint="Use metadata for the rest.")
    return sorted(clean)


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
class DocumentIdRow:
    """A document that a list names by its id alone."""

    id: DocumentId


@dataclass(frozen=True, slots=True)
class Home:
    """The folder a document lies in; ``None`` is the root."""

    folder_id: FolderId | None


@dataclass(frozen=True, slots=True)
class Presence:
    """Whether a folder exists, hidden or not."""

    is_there: bool


@dataclass(frozen=True, slots=True)
class Depth:
    """How many folders lie on the longest path."""

    depth: int


@dataclass(frozen=True, slots=True)
class Description:
    """What people said about a document."""

    metadata: dict[str, object]
    tags: list[str]


@dataclass(frozen=True, slots=True)
class TagCount:
    """A tag and how many documents carry it."""

    tag: str
    document_count: int


def rank_of(priority: str, size_bytes: int) -> int:
    """Return an upload's place in the queue: 0 goes first, 3 last.

    What somebody waits for goes before what came with a thousand others, small before huge.
    """
    return (2 if priority == "bulk" else 0) + (1 if size_bytes >= HUGE_BYTES else 0)
