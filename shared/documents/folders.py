"""Use cases of folders: make, find, list, move, clear and remove them."""

from __future__ import annotations

from shared.access.deciding import require_reach
from shared.access.model import Resource
from shared.adapters.database import Session
from shared.documents import folder_store as store
from shared.documents.model import MAX_DEPTH, Folder, split_path
from shared.kernel.errors import ConflictError, InvalidError, NotFoundError
from shared.kernel.ids import DocumentId, FolderId, UserId, new_id
from shared.kernel.paging import Page, clamp_limit, decode_cursor, encode_cursor


def make_folder(session: Session, path: str, *, created_by: UserId) -> FolderId | None:
    """Return the folder at a path, making what is missing; the empty path is the root.

    The folder is for putting something in: raises RefusedError where the viewer may only look,
    NotFoundError where a folder of that name is not theirs to see.
    """
    parent: FolderId | None = None
    so_far = ""
    is_new = False
    names = split_path(path)
    if names:
        store.lock_tree_shared(session)
    for name in names:
        so_far = f"{so_far}/{name}" if so_far else name
        folder = store.find_folder_by_path(session, so_far)
        if folder is None:
            if parent is not None and not is_new:
                require_reach(session, "edit", Resource("folder", parent))
            is_new = True
            store.record_folder(
                session,
                folder_id=FolderId(new_id()),
                parent_id=parent,
                name=name,
                path=so_far,
                created_by=created_by,
            )
            folder = store.find_folder_by_path(session, so_far)
            if folder is None:
                raise NotFoundError(f"There is no folder {so_far} that you may use.")
        parent = folder.id
    if parent is not None and not is_new:
        require_reach(session, "edit", Resource("folder", parent))
    return parent


def find_folder(session: Session, folder_id: FolderId) -> Folder:
    """Return a folder; raises NotFoundError when it is not there or not yours."""
    folder = store.find_folder(session, folder_id)
    if folder is None:
        raise NotFoundError("There is no such folder.")
    return folder


def list_folders(session: Session, *, cursor: str | None, limit: int) -> Page[Folder]:
    """List folders in the order of their paths."""
    after = decode_cursor(cursor, 1)[0] if cursor else ""
    limit = clamp_limit(limit)
    folders = store.list_folders(session, after=after, limit=limit)
    return Page(folders, encode_cursor(folders[-1].path) if len(folders) == limit else None)


def move_folder(session: Session, folder_id: FolderId, path: str, *, moved_by: UserId) -> Folder:
    """Give a folder another path, and with it everything below; missing parents are made.

    Documents keep their ids, versions and passages: nothing is read or embedded again. Raises
    InvalidError for a path inside the folder itself, ConflictError when it is taken, RefusedError
    where the viewer may only look.
    """
    store.lock_tree(session)
    folder = find_folder(session, folder_id)
    require_reach(session, "edit", Resource("folder", folder_id))
    names = split_path(path)
    target = "/".join(names)
    if not names:
        raise InvalidError("The folder needs a name.", hint="Say where it is to be, e.g. archive.")
    if target == folder.path:
        return folder
    if target.startswith(f"{folder.path}/"):
        raise InvalidError("A folder cannot be moved into itself.")
    if store.find_folder_by_path(session, target) is not None:
        raise ConflictError(
            f"There is a folder {target} already.", hint="Choose another name, or move documents."
        )
    levels = store.find_depth(session, folder.path) - len(split_path(folder.path)) + len(names)
    if levels > MAX_DEPTH:
        raise InvalidError(f"The folders below it would be deeper than {MAX_DEPTH} levels.")
    parent_id = make_folder(session, "/".join(names[:-1]), created_by=moved_by)
    store.move_folder(session, folder, parent_id=parent_id, name=names[-1], path=target)
    return find_folder(session, folder_id)


def list_documents_below(session: Session, folder: Folder, *, limit: int) -> list[DocumentId]:
    """List some of the documents in and below a folder; none are left when it is empty."""
    return store.list_documents_below(session, folder.path, limit=limit)


def remove_folder(session: Session, folder_id: FolderId) -> None:
    """Delete an empty folder; raises ConflictError when something is in it."""
    find_folder(session, folder_id)
    require_reach(session, "edit", Resource("folder", folder_id))
    if not store.remove_folder(session, folder_id):
        raise ConflictError(
            "The folder is not empty.",
            hint="Move or remove its contents first, or remove it with its contents.",
        )


def remove_empty_tree(session: Session, folder_id: FolderId) -> bool:
    """Delete a folder and the empty ones below it; False when a document is in one of them."""
    store.lock_tree(session)
    folder = find_folder(session, folder_id)
    require_reach(session, "edit", Resource("folder", folder_id))
    if store.list_documents_below(session, folder.path, limit=1):
        return False
    store.remove_tree(session, folder.path)
    return True
