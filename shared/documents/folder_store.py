"""The rows of folders, one typed function per query."""

from __future__ import annotations

from shared.adapters.database import Session
from shared.adapters.queries import load_queries
from shared.documents.model import Depth, DocumentIdRow, Folder
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


def find_folder_by_path(session: Session, path: str) -> Folder | None:
    """Return the folder at a path."""
    return session.find(QUERIES["find_folder_by_path"], Folder, {"path": path})


def record_folder(
    session: Session,
    *,
    folder_id: FolderId,
    parent_id: FolderId | None,
    name: str,
    path: str,
    created_by: UserId,
) -> bool:
    """Insert a folder; False when its name is taken."""
    params = {"id": folder_id, "parent_id": parent_id, "name": name, "path": path}
    return session.execute(QUERIES["record_folder"], {**params, "created_by": created_by}) == 1


def list_folders(session: Session, *, after: str, limit: int) -> list[Folder]:
    """List folders by path, behind ``after``."""
    return session.all(QUERIES["list_folders"], Folder, {"after": after, "limit": limit})


def find_depth(session: Session, path: str) -> int:
    """Return the number of levels of the deepest folder at or below a path."""
    return session.get(QUERIES["find_deepest"], Depth, {"path": path}).depth


def move_folder(
    session: Session, folder: Folder, *, parent_id: FolderId | None, name: str, path: str
) -> None:
    """Hang a folder elsewhere, with everything below it and what it left in the trash."""
    params = {"id": folder.id, "name": name, "parent_id": parent_id}
    session.execute(QUERIES["change_folder"], params)
    for name_of_query in ("change_folder_paths", "change_removed_paths"):
        session.execute(QUERIES[name_of_query], {"old": folder.path, "new": path})


def remove_folder(session: Session, folder_id: FolderId) -> bool:
    """Delete a folder if it is empty; False otherwise."""
    return session.execute(QUERIES["remove_folder"], {"id": folder_id}) == 1


def list_documents_below(session: Session, path: str, *, limit: int) -> list[DocumentId]:
    """List documents in and below a folder, at most ``limit``."""
    params = {"path": path, "limit": limit}
    return [row.id for row in session.all(QUERIES["list_documents_below"], DocumentIdRow, params)]


def remove_tree(session: Session, path: str) -> None:
    """Delete a folder and those below it; nothing may be in them."""
    session.execute(QUERIES["remove_folder_tree"], {"path": path})
