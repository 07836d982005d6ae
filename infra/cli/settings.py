"""`kontor settings`: how a tenant's documents are read, shown and changed."""

from __future__ import annotations

from typing import Annotated

import typer

from infra.cli.options import DEFAULT_DATA, Api, AsJson, Data, Token

_PATH = "/api/v1/settings/reading"


def settings(
    *,
    strategy: Annotated[
        str, typer.Option("--strategy", help="structured: by sections and tables; or fixed.")
    ] = "",
    chunk_tokens: Annotated[
        int, typer.Option("--chunk-tokens", help="Largest chunk, its headings included.")
    ] = 0,
    overlap_tokens: Annotated[
        int, typer.Option("--overlap-tokens", help="What fixed chunks share with the one before.")
    ] = -1,
    ocr: Annotated[
        str,
        typer.Option("--ocr", help="Languages of scans, e.g. deu+eng; none leaves them unread."),
    ] = "",
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Show how documents are read, or change it for those that come from now on."""
    from infra.cli.client import KontorClient
    from infra.cli.target import resolve
    from infra.cli.terminal import print_json

    changes: dict[str, object] = {}
    if strategy:
        changes["strategy"] = strategy
    if chunk_tokens:
        changes["chunk_tokens"] = chunk_tokens
    if overlap_tokens >= 0:
        changes["overlap_tokens"] = overlap_tokens
    if ocr:
        changes["ocr_languages"] = [] if ocr == "none" else ocr.replace(",", "+").split("+")
    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        found = client.get(_PATH)
        if changes:
            found = client.call("PUT", _PATH, json={**found, **changes}, is_repeatable=True)
    if as_json:
        print_json(found)
        return
    for name, value in found.items():
        shown = "+".join(map(str, value)) or "none" if isinstance(value, list) else value
        typer.echo(f"{name:<16} {shown}")
    if changes:
        typer.echo("For documents that are there already: kontor reprocess start")
