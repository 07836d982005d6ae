"""`kontor dlq`: what was given up on, why, and how to set it going again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.options import DEFAULT_DATA, Api, AsJson, Data, Limit, Token

if TYPE_CHECKING:
    from rich.console import Console

    from infra.cli.client import Body, KontorClient

dlq = typer.Typer(no_args_is_help=True, help="What was given up on: look at it, start it again.")
PATH = "/api/v1/dead-letters"
SHOWN_ID = 8
MOST = 10_000

Closed = Annotated[bool, typer.Option("--closed", help="Also those set going already.")]


@dlq.command("list")
def list_letters(
    *,
    closed: Closed = False,
    limit: Limit = 100,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """List dead letters, newest first; needs an administrator."""
    from infra.cli.client import KontorClient
    from infra.cli.target import resolve
    from infra.cli.terminal import open_console, print_json

    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        found = _letters(client, limit=limit, is_closed_too=closed)
    if as_json:
        print_json({"items": found})
        return
    console = open_console()
    if not found:
        console.print("No dead letters: nothing was given up on.")
        return
    _print_list(console, found)


@dlq.command()
def show(
    letter: Annotated[str, typer.Argument(metavar="ID", help="Its id, or the end of it.")],
    *,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Show one dead letter with its error."""
    from infra.cli.client import KontorClient
    from infra.cli.target import resolve
    from infra.cli.terminal import open_console, print_json, text_of

    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        found = client.get(f"{PATH}/{_resolve(client, letter)}")
    if as_json:
        print_json(found)
        return
    console = open_console()
    console.print(text_of(found, "title"), style="bold")
    for name, value in found.items():
        if value not in {None, ""} and name != "title":
            console.print(f"{name}: {text_of(found, name)}", highlight=False, markup=False)


@dlq.command()
def redrive(
    letters: Annotated[
        list[str] | None, typer.Argument(metavar="[ID…]", help="Their ids, or ends of them.")
    ] = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Every open dead letter.")] = False,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Set dead letters going again: some by their ids, or all."""
    from infra.cli.client import KontorClient
    from infra.cli.target import resolve
    from infra.cli.terminal import list_of, open_console, plural, print_json, text_of
    from shared.kernel.errors import InvalidError

    if bool(letters) == everything:
        raise InvalidError("Name dead letters, or say --all.", hint="See `kontor dlq list`.")
    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        answer = _redrive(client, letters or [])
    if as_json:
        print_json(answer)
    else:
        console = open_console()
        redriven = answer["redriven"]
        count = len(redriven) if isinstance(redriven, list) else 0
        console.print(f"{plural(count, 'dead letter')} set going again.")
        for each in list_of(answer, "skipped"):
            console.print(f"{text_of(each, 'id')[-SHOWN_ID:]}: {text_of(each, 'reason')}")
    if answer["skipped"]:
        raise typer.Exit(1)


def _redrive(client: KontorClient, names: Sequence[str]) -> Body:
    """Send the request, again and again while more than one answer's worth of letters is open."""
    if names:
        ids = [_resolve(client, name) for name in names]
        return client.post(f"{PATH}/redrive", {"ids": ids})
    redriven: list[object] = []
    while True:
        answer = client.post(f"{PATH}/redrive", {"all": True})
        done, skipped = answer["redriven"], answer["skipped"]
        redriven += done if isinstance(done, list) else []
        if not answer.get("has_more") or not done:
            return {"redriven": redriven, "skipped": skipped}


def _letters(client: KontorClient, *, limit: int, is_closed_too: bool) -> list[Body]:
    closed = "true" if is_closed_too else "false"
    return list(client.list_all(PATH, limit=limit, closed=closed))


def _resolve(client: KontorClient, name: str) -> str:
    """Find the one letter whose id is or ends with ``name``."""
    from shared.kernel.errors import ConflictError, NotFoundError

    wanted = name.strip().lower()
    ids = [str(one["id"]) for one in _letters(client, limit=MOST, is_closed_too=True)]
    found = [one for one in ids if one == wanted or one.endswith(wanted)]
    if not found or not wanted:
        raise NotFoundError(f"No dead letter is called {name!r}.", hint="See `kontor dlq list`.")
    if len(found) > 1:
        raise ConflictError(f"{len(found)} dead letters end with {name!r}.", hint="Say more of it.")
    return found[0]


def _print_list(console: Console, found: Sequence[Mapping[str, object]]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    from infra.cli.terminal import local_time, number_of, plural, text_of

    table = Table(box=SIMPLE_HEAD, padding=(0, 1), show_edge=False)
    table.add_column("id", no_wrap=True, style="dim")
    table.add_column("file", overflow="fold", ratio=1)
    table.add_column("where", no_wrap=True)
    table.add_column("times", no_wrap=True, justify="right")
    table.add_column("last", no_wrap=True, style="dim")
    for each in found:
        name = Text(text_of(each, "title"))
        name.append(f"\n{text_of(each, 'reason')}", style="red")
        table.add_row(
            text_of(each, "id")[-SHOWN_ID:],
            name,
            "again" if each.get("redriven_at") else text_of(each, "source"),
            f"{number_of(each, 'times'):.0f}",
            local_time(each.get("last_at")),
        )
    console.print(table)
    console.print(plural(len(found), "dead letter"), style="dim")
    console.print("Start them again: kontor dlq redrive ID… or --all", style="dim")
