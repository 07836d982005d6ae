"""`kontor conversations`: look back at what was asked and answered; one's own only."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.options import DEFAULT_DATA, Api, AsJson, Data, Limit, Token

if TYPE_CHECKING:
    from infra.cli.client import Body, KontorClient

conversations = typer.Typer(
    name="conversations",
    no_args_is_help=True,
    help="What you asked before: read it, name it, find words in it, take it along.",
)
Name = Annotated[
    str,
    typer.Argument(
        metavar="CONVERSATION", help="Its id, the end of its id, or how its title begins."
    ),
]
SHORT = 8
MOST = 2000


@conversations.command("list")
def list_all(
    *,
    archived: Annotated[bool, typer.Option("--archived", help="Those put away.")] = False,
    limit: Limit = 50,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """List conversations: pinned ones first, then newest first."""
    from infra.cli.client import KontorClient
    from infra.cli.target import resolve
    from infra.cli.terminal import local_time, open_console, print_json, text_of

    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        found = list(
            client.list_all(
                "/api/v1/conversations", limit=limit, archived="true" if archived else ""
            )
        )
    if as_json:
        print_json({"items": found})
        return
    console = open_console()
    if not found:
        console.print("No conversations. Begin one: kontor ask QUESTION")
    for each in found:
        pin = " (pinned)" if each.get("is_pinned") else ""
        when = local_time(each.get("updated_at"))
        console.print(f"{text_of(each, 'id')[-SHORT:]}  {when}  {text_of(each, 'title')}{pin}")


@conversations.command("show")
def show(
    name: Name,
    *,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Show what was said in a conversation, with the sources of its answers."""
    from infra.cli.ask import print_sources
    from infra.cli.client import KontorClient, path_of
    from infra.cli.target import resolve
    from infra.cli.terminal import clean_lines, list_of, open_console, print_json, text_of

    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        thread = client.get(path_of("conversations", find_conversation(client, name)))
    if as_json:
        print_json(thread)
        return
    console = open_console()
    console.print(text_of(thread, "title"), style="bold")
    for message in list_of(thread, "messages"):
        is_question = message.get("role") == "user"
        words = clean_lines(str(message.get("content") or ""))
        console.print(f"\n> {words}" if is_question else f"\n{words}", style="" if words else "dim")
        siblings = message.get("siblings")
        if isinstance(siblings, list) and len(siblings) > 1 and message.get("id") in siblings:
            place = siblings.index(message.get("id")) + 1
            console.print(f"(version {place} of {len(siblings)})", style="dim")
        print_sources(console, list_of(message, "citations"))


