"""`kontor cite`: what a citation stands on, in the words of the version that was cited."""

from __future__ import annotations

from typing import Annotated

import typer

from infra.cli.options import DEFAULT_DATA, Api, AsJson, Data, Token

STATES = {
    "superseded": "The document has changed since; this is the version that was cited.",
    "removed": "The document is in the trash; bring it back with `kontor restore`.",
    "erased": "The document has been erased for good, and the quote with it.",
}


def cite(
    citation: Annotated[
        str, typer.Argument(metavar="CITATION", help="Its id, from `kontor ask --json`.")
    ],
    *,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Show the quoted words in their place, and a link to the picture of the page."""
    from infra.cli.ask import cells_of, place_of
    from infra.cli.client import KontorClient, path_of
    from infra.cli.target import resolve
    from infra.cli.terminal import number_of, open_console, print_json, text_of

    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        body = client.get(path_of("citations", citation.strip()))
    if as_json:
        print_json(body)
        return
    console = open_console()
    console.print(place_of(body), style="bold")
    document = body.get("document")
    known = document if isinstance(document, dict) else {}
    version, current = number_of(known, "cited_version"), number_of(known, "current_version")
    if version:
        newer = f", now {current:.0f}" if current and current != version else ""
        folder = text_of(known, "folder")
        where = f" in {folder}" if folder else ""
        renamed = f", called “{text_of(known, 'title')}” now" if known.get("is_renamed") else ""
        console.print(f"version {version:.0f}{newer}{where}{renamed}", style="dim")
    if note := STATES.get(text_of(known, "state"), ""):
        console.print(note, style="yellow")
    before, after = text_of(body, "before"), text_of(body, "after")
    quote = text_of(body, "quote")
    if quote:
        console.print(f"\n{'… ' if before else ''}{before}", end="", style="dim")
        console.print(f"»{quote}«", end="", style="bold")
        console.print(f"{after}{' …' if after else ''}", style="dim")
    for cell in cells_of(body):
        console.print(cell, style="dim")
    if version and not body.get("is_exact"):
        console.print("The cited text could not be read just now to compare it.", style="yellow")
    image = body.get("image")
    if isinstance(image, dict):
        console.print(f"\npage {number_of(image, 'page'):.0f}: {text_of(image, 'url')}")
