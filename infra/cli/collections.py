"""`kontor collection`: named sets of documents, whatever folders they lie in."""

from __future__ import annotations

from typing import Annotated

import typer

from infra.cli.options import DEFAULT_DATA, Api, AsJson, Data, Token

collection = typer.Typer(
    name="collection",
    no_args_is_help=True,
    help="Named sets of documents beside the folders.",
)
Name = Annotated[str, typer.Argument(metavar="NAME", help="The collection's name.")]
Documents = Annotated[
    list[str], typer.Argument(metavar="DOCUMENT…", help="Ids or beginnings of titles.")
]


@collection.command("add")
def add(
    name: Name,
    *,
    description: Annotated[str, typer.Option("--description", help="What it is for.")] = "",
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Make a collection."""
    from infra.cli.client import KontorClient
    from infra.cli.target import resolve
    from infra.cli.terminal import open_console, print_json, text_of

    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        made = client.post("/api/v1/collections", {"name": name, "description": description})
    if as_json:
        print_json(made)
    else:
        open_console().print(f"made {text_of(made, 'name')}; fill it: kontor collection put")


@collection.command("ls")
def ls(
    *, api: Api = "", data: Data = DEFAULT_DATA, token: Token = "", as_json: AsJson = False
) -> None:
    """List collections with how many documents are in each."""
    from infra.cli.client import KontorClient
    from infra.cli.shelves import MOST
    from infra.cli.target import resolve
    from infra.cli.terminal import number_of, open_console, plural, print_json, text_of

    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        found = list(client.list_all("/api/v1/collections", limit=MOST))
    if as_json:
        print_json({"items": found})
        return
    console = open_console()
    if not found:
        console.print("No collections yet. Make one: kontor collection add NAME")
    for each in found:
        count = plural(round(number_of(each, "document_count")), "document")
        said = text_of(each, "description")
        console.print(f"{text_of(each, 'name')}  {count}{f'  {said}' if said else ''}")


@collection.command("rm")
def rm(
    name: Name,
    *,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Remove a collection; its documents stay where they are."""
    from infra.cli.client import KontorClient, path_of
    from infra.cli.shelves import find_collection
    from infra.cli.target import resolve
    from infra.cli.terminal import open_console, print_json, text_of

    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        found = find_collection(client, name)
        client.delete(path_of("collections", str(found["id"])))
    if as_json:
        print_json({"removed": found["id"]})
    else:
        open_console().print(f"removed {text_of(found, 'name')}; its documents stay")


@collection.command("put")
def put(
    name: Name,
    documents: Documents,
    *,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Put documents into a collection; see them with `kontor ls --collection NAME`."""
    from infra.cli.client import KontorClient, path_of
    from infra.cli.documents import resolve_ids
    from infra.cli.shelves import find_collection
    from infra.cli.target import resolve
    from infra.cli.terminal import number_of, open_console, plural, print_json, text_of

    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        found = find_collection(client, name)
        ids = resolve_ids(client, documents)
        path = path_of("collections", str(found["id"]), "documents")
        body = client.post(path, {"document_ids": ids}, is_repeatable=True)
    if as_json:
        print_json(body)
    else:
        count = plural(round(number_of(body, "added")), "document")
        open_console().print(f"put {count} into {text_of(found, 'name')}")


@collection.command("take")
def take(
    name: Name,
    documents: Documents,
    *,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Take documents out of a collection; they stay where they are."""
    from infra.cli.client import KontorClient, path_of
    from infra.cli.documents import resolve_ids
    from infra.cli.shelves import find_collection
    from infra.cli.target import resolve
    from infra.cli.terminal import open_console, plural, print_json, text_of

    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        found = find_collection(client, name)
        ids = resolve_ids(client, documents)
        for document_id in ids:
            client.delete(path_of("collections", str(found["id"]), "documents", document_id))
    if as_json:
        print_json({"taken": ids})
    else:
        count = plural(len(ids), "document")
        open_console().print(f"took {count} out of {text_of(found, 'name')}")
