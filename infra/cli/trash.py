"""`kontor trash`, `restore` and `erase`: what was put away, bringing it back, and its end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.options import DEFAULT_DATA, Api, AsJson, Data, Limit, Token

if TYPE_CHECKING:
    from infra.cli.client import Body, KontorClient

TRASH = "/api/v1/trash"
MOST = 10_000
WHERE = "See `kontor trash` and `kontor ls`."


def trash(
    *,
    limit: Limit = 100,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """List what is in the trash, last removed first, and until when it can be brought back."""
    from infra.cli.client import KontorClient
    from infra.cli.target import resolve
    from infra.cli.terminal import open_console, print_json

    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        found = list(client.list_all(TRASH, limit=limit))
    if as_json:
        print_json({"items": found})
    elif found:
        _print_list(found)
    else:
        open_console().print("The trash is empty.")


def restore(
    document: Annotated[str, typer.Argument(metavar="DOCUMENT", help="Id, its end, or title.")],
    version: Annotated[
        int, typer.Argument(metavar="[VERSION]", min=0, help="Go back to this version.")
    ] = 0,
    *,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Bring a document back from the trash, or go back to one of its versions.

    Nothing is uploaded, and what was read and embedded before is used again.
    """
    from infra.cli.client import KontorClient, path_of
    from infra.cli.documents import choose, find_document
    from infra.cli.target import resolve
    from infra.cli.terminal import open_console, print_json, text_of

    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        if version:
            found = find_document(client, document)
            path = path_of("documents", str(found["id"]), "versions", str(version), "restore")
            what = f"{text_of(found, 'title')}, version {version}"
        else:
            found = choose(_removed(client), document, where="See `kontor trash`.")
            path = path_of("trash", str(found["id"]), "restore")
            what = text_of(found, "title")
        body = client.post(path, {}, is_repeatable=True)
    if as_json:
        print_json(body)
    elif text_of(body, "stage") == "completed":
        open_console().print(f"{what} is the current version already.")
    else:
        open_console().print(f"{what} is on its way back; `kontor show` says when it is there.")


def erase(
    documents: Annotated[
        list[str], typer.Argument(metavar="DOCUMENT…", help="In the trash or not.")
    ],
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Erase documents for good: all versions, passages, files, and their words in answers.

    For who put them in and for administrators.
    """
    from infra.cli.client import KontorClient, path_of
    from infra.cli.documents import confirm, titled
    from infra.cli.target import resolve
    from infra.cli.terminal import open_console, plural, print_json, text_of

    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        removed = _removed(client)
        found = {str(d["id"]): d for d in (_anywhere(client, removed, n) for n in documents)}
        names = [titled(each) for each in found.values()]
        count = plural(len(found), "document")
        confirm(names, f"Erase {count} for good? There is no way back.", yes=yes, as_json=as_json)
        for document_id in found:
            client.delete(path_of("documents", document_id), permanent="true")
    if as_json:
        print_json({"erased": list(found)})
        return
    for each in found.values():
        open_console().print(f"erased {text_of(each, 'title')}")


def _removed(client: KontorClient) -> list[Body]:
    return list(client.list_all(TRASH, limit=MOST))


def _anywhere(client: KontorClient, removed: Sequence[Body], name: str) -> Body:
    """Find a document by name in the trash or among all others; both together may be too many."""
    from infra.cli.documents import choose

    kept = list(client.list_all("/api/v1/documents", limit=MOST))
    return choose([*kept, *removed], name, where=WHERE)


def _print_list(found: Sequence[Body]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    from infra.cli.documents import SHOWN_ID
    from infra.cli.terminal import local_time, number_of, open_console, plural, size, text_of

    table = Table(box=SIMPLE_HEAD, padding=(0, 1), show_edge=False)
    table.add_column("id", no_wrap=True, style="dim")
    table.add_column("document", overflow="fold", ratio=1)
    table.add_column("size", no_wrap=True, justify="right")
    table.add_column("removed", no_wrap=True, style="dim")
    table.add_column("erased on", no_wrap=True)
    for each in found:
        place = text_of(each, "folder")
        name = Text(f"{place}/" if place else "", style="dim")
        name.append(text_of(each, "title"), style="not dim")
        table.add_row(
            text_of(each, "id")[-SHOWN_ID:],
            name,
            size(number_of(each, "size_bytes")),
            local_time(each.get("removed_at")),
            local_time(each.get("erased_at"), "%Y-%m-%d"),
        )
    console = open_console()
    console.print(table)
    console.print(plural(len(found), "document"), style="dim")
