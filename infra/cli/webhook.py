"""`kontor webhook`: whom to tell what happens, what was told, and who may tell us something."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import typer

from infra.cli.options import DEFAULT_DATA, Api, AsJson, Data, Limit, Token

webhook = typer.Typer(no_args_is_help=True, help="Tell other systems what happens, and hear them.")
PATH = "/api/v1/webhooks"
SOURCES = "/api/v1/webhook-sources"

Endpoint = Annotated[str, typer.Argument(metavar="ID", help="The endpoint's id.")]


@webhook.command("list")
def list_endpoints(
    *, api: Api = "", data: Data = DEFAULT_DATA, token: Token = "", as_json: AsJson = False
) -> None:
    """List endpoints and sources."""
    from infra.cli.client import KontorClient
    from infra.cli.target import resolve
    from infra.cli.terminal import list_of, names_of, print_json, text_of

    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        endpoints, sources = client.get(PATH), client.get(SOURCES)
    if as_json:
        print_json({"endpoints": endpoints["items"], "sources": sources["items"]})
        return
    for each in list_of(endpoints, "items"):
        why = f" ({text_of(each, 'detail')})" if each.get("detail") else ""
        events = ", ".join(names_of(each, "events"))
        state = f"{text_of(each, 'state')}{why}"
        typer.echo(f"{text_of(each, 'id')}  {state}  {text_of(each, 'url')}  {events}")
    for each in list_of(sources, "items"):
        typer.echo(
            f"{text_of(each, 'path')}  from {text_of(each, 'name')} ({text_of(each, 'scheme')})"
            f"  {text_of(each, 'effect')}  {text_of(each, 'received')} received"
        )


@webhook.command()
def add(
    url: Annotated[str, typer.Argument(metavar="URL", help="https://… of the receiver.")],
    *,
    event: Annotated[
        list[str] | None,
        typer.Option("--event", help="Such as document.completed or folder.*; repeatable."),
    ] = None,
    description: Annotated[str, typer.Option("--description", help="What it is for.")] = "",
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Tell a receiver what happens; everything, if no event is named."""
    body = {"url": url, "events": event or ["*"], "description": description}
    _make(PATH, body, api=api, data=data, token=token, as_json=as_json)


@webhook.command("add-source")
def add_source(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Who will speak.")],
    *,
    folder: Annotated[
        str, typer.Option("--folder", help="Put each message into this folder as a document.")
    ] = "",
    reread: Annotated[
        bool,
        typer.Option("--reread", help="Each message has the folder, or a document, read anew."),
    ] = False,
    github: Annotated[bool, typer.Option("--github", help="Signed as GitHub does.")] = False,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Let somebody tell us something, at an address of its own."""
    body = {
        "name": name,
        "scheme": "github" if github else "standard",
        "effect": "reread" if reread else "document" if folder else "event",
        "folder": folder,
    }
    _make(SOURCES, body, api=api, data=data, token=token, as_json=as_json)


@webhook.command()
def rotate(
    endpoint: Endpoint,
    *,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Give an endpoint a new secret; the former signs beside it for a day."""
    _make(f"{PATH}/{endpoint}/secret", {}, api=api, data=data, token=token, as_json=as_json)


@webhook.command()
def remove(
    identifier: Annotated[str, typer.Argument(metavar="ID", help="An endpoint's or source's id.")],
    *,
    source: Annotated[bool, typer.Option("--source", help="It is a source.")] = False,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
) -> None:
    """Tell an endpoint nothing any more, or hear a source no more."""
    from infra.cli.client import KontorClient, path_of
    from infra.cli.target import resolve

    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        client.delete(path_of(*(SOURCES if source else PATH).strip("/").split("/"), identifier))
    typer.echo("Removed.")


@webhook.command()
def deliveries(
    endpoint: Endpoint,
    *,
    dead: Annotated[bool, typer.Option("--dead", help="Only those given up on.")] = False,
    limit: Limit = 50,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """List what was and is to be delivered, newest first."""
    from infra.cli.client import KontorClient
    from infra.cli.target import resolve
    from infra.cli.terminal import local_time, print_json, text_of

    path = f"{PATH}/{endpoint}/deliveries"
    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        found = list(client.list_all(path, limit=limit, state="dead" if dead else ""))
    if as_json:
        print_json({"items": found})
        return
    for each in found:
        typer.echo(
            f"{text_of(each, 'id')}  {local_time(each.get('created_at'))}  {text_of(each, 'event')}"
            f"  {text_of(each, 'state')} after {text_of(each, 'attempts')}  "
            f"{text_of(each, 'detail')}"
        )


@webhook.command()
def replay(
    endpoint: Endpoint,
    chosen: Annotated[
        list[str] | None, typer.Argument(metavar="[DELIVERY…]", help="Their ids.")
    ] = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="All that were given up on.")] = False,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Send deliveries once more, with the same id and bytes."""
    from infra.cli.client import KontorClient
    from infra.cli.target import resolve
    from infra.cli.terminal import names_of, plural, print_json

    body = {"all": True} if everything else {"ids": chosen or []}
    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        answer = client.post(f"{PATH}/{endpoint}/replay", body)
    if as_json:
        print_json(answer)
    else:
        count = len(names_of(answer, "replayed"))
        typer.echo(f"{plural(count, 'delivery', 'deliveries')} set going again.")


@webhook.command("test")
def try_endpoint(
    endpoint: Endpoint, *, api: Api = "", data: Data = DEFAULT_DATA, token: Token = ""
) -> None:
    """Send the event webhook.tested to an endpoint."""
    from infra.cli.client import KontorClient
    from infra.cli.target import resolve

    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        client.post(f"{PATH}/{endpoint}/test", {})
    typer.echo(f"Sent. See: kontor webhook deliveries {endpoint}")


def _make(
    path: str, body: Mapping[str, object], *, api: str, data: Data, token: str, as_json: bool
) -> None:
    """Make something that has a secret, and show that once."""
    from infra.cli.client import KontorClient
    from infra.cli.target import resolve
    from infra.cli.terminal import print_json, text_of

    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        made = client.post(path, body)
    if as_json:
        print_json(made)
        return
    where = text_of(made, "path") if made.get("path") else text_of(made, "url")
    typer.echo(f"{text_of(made, 'id')}  {where}")
    typer.echo(f"Secret, shown only now: {text_of(made, 'secret')}")
