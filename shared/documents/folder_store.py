"""The rows of folders, one typed function per query."""

from __future__ import annotations

from collections.abc import Sequence

from shared.adapters.database import Session
from shared.adapters.queries import load_queries
from shared.documents.model import Depth, DocumentIdRow, Folder, Home, Presence
from shared.kernel.ids import DocumentId, FolderId, UserId

QUERIES = load_queries("shared.documents")


def lock_tree(session: Session) -> None:
    """Keep everybody else from making or moving folders until the transaction ends."""
    session.execute(QUERIES["lock_folders"])


def lock_tree_shared(session: Session) -> None:
    """Keep folders from being moved until the transaction ends; making them goes on."""
    session.execute(QUERIES["lock_folders_shared"])


def find_folder(session: Session, folder_id: FolderId) -> Folder | None:
    """Return one folder."""
    return session.find(QUERIES["find_folder"], Folder, {"id": folder_id})


def find_home(session: Session, document_id: DocumentId) -> FolderId | None:
    """Return the folder a document lies in; ``None`` for the root."""
    found = session.find(QUERIES["find_home"], Home, {"id": document_id})
    return None if found is None else found.folder_id


def is_there(session: Session, folder_id: FolderId) -> bool:
    """Tell whether a folder exists, whoever sees it."""
    return session.get(QUERIES["find_presence"], Presence, {"id": folder_id}).is_there


def find_deepest_folder(session: Session, paths: Sequence[str], person: UserId) -> Folder | None:
    """Return the folder at the longest of these paths; of twins, the person's own first."""
    params = {"paths": list(paths), "person": person}
    return session.find(QUERIES["find_deepest_folder"], Folder, params)


def find_folder_named(
    session: Session, parent_id: FolderId | None, name: str, person: UserId
) -> Folder | None:
    """Return a folder by its name and what it lies in; of twins, the person's own first."""
    params = {"parent_id": parent_id, "name": name, "person": person}
    return session.find(QUERIES["find_folder_named"], Folder, params)


def record_folder(
    session: Session,
    folder_id: FolderId,
    *,
    parent_id: FolderId | None,
    name: str,
    created_by: UserId,
) -> bool:
    """Insert a folder; False when its name is taken by one that the viewer sees."""
    params = {"id": folder_id, "parent_id": parent_id, "name": name, "created_by": created_by}
    return session.execute(QUERIES["record_folder"], params) == 1


def list_folders(
    session: Session, *, after: str, after_id: FolderId | None, limit: int
) -> list[Folder]:
    """List folders by path, behind ``after``; those of one path by their ids."""
    params = {"after": after, "after_id": after_id, "limit": limit}
    return session.all(QUERIES["list_folders"], Folder, params)


def find_depth(session: Session, folder_id: FolderId) -> int:
    """Return the number of levels of the deepest folder at or below one."""
    return session.get(QUERIES["find_deepest"], Depth, {"id": folder_id}).depth


def move_folder(
    session: Session, folder_id: FolderId, *, parent_id: FolderId | None, name: str
) -> None:
    """Hang a folder elsewhere, with everything below it and what it left in the trash."""
    params = {"id": folder_id, "name": name, "parent_id": parent_id}
    session.execute(QUERIES["change_folder"], params)


def remove_folder(session: Session, folder_id: FolderId) -> bool:
    """Delete a folder if it is empty; False otherwise."""
    return session.execute(QUERIES["remove_folder"], {"id": folder_id}) == 1


def list_documents_below(session: Session, folder_id: FolderId, *, limit: int) -> list[DocumentId]:
    """List documents in and below a folder, at most ``limit``."""
    params = {"id": folder_id, "limit": limit}
    return [row.id for row in session.all(QUERIES["list_documents_below"], DocumentIdRow, params)]


def remove_tree(session: Session, folder_id: FolderId) -> None:
    """Delete a folder and those below it; nothing may be in them."""
    session.execute(QUERIES["remove_folder_tree"], {"id": folder_id})
