"""`kontor mv`, `set` and `tags`: where documents are and what people say about them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.documents import Which
from infra.cli.options import DEFAULT_DATA, Api, AsJson, Data, Token

if TYPE_CHECKING:
    from infra.cli.client import Body, KontorClient


def mv(
    sources: Annotated[
        list[str], typer.Argument(metavar="SOURCE… FOLDER", help="Documents or folders, and where.")
    ],
    *,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Move documents or folders into a folder; a folder moved to a new path is renamed.

    Missing folders are made, "/" is the top. Nothing is read or embedded again.
    """
    from infra.cli.client import KontorClient
    from infra.cli.target import resolve
    from infra.cli.terminal import open_console, print_json, text_of
    from shared.kernel.errors import InvalidError

    *names, target = sources
    if not names:
        raise InvalidError("Say what to move and where to.", hint="kontor mv report archive/2026")
    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        moved = [_move(client, name, target, is_one=len(names) == 1) for name in names]
    if as_json:
        print_json({"moved": moved})
        return
    for each in moved:
        where = each.get("path") or f"{text_of(each, 'folder')}/{text_of(each, 'title')}"
        open_console().print(f"moved to {str(where).lstrip('/')}")


def _move(client: KontorClient, name: str, target: str, *, is_one: bool) -> Body:
    from infra.cli.client import path_of
    from infra.cli.documents import find_document
    from infra.cli.shelves import look_for_folder
    from infra.cli.terminal import text_of

    where = target.strip().strip("/")
    folder = look_for_folder(client, name) if name.strip("/ ") else None
    if folder is None:
        found = find_document(client, name)
        return client.patch(path_of("documents", str(found["id"])), {"folder": where})
    # As with Unix's mv: into a folder that is there, or to the path itself.
    into = not is_one or target.endswith("/") or look_for_folder(client, where) is not None
    path = f"{where}/{text_of(folder, 'name')}".lstrip("/") if into else where
    return client.patch(path_of("folders", str(folder["id"])), {"path": path})


def describe(
    document: Which,
    *,
    title: Annotated[str, typer.Option("--title", help="A new title.")] = "",
    tag: Annotated[
        list[str] | None, typer.Option("--tag", metavar="TAG", help="Add a tag; repeatable.")
    ] = None,
    untag: Annotated[
        list[str] | None, typer.Option("--untag", metavar="TAG", help="Take a tag off.")
    ] = None,
    metadata: Annotated[
        list[str] | None,
        typer.Option("--metadata", "-m", metavar="NAME=VALUE", help="Say something about it."),
    ] = None,
    unset: Annotated[
        list[str] | None, typer.Option("--unset", metavar="NAME", help="Say it no longer.")
    ] = None,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Change a document's title, tags and metadata; what is not named stays."""
    from infra.cli.client import KontorClient, path_of
    from infra.cli.documents import find_document, print_card
    from infra.cli.put import read_pairs
    from infra.cli.target import resolve
    from infra.cli.terminal import open_console, print_json
    from shared.kernel.errors import InvalidError

    said: Body = {**read_pairs(metadata or []), **dict.fromkeys(unset or [])}
    wanted: Body = {"title": title, "add_tags": tag, "remove_tags": untag, "metadata": said}
    change = {name: value for name, value in wanted.items() if value}
    if not change:
        raise InvalidError("Say what to change.", hint="For example --tag signed -m year=2026.")
    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        found = find_document(client, document)
        body = client.patch(path_of("documents", str(found["id"])), change)
    if as_json:
        print_json(body)
    else:
        print_card(open_console(), body)


def tags(
    *, api: Api = "", data: Data = DEFAULT_DATA, token: Token = "", as_json: AsJson = False
) -> None:
    """List the tags in use with how many documents carry each."""
    from infra.cli.client import KontorClient
    from infra.cli.target import resolve
    from infra.cli.terminal import list_of, number_of, open_console, plural, print_json, text_of

    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        body = client.get("/api/v1/tags")
    if as_json:
        print_json(body)
        return
    console = open_console()
    found = list_of(body, "items")
    if not found:
        console.print("No tags yet. Give one: kontor set DOCUMENT --tag TAG")
    for row in found:
        count = plural(round(number_of(row, "document_count")), "document")
        console.print(f"#{text_of(row, 'tag')}  {count}")
