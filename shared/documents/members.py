"""Files inside files: documents of their own that came with their parent and go with it.

A mail's attachments and an archive's members are announced in the transaction that says their
parent has been read, under ids that follow from parent and name: a repeat finds them there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from shared.adapters.database import Session
from shared.adapters.queries import load_queries
from shared.documents import store
from shared.documents.model import Kept, Upload, Version, clean_filename, upload_key
from shared.kernel.clock import now
from shared.kernel.context import correlation_id
from shared.kernel.errors import NotFoundError
from shared.kernel.ids import DocumentId, FolderId, JobId, UserId, VersionId

QUERIES = load_queries("shared.documents")
MAX_DEPTH = 3
MAX_MEMBERS = 1_000
EXPIRY_DAYS = 7  # long past any outage: their bytes are already ours


@dataclass(frozen=True, slots=True)
class Member:
    """A file inside a document; ``depth`` 1 lies in the file that a person put in, its root."""

    id: JobId
    parent_document_id: DocumentId
    parent_version_id: VersionId
    root_document_id: DocumentId
    name: str
    depth: int
    source_key: str
    document_id: DocumentId | None


@dataclass(frozen=True, slots=True)
class MemberState:
    """What became of a file inside: its upload's state, its document once it is known."""

    id: JobId
    name: str
    document_id: DocumentId | None
    state: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """An object to be copied to where intake takes it from."""

    object_key: str
    source_key: str


@dataclass(frozen=True, slots=True)
class MemberCount:
    """How many files came out of one."""

    count: int


@dataclass(frozen=True, slots=True)
class ChildDocument:
    """A document that came inside another."""

    id: DocumentId


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMember:
    """A file that was taken out of its parent and lies at ``source_key``."""

    name: str
    size_bytes: int
    source_key: str
    folder_id: FolderId | None


@dataclass(frozen=True, slots=True)
class Announced:
    """The uploads that are new, and how many files were left out for each of the two limits."""

    uploads: tuple[Upload, ...]
    too_deep: int
    too_many: int


def announce(session: Session, parent: Version, members: Iterable[NewMember]) -> Announced:
    """Record an upload for every file inside a version; what is recorded already stays.

    Files that lie deeper than three levels, or beyond 1,000 of one root, are left out.
    """
    found = list(members)
    above = find_member(session, parent.job_id)
    depth = above.depth + 1 if above else 1
    root = above.root_document_id if above else parent.document_id
    if depth > MAX_DEPTH:
        return Announced((), len(found), 0)
    counted = session.find(QUERIES["count_members"], MemberCount, {"root_document_id": root})
    room = MAX_MEMBERS - (counted.count if counted else 0)
    uploads: list[Upload] = []
    left_out = 0
    for new in found:
        upload_id = member_id(parent.id, new.name)
        if find_member(session, upload_id) is not None:
            continue
        if room <= len(uploads):
            left_out += 1
            continue
        upload = _upload(session, parent, new, upload_id)
        store.record_upload(session, upload)
        session.execute(
            QUERIES["record_member"],
            {
                "id": upload_id,
                "parent_document_id": parent.document_id,
                "parent_version_id": parent.id,
                "root_document_id": root,
                "name": new.name,
                "depth": depth,
                "source_key": new.source_key,
            },
        )
        uploads.append(upload)
    return Announced(tuple(uploads), 0, left_out)


def _upload(session: Session, parent: Version, new: NewMember, upload_id: JobId) -> Upload:
    assert session.tenant_id is not None
    filename = clean_filename(new.name.rsplit("/", 1)[-1])
    return Upload(
        id=upload_id,
        folder_id=new.folder_id,
        document_id=None,
        filename=filename,
        claimed_type="",
        size_bytes=new.size_bytes,
        object_key=upload_key(session.tenant_id, upload_id, filename),
        metadata={},
        priority="bulk",  # nobody waits for one attachment as for the file they put in
        state="waiting",
        correlation_id=correlation_id(),
        created_by=parent.created_by,
        created_at=now(),
        expires_at=now() + timedelta(days=EXPIRY_DAYS),
    )


def member_id(version_id: VersionId, name: str) -> JobId:
    """Return the id of a file inside a version: the same for the same two, in time order.

    A UUID of version 7 whose time is its parent's and whose 74 other bits are a hash.
    """
    digest = hashlib.sha256(version_id.bytes + name.encode("utf-8", "surrogatepass")).digest()
    value = int.from_bytes(version_id.bytes[:6] + digest[:10], "big")
    value = (value & ~(0xF << 76)) | (0x7 << 76)
    value = (value & ~(0x3 << 62)) | (0x2 << 62)
    return JobId(UUID(int=value))


def find_member(session: Session, upload_id: JobId) -> Member | None:
    """Return the file inside that an upload brings; ``None`` for what a person put in."""
    return session.find(QUERIES["find_member"], Member, {"id": upload_id})


def list_members(session: Session, document_id: DocumentId) -> list[MemberState]:
    """List what came inside a document and what became of each."""
    return session.all(QUERIES["list_members"], MemberState, {"parent_document_id": document_id})


def list_undelivered(session: Session, version_id: VersionId) -> list[Delivery]:
    """List the files inside a version whose bytes intake has not taken yet."""
    return session.all(
        QUERIES["list_undelivered_members"], Delivery, {"parent_version_id": version_id}
    )


def check_parent(session: Session, upload: Upload) -> Member | None:
    """Return the file inside that an upload brings, its parent locked; ``None`` for any other.

    Raises NotFoundError when the parent has been removed meanwhile.
    """
    member = find_member(session, upload.id)
    if member is not None and store.lock_document(session, member.parent_document_id) is None:
        raise NotFoundError("The mail or archive that this file came in has been removed.")
    return member


def settle(session: Session, member: Member | None, kept: Kept, *, put_by: UserId) -> None:
    """Write down whose child the kept document is.

    What a person puts in again by hand stands on its own from then on, if it is theirs to change:
    it is then as open as its folder, whatever was said of what it came in.
    """
    if member is None:
        if kept.outcome != "new":
            params = {"id": kept.document_id, "user_id": put_by}
            session.execute(QUERIES["free_document"], params)
        return
    session.execute(
        QUERIES["change_member_document"], {"id": member.id, "document_id": kept.document_id}
    )
    if kept.outcome == "new":
        session.execute(
            QUERIES["change_document_parent"],
            {"id": kept.document_id, "parent_document_id": member.parent_document_id},
        )


def release_children(session: Session, document_id: DocumentId) -> list[DocumentId]:
    """Return the children that go with a document that is being removed.

    Those that also came inside another document are handed over to it and stay.
    """
    parent = {"parent_document_id": document_id}
    session.execute(QUERIES["adopt_children"], parent)
    return [child.id for child in session.all(QUERIES["list_children"], ChildDocument, parent)]
