"""`kontor role`: what people may do, as roles of the tenant."""

from __future__ import annotations

from typing import Annotated

import typer

from infra.cli.options import DEFAULT_DATA, Api, AsJson, Data, Token

role = typer.Typer(name="role", no_args_is_help=True, help="Roles and what each allows.")
Name = Annotated[str, typer.Argument(metavar="NAME", help="Small letters, digits and hyphens.")]


@role.command("ls")
def ls(
    *, api: Api = "", data: Data = DEFAULT_DATA, token: Token = "", as_json: AsJson = False
) -> None:
    """List roles, what each allows and how many people have it."""
    from infra.cli.client import KontorClient
    from infra.cli.target import resolve
    from infra.cli.terminal import list_of, number_of, open_console, plural, print_json

    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        found = client.get("/api/v1/roles")
    if as_json:
        print_json(found)
        return
    console = open_console()
    for each in list_of(found, "items"):
        people = plural(round(number_of(each, "holder_count")), "person", "people")
        console.print(f"{each['name']}  {people}  {_words(each)}")


@role.command("add")
def add(
    name: Name,
    permissions: Annotated[
        list[str], typer.Argument(metavar="PERMISSION…", help="documents:read, documents:*, …")
    ],
    *,
    title: Annotated[str, typer.Option("--title", help="What people read.")] = "",
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Make a role of permissions that you hold yourself."""
    from infra.cli.client import KontorClient
    from infra.cli.target import resolve

    body = {"name": name, "title": title, "permissions": permissions}
    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        _show(client.post("/api/v1/roles", body), as_json=as_json)


@role.command("set")
def change(
    name: Name,
    permissions: Annotated[
        list[str], typer.Argument(metavar="PERMISSION…", help="All it is to allow.")
    ],
    *,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Say anew what a role allows, for everybody who has it."""
    from infra.cli.client import KontorClient, path_of
    from infra.cli.target import resolve

    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        changed = client.patch(path_of("roles", name), {"permissions": permissions})
        _show(changed, as_json=as_json)


@role.command("rm")
def rm(
    name: Name,
    *,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Remove a role that nobody has."""
    from infra.cli.client import KontorClient, path_of
    from infra.cli.target import resolve
    from infra.cli.terminal import open_console, print_json

    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        client.delete(path_of("roles", name))
    if as_json:
        print_json({"removed": name})
    else:
        open_console().print(f"removed the role {name}")


def _words(found: dict[str, object]) -> str:
    from infra.cli.terminal import names_of

    return ", ".join(names_of(found, "permissions"))


def _show(found: dict[str, object], *, as_json: bool) -> None:
    from infra.cli.terminal import open_console, print_json

    if as_json:
        print_json(found)
    else:
        open_console().print(f"{found['name']} allows {_words(found) or 'nothing'}")
