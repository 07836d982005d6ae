"""`kontor similar`: documents about the same as one document."""

from __future__ import annotations

from typing import Annotated

import typer

from infra.cli.options import DEFAULT_DATA, Api, AsJson, Data, Token


def similar(
    document: Annotated[
        str, typer.Argument(metavar="DOCUMENT", help="Id, its end, or the beginning of its title.")
    ],
    *,
    k: Annotated[int, typer.Option("-k", "--count", min=1, max=50, help="How many.")] = 10,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Find documents about the same; the document itself and its copies are left out."""
    from infra.cli.client import KontorClient, path_of
    from infra.cli.documents import find_document
    from infra.cli.search import plain_line
    from infra.cli.target import resolve
    from infra.cli.terminal import list_of, open_console, print_json, text_of

    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        found = find_document(client, document)
        body = client.get(path_of("documents", str(found["id"]), "similar"), k=k)
    if as_json:
        print_json(body)
        return
    results = list_of(body, "results")
    if not results:
        open_console().print(f"Nothing is like {text_of(found, 'title')}.")
    for result in results:
        hit = result.get("hit")
        typer.echo(plain_line(hit if isinstance(hit, dict) else result))
