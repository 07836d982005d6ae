"""`kontor searches`: searches that are kept, and what is new in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.filters import After, Before, DocumentIds, Kinds, Languages, Metadata, Types
from infra.cli.options import (
    DEFAULT_DATA,
    Api,
    AsJson,
    CollectionFilter,
    Data,
    FolderFilter,
    Tags,
    Token,
)

if TYPE_CHECKING:
    from infra.cli.client import Body, KontorClient

MOST = 10_000
searches = typer.Typer(
    name="searches",
    no_args_is_help=True,
    help="Searches that are kept, and what is new in them.",
)
Name = Annotated[str, typer.Argument(metavar="NAME", help="The saved search's name or id.")]


@searches.command("list")
def list_(
    *, api: Api = "", data: Data = DEFAULT_DATA, token: Token = "", as_json: AsJson = False
) -> None:
    """List your saved searches and those shared with everybody."""
    from infra.cli.client import KontorClient
    from infra.cli.target import resolve
    from infra.cli.terminal import local_time, open_console, print_json, text_of

    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        found = list(client.list_all("/api/v1/searches", limit=MOST))
    if as_json:
        print_json({"items": found})
        return
    console = open_console()
    if not found:
        console.print("No saved searches yet. Keep one: kontor searches save NAME WORDS…")
    for each in found:
        ran = local_time(each.get("ran_at"))
        parts = [text_of(each, "name"), text_of(each, "query")]
        parts += ["shared"] if each.get("is_shared") is True else []
        console.print("  ".join([*parts, f"last run {ran}" if ran else "never run"]))


@searches.command("save")
def save(
    name: Name,
    query: Annotated[list[str], typer.Argument(metavar="WORDS…", help="Words or a question.")],
    *,
    is_shared: Annotated[
        bool, typer.Option("--shared", help="Everybody of the tenant may run it.")
    ] = False,
    folder: FolderFilter = "",
    collection: CollectionFilter = "",
    tag: Tags = None,
    document: DocumentIds = None,
    type_: Types = None,
    language: Languages = None,
    after: After = "",
    before: Before = "",
    metadata: Metadata = None,
    kind: Kinds = None,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Keep a search with its filters under a name."""
    from infra.cli.client import KontorClient
    from infra.cli.documents import resolve_ids
    from infra.cli.filters import build_filters
    from infra.cli.put import read_pairs
    from infra.cli.shelves import collection_id
    from infra.cli.target import resolve
    from infra.cli.terminal import open_console, print_json, text_of

    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        filters = build_filters(
            folder=folder,
            document_ids=resolve_ids(client, document or []),
            types=type_ or [],
            languages=language or [],
            after=after,
            before=before,
            metadata=read_pairs(metadata or []),
            collection=collection_id(client, collection),
            tags=tag or [],
            kinds=kind or [],
        )
        wanted = {"name": name, "query": " ".join(query).strip(), "filters": filters}
        made = client.post("/api/v1/searches", {**wanted, "is_shared": is_shared})
    if as_json:
        print_json(made)
    else:
        saved = text_of(made, "name")
        open_console().print(f"saved {saved}; run it: kontor searches run {saved!r}")


@searches.command("run")
def run(
    name: Name,
    *,
    only_new: Annotated[
        bool, typer.Option("--new", help="Show only what is new since your last run.")
    ] = False,
    peek: Annotated[
        bool, typer.Option("--peek", help="Look only: what is new stays new the next time.")
    ] = False,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Run a saved search again; what is new since your last run is counted."""
    from infra.cli.client import KontorClient, path_of
    from infra.cli.search import print_found
    from infra.cli.target import resolve
    from infra.cli.terminal import list_of, number_of, open_console, plural, print_json

    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        found = find_search(client, name)
        path = path_of("searches", str(found["id"]), "run")
        seen = "false" if peek else "true"
        answer = client.call("POST", path, params={"marks_seen": seen}, is_repeatable=True)
    if only_new:
        hits = [hit for hit in list_of(answer, "results") if hit.get("is_new") is True]
        answer = {**answer, "results": hits}
    if as_json:
        print_json(answer)
        return
    print_found(answer)
    count = round(number_of(answer, "new_count"))
    open_console().print(f"{plural(count, 'document')} new since your last run")


@searches.command("remove")
def remove(
    name: Name,
    *,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Forget a saved search; documents are not touched."""
    from infra.cli.client import KontorClient, path_of
    from infra.cli.target import resolve
    from infra.cli.terminal import open_console, print_json, text_of

    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        found = find_search(client, name)
        client.delete(path_of("searches", str(found["id"])))
    if as_json:
        print_json({"removed": found["id"]})
    else:
        open_console().print(f"removed {text_of(found, 'name')}")


def find_search(client: KontorClient, name: str) -> Body:
    """Find a saved search by its id or its name, whatever its case.

    Raises NotFoundError, and ConflictError where somebody shared another of that name.
    """
    from shared.kernel.errors import ConflictError, NotFoundError

    wanted = name.strip().lower()
    found = [
        each
        for each in client.list_all("/api/v1/searches", limit=MOST)
        if wanted in {str(each.get("name", "")).lower(), str(each.get("id"))}
    ]
    if not found:
        raise NotFoundError(
            f"There is no saved search {name!r}.", hint="See `kontor searches list`."
        )
    if len(found) > 1:
        raise ConflictError(
            f"{len(found)} saved searches are called {name!r}.",
            hint="Name it by its id: kontor searches list --json.",
        )
    return found[0]
