"""Folders and collections by the names people give them, for every command that takes one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from infra.cli.client import Body, KontorClient

MOST = 10_000


def find_folder(client: KontorClient, name: str) -> Body:
    """Find a folder by its path. Raises NotFoundError."""
    from shared.kernel.errors import NotFoundError

    found = look_for_folder(client, name)
    if found is None:
        raise NotFoundError(f"There is no folder {name!r}.", hint="See `kontor ls`.")
    return found


def look_for_folder(client: KontorClient, name: str) -> Body | None:
    """Find a folder by its path; ``None`` when there is none."""
    wanted = name.strip().strip("/")
    folders = client.list_all("/api/v1/folders", limit=MOST)
    return next((folder for folder in folders if folder.get("path") == wanted), None)


def remove_folder(client: KontorClient, folder: Body) -> int:
    """Remove a folder with all that is in it, however much; returns how many documents went."""
    from infra.cli.client import path_of
    from infra.cli.terminal import number_of

    removed = 0.0
    while True:
        done = client.delete(path_of("folders", str(folder["id"])), recursive="true")
        removed += number_of(done, "removed_documents")
        if done.get("is_complete") is not False:
            return round(removed)


def find_collection(client: KontorClient, name: str) -> Body:
    """Find a collection by its name, whatever its case, or by its id. Raises NotFoundError."""
    from shared.kernel.errors import NotFoundError

    wanted = name.strip().lower()
    for each in client.list_all("/api/v1/collections", limit=MOST):
        if wanted in {str(each.get("name", "")).lower(), str(each.get("id"))}:
            return each
    raise NotFoundError(f"There is no collection {name!r}.", hint="See `kontor collection ls`.")


def collection_id(client: KontorClient, name: str) -> str:
    """Turn a collection's name into its id; nothing stays nothing."""
    return str(find_collection(client, name)["id"]) if name.strip() else ""
