"""`kontor group`: people who are granted things together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.options import DEFAULT_DATA, Api, AsJson, Data, Token

if TYPE_CHECKING:
    from pathlib import Path

    from infra.cli.client import Body, KontorClient

group = typer.Typer(name="group", no_args_is_help=True, help="Groups and who is in them.")
Name = Annotated[str, typer.Argument(metavar="NAME", help="The group's name.")]
People = Annotated[list[str], typer.Argument(metavar="WHO…", help="E-mail addresses or ids.")]


@group.command("add")
def add(
    name: Name,
    *,
    description: Annotated[str, typer.Option("--description", help="Who belongs in it.")] = "",
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Make a group."""
    from infra.cli.client import KontorClient
    from infra.cli.target import resolve
    from infra.cli.terminal import open_console, print_json, text_of

    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        made = client.post("/api/v1/groups", {"name": name, "description": description})
    if as_json:
        print_json(made)
    else:
        open_console().print(f"made {text_of(made, 'name')}; fill it: kontor group join")


@group.command("ls")
def ls(
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="List who is in this one.")] = "",
    *,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """List groups, or the people of one."""
    from infra.cli.client import KontorClient, path_of
    from infra.cli.shelves import MOST
    from infra.cli.target import resolve
    from infra.cli.terminal import number_of, open_console, plural, print_json, text_of

    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        path = "/api/v1/groups"
        if name:
            path = path_of("groups", str(find_group(client, name)["id"]), "members")
        found = list(client.list_all(path, limit=MOST))
    if as_json:
        print_json({"items": found})
        return
    console = open_console()
    for each in found:
        if name:
            console.print(text_of(each, "email"))
        else:
            people = plural(round(number_of(each, "member_count")), "person", "people")
            console.print(f"{text_of(each, 'name')}  {people}")


@group.command("join")
def join(
    name: Name,
    people: People,
    *,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Put people into a group; they have what it was granted at once."""
    _move("PUT", name, people, api=api, data=data, token=token, as_json=as_json)


@group.command("leave")
def leave(
    name: Name,
    people: People,
    *,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Take people out of a group."""
    _move("DELETE", name, people, api=api, data=data, token=token, as_json=as_json)


@group.command("rm")
def rm(
    name: Name,
    *,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Remove a group; nothing that was granted to it opens for others."""
    from infra.cli.client import KontorClient, path_of
    from infra.cli.target import resolve
    from infra.cli.terminal import open_console, print_json, text_of

    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        found = find_group(client, name)
        client.delete(path_of("groups", str(found["id"])))
    if as_json:
        print_json({"removed": found["id"]})
    else:
        open_console().print(f"removed {text_of(found, 'name')}")


def find_group(client: KontorClient, name: str) -> Body:
    """Find a group by its name, whatever its case, or its id. Raises NotFoundError."""
    from infra.cli.shelves import MOST
    from shared.kernel.errors import NotFoundError

    wanted = name.strip().lower()
    for each in client.list_all("/api/v1/groups", limit=MOST):
        if wanted in {str(each.get("name", "")).lower(), str(each.get("id"))}:
            return each
    raise NotFoundError(f"There is no group {name!r}.", hint="`kontor group ls` lists them.")


def _move(
    method: str, name: str, people: list[str], *, api: str, data: Path, token: str, as_json: bool
) -> None:
    from infra.cli.client import KontorClient, path_of
    from infra.cli.target import resolve
    from infra.cli.terminal import open_console, plural, print_json, text_of
    from infra.cli.user import find_user

    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        found = find_group(client, name)
        for who in people:
            member = str(find_user(client, who)["id"])
            client.call(method, path_of("groups", str(found["id"]), "members", member))
    if as_json:
        print_json({"group": found["id"], "changed": len(people)})
        return
    verb = "joined" if method == "PUT" else "left"
    open_console().print(
        f"{plural(len(people), 'person', 'people')} {verb} {text_of(found, 'name')}"
    )