@conversations.command("export")
def export(
    name: Name,
    *,
    into: Annotated[
        Path | None,
        typer.Option("--into", "-o", metavar="FILE", help="Write a file instead of printing."),
    ] = None,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Write a conversation as Markdown, or with --json as JSON, with all its sources."""
    from infra.cli.client import KontorClient, path_of
    from infra.cli.target import resolve
    from infra.cli.terminal import open_console

    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        path = path_of("conversations", find_conversation(client, name), "export")
        made = client.get(path, form="json" if as_json else "markdown")
    content = str(made.get("content") or "")
    if into is None:
        typer.echo(content, nl=False)
        return
    into.write_text(content, encoding="utf-8")
    open_console().print(f"wrote {into}")


@conversations.command("rename")
def rename(
    name: Name,
    title: Annotated[str, typer.Argument(metavar="TITLE", help="Its new title.")],
    *,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
) -> None:
    """Give a conversation a title of your own."""
    changed = _change(name, {"title": title}, api=api, data=data, token=token)
    typer.echo(f"it is called “{changed.get('title')}” now")


@conversations.command("pin")
def pin(
    name: Name,
    *,
    off: Annotated[bool, typer.Option("--off", help="Take the pin out again.")] = False,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
) -> None:
    """Keep a conversation at the top of the list."""
    changed = _change(name, {"is_pinned": not off}, api=api, data=data, token=token)
    typer.echo(f"{'unpinned' if off else 'pinned'} “{changed.get('title')}”")


@conversations.command("archive")
def archive(
    name: Name,
    *,
    off: Annotated[bool, typer.Option("--off", help="Bring it back.")] = False,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
) -> None:
    """Put a conversation away; asking in it brings it back."""
    changed = _change(name, {"is_archived": not off}, api=api, data=data, token=token)
    typer.echo(f"{'brought back' if off else 'put away'} “{changed.get('title')}”")


def _change(name: str, change: Body, *, api: str, data: Path, token: str) -> Body:
    from infra.cli.client import KontorClient, path_of
    from infra.cli.target import resolve

    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        return client.patch(path_of("conversations", find_conversation(client, name)), change)


@conversations.command("search")
def search(
    words: Annotated[list[str], typer.Argument(metavar="WORDS…", help="What was said.")],
    *,
    limit: Limit = 20,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Find words in your questions and their answers, newest first."""
    from infra.cli.client import KontorClient
    from infra.cli.target import resolve
    from infra.cli.terminal import open_console, print_json, text_of

    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        found = list(client.list_all("/api/v1/messages", limit=limit, q=" ".join(words)))
    if as_json:
        print_json({"items": found})
        return
    console = open_console()
    if not found:
        console.print("Nothing of this was said.")
    for each in found:
        who = "asked" if each.get("role") == "user" else "told"
        where = f"{text_of(each, 'conversation_id')[-SHORT:]}  {text_of(each, 'title')}"
        console.print(f"{where}\n    {who}: {text_of(each, 'snippet')}")


@conversations.command("remove")
def remove(
    name: Name,
    *,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Delete a conversation with everything in it."""
    from infra.cli.client import KontorClient, path_of
    from infra.cli.target import resolve
    from infra.cli.terminal import print_json

    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        found = find_conversation(client, name)
        client.delete(path_of("conversations", found))
    if as_json:
        print_json({"removed": found})
    else:
        typer.echo("removed it")


@conversations.command("keep")
def keep(
    days: Annotated[
        int | None,
        typer.Argument(metavar="DAYS", min=0, help="0 keeps them for good; nothing shows it."),
    ] = None,
    *,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Show or, as an administrator, say how long everybody's conversations are kept."""
    from infra.cli.client import KontorClient
    from infra.cli.target import resolve
    from infra.cli.terminal import number_of, plural, print_json

    path = "/api/v1/settings/conversations"
    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        if days is None:
            body = client.get(path)
        else:
            body = client.call("PUT", path, json={"keep_days": days}, is_repeatable=True)
    if as_json:
        print_json(body)
        return
    kept = round(number_of(body, "keep_days"))
    typer.echo(
        f"kept for {plural(kept, 'day')} after the last question" if kept else "kept for good"
    )


def find_conversation(client: KontorClient, name: str) -> str:
    """Return the id of the one conversation a name fits.

    Raises NotFoundError when none does, InvalidError when several do.
    """
    from infra.cli.terminal import text_of
    from shared.kernel.errors import InvalidError, NotFoundError

    wanted = name.strip().lower()
    both = [*_all(client, archived=""), *_all(client, archived="true")]
    known = list({str(each.get("id")): each for each in both}.values())
    by_id = [each for each in known if str(each.get("id")).lower().endswith(wanted)]
    by_title = [each for each in known if str(each.get("title")).lower().startswith(wanted)]
    found = (by_id if wanted else []) or by_title
    if not found or not wanted:
        raise NotFoundError(
            f"There is no conversation “{name}”.", hint="List them: kontor conversations list"
        )
    if len(found) > 1:
        titles = ", ".join(f"{text_of(each, 'id')[-SHORT:]}" for each in found[:5])
        raise InvalidError(
            f"{len(found)} conversations fit “{name}”.", hint=f"Name one of {titles}."
        )
    return str(found[0]["id"])


def newest_conversation(client: KontorClient) -> str:
    """Return the id of the conversation that was used last; raises NotFoundError without any."""
    from shared.kernel.errors import NotFoundError

    known = _all(client, archived="")
    if not known:
        raise NotFoundError("There is no conversation to go on with.", hint="Ask without -C.")
    return str(max(known, key=lambda each: str(each.get("updated_at")))["id"])


def _all(client: KontorClient, *, archived: str) -> list[Body]:
    return list(client.list_all("/api/v1/conversations", limit=MOST, archived=archived))
