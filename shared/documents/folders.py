"""Use cases of folders: make, find, list, move, clear and remove them."""

from __future__ import annotations

from uuid import UUID

from shared.access.deciding import kept_closed, require_reach
from shared.access.model import Resource
from shared.adapters.database import Session
from shared.documents import folder_store as store
from shared.documents.model import MAX_DEPTH, Folder, split_path
from shared.kernel.errors import ConflictError, InvalidError, NotFoundError
from shared.kernel.ids import DocumentId, FolderId, UserId, new_id
from shared.kernel.paging import Page, clamp_limit, decode_cursor, encode_cursor


def make_folder(
    session: Session, path: str, *, created_by: UserId, within: FolderId | None = None
) -> FolderId | None:
    """Return the folder at a path, making what is missing; the empty path is the root.

    ``within`` is the folder that the path begins in. The folder is for putting something in:
    raises RefusedError where the viewer may only look. Where a folder of that name is hidden from
    the viewer, they get one of their own (decision 17).
    """
    names = split_path(path)
    if names:
        store.lock_tree_shared(session)
    if names and within is not None:
        split_path(f"{find_folder(session, within).path}/{path}")
    parent, missing = _deepest(session, names, created_by, within)
    if parent is not None:
        require_reach(session, "edit", Resource("folder", parent))
    for name in missing:
        store.record_folder(
            session, FolderId(new_id()), parent_id=parent, name=name, created_by=created_by
        )
        made = store.find_folder_named(session, parent, name, created_by)
        if made is None:
            raise NotFoundError(f"There is no folder {path} that you may use.")
        parent = made.id
    return parent


def _deepest(
    session: Session, names: list[str], person: UserId, within: FolderId | None
) -> tuple[FolderId | None, list[str]]:
    """Find how far down a path there are folders, and the names that are missing below."""
    if within is None:
        paths = ["/".join(names[: count + 1]) for count in range(len(names))]
        found = store.find_deepest_folder(session, paths, person)
        return (None, names) if found is None else (found.id, names[len(split_path(found.path)) :])
    parent = within
    for index, name in enumerate(names):
        found = store.find_folder_named(session, parent, name, person)
        if found is None:
            return parent, names[index:]
        parent = found.id
    return parent, []


def find_home(session: Session, document_id: DocumentId) -> FolderId | None:
    """Return the folder a document lies in; ``None`` for the root."""
    return store.find_home(session, document_id)


def is_there(session: Session, folder_id: FolderId) -> bool:
    """Tell whether a folder exists, also one that the viewer does not see."""
    return store.is_there(session, folder_id)


def find_folder(session: Session, folder_id: FolderId) -> Folder:
    """Return a folder; raises NotFoundError when it is not there or not yours."""
    folder = store.find_folder(session, folder_id)
    if folder is None:
        raise NotFoundError("There is no such folder.")
    return folder


def list_folders(session: Session, *, cursor: str | None, limit: int) -> Page[Folder]:
    """List folders in the order of their paths."""
    after, after_id = _position(cursor)
    limit = clamp_limit(limit)
    folders = store.list_folders(session, after=after, after_id=after_id, limit=limit)
    last = folders[-1] if len(folders) == limit else None
    return Page(folders, encode_cursor(last.path, str(last.id)) if last else None)


def move_folder(session: Session, folder_id: FolderId, path: str, *, moved_by: UserId) -> Folder:
    """Give a folder another path, and with it everything below; missing parents are made.

    Documents keep their ids, versions and passages: nothing is read or embedded again. Raises
    InvalidError for a path inside the folder itself, ConflictError when it is taken by one that
    the viewer sees, RefusedError where the viewer may only look, or where somebody
    could do more with it then and the viewer does not manage it.
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
    if store.find_deepest_folder(session, [target], moved_by) is not None:
        raise ConflictError(
            f"There is a folder {target} already.", hint="Choose another name, or move documents."
        )
    levels = store.find_depth(session, folder_id) - len(split_path(folder.path)) + len(names)
    if levels > MAX_DEPTH:
        raise InvalidError(f"The folders below it would be deeper than {MAX_DEPTH} levels.")
    parent_id = make_folder(session, "/".join(names[:-1]), created_by=moved_by)
    with kept_closed(session, Resource("folder", folder_id)):
        store.move_folder(session, folder_id, parent_id=parent_id, name=names[-1])
    return find_folder(session, folder_id)


def list_documents_below(session: Session, folder: Folder, *, limit: int) -> list[DocumentId]:
    """List some of the documents in and below a folder; none are left when it is empty."""
    return store.list_documents_below(session, folder.id, limit=limit)


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
    find_folder(session, folder_id)
    require_reach(session, "edit", Resource("folder", folder_id))
    if store.list_documents_below(session, folder_id, limit=1):
        return False
    store.remove_tree(session, folder_id)
    return True


def _position(cursor: str | None) -> tuple[str, FolderId | None]:
    if cursor is None:
        return "", None
    path, folder_id = decode_cursor(cursor, 2)
    try:
        return path, FolderId(UUID(folder_id))
    except ValueError as error:
        raise InvalidError("The cursor is not one of ours.", hint="Start without it.") from error
