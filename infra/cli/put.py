"""`kontor put`: files, folders and patterns into Kontor, watched until each is answerable."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.options import DEFAULT_DATA, Api, AsJson, Data, Token

if TYPE_CHECKING:
    from infra.cli.upload import Item, Uploader
    from infra.cli.watch import JobWatch

REFRESH_S = 0.12


def put(
    paths: Annotated[
        list[str], typer.Argument(metavar="PATH…", help="Files, folders or patterns ('docs/**/*').")
    ],
    *,
    folder: Annotated[
        str, typer.Option("--folder", metavar="PATH", help="Folder in Kontor; made when missing.")
    ] = "",
    document: Annotated[
        str,
        typer.Option("--document", metavar="ID", help="Add the file as this document's version."),
    ] = "",
    metadata: Annotated[
        list[str] | None,
        typer.Option("--metadata", "-m", metavar="NAME=VALUE", help="Say something about them."),
    ] = None,
    replace: Annotated[
        bool,
        typer.Option(
            "--replace", help="A file of the same name in the folder gets this as its next version."
        ),
    ] = False,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Upload files and watch each until it can be answered from.

    Run it again after an interruption: finished files are skipped, running ones picked up. The
    same bytes are kept once; a duplicate names the document that has them already.
    """
    from infra.cli.client import KontorClient
    from infra.cli.put_state import PutState
    from infra.cli.selection import select
    from infra.cli.target import resolve
    from infra.cli.upload import BULK_FROM, Item, Uploader, Wish
    from infra.cli.watch import JobWatch
    from shared.kernel.errors import InvalidError

    sources = select(paths, folder=folder)
    if document and len(sources) != 1:
        raise InvalidError(
            f"--document takes one file, not {len(sources)}.", hint="Put them one by one."
        )
    wish = Wish(
        metadata=read_pairs(metadata or []), replaces=replace, is_bulk=len(sources) >= BULK_FROM
    )
    items = [Item(source, target=document) for source in sources]
    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        client.me()
        state = PutState(data)
        with JobWatch(client) as watch:
            uploader = Uploader(client, watch=watch, state=state, wish=wish)
            _run(uploader, watch, items, as_json=as_json)
    if any(item.outcome == "failed" for item in items):
        raise typer.Exit(1)


def _run(uploader: Uploader, watch: JobWatch, items: Sequence[Item], *, as_json: bool) -> None:
    """Upload all, show how it goes, and say at the end what became of each."""
    from infra.cli import board
    from infra.cli.terminal import open_console, print_json

    console = open_console()
    began = time.monotonic()
    uploader.start(items)
    try:
        if as_json:
            _wait(uploader, watch, items, [])
        elif console.is_terminal:
            _show(uploader, watch, items, began)
        else:
            _wait(uploader, watch, items, list(items))
    except KeyboardInterrupt:
        uploader.stop()
        uploader.refresh(items)
        _explain_interruption(items)
        raise
    finally:
        uploader.stop()
    seconds = time.monotonic() - began
    if not as_json:
        board.print_summary(console, items, seconds=seconds)
        return
    for item in items:
        print_json(board.as_json(item))
    counts = {name: sum(i.outcome == name for i in items) for name in board.MARKS}
    print_json({"summary": {**counts, "files": len(items), "duration_ms": round(seconds * 1000)}})


def _wait(uploader: Uploader, watch: JobWatch, items: Sequence[Item], unsaid: list[Item]) -> None:
    """Wait for every file's end and print a line for each of ``unsaid`` as it comes."""
    from infra.cli.board import plain_line

    while True:
        uploader.refresh(items)
        for item in [item for item in unsaid if item.outcome]:
            unsaid.remove(item)
            typer.echo(plain_line(item))
        if all(item.outcome for item in items):
            return
        watch.wait(REFRESH_S)


def _show(uploader: Uploader, watch: JobWatch, items: Sequence[Item], began: float) -> None:
    """Draw the board until every file has ended."""
    from rich.live import Live

    from infra.cli import board
    from infra.cli.terminal import open_console

    console = open_console()
    with Live(console=console, auto_refresh=False, transient=True) as live:
        while not all(item.outcome for item in items):
            uploader.refresh(items)
            note = "The server is away; waiting for it." if watch.is_server_away else ""
            live.update(
                board.progress(items, width=console.width, began=began, note=note), refresh=True
            )
            # News may come faster than a terminal is worth redrawing.
            time.sleep(REFRESH_S)


def _explain_interruption(items: Sequence[Item]) -> None:
    from infra.cli.terminal import plural

    running = sum(bool(item.job_id) and not item.outcome for item in items)
    unsent = sum(not item.job_id and not item.outcome for item in items)
    typer.echo(
        f"\nInterrupted: {plural(running, 'upload')} under way in the server, which goes on with "
        f"{'it' if running == 1 else 'them'}; {plural(unsent, 'file')} left to send.\n"
        "Look with `kontor ls`; the same put again picks everything up.",
        err=True,
    )


def read_pairs(texts: Sequence[str]) -> dict[str, str]:
    """Read NAME=VALUE texts. Raises InvalidError for one without a name."""
    from shared.kernel.errors import InvalidError

    pairs: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise InvalidError(f"{text!r} is not NAME=VALUE.", hint="Write -m year=2024.")
        pairs[name.strip()] = value.strip()
    return pairs
