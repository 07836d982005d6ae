"""`kontor user`: accounts of the tenant, as administrators keep them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.options import DEFAULT_DATA, Api, AsJson, Data, Token

if TYPE_CHECKING:
    from pathlib import Path

    from infra.cli.client import Body, KontorClient

user = typer.Typer(name="user", no_args_is_help=True, help="Accounts: role, switched on or off.")
Who = Annotated[str, typer.Argument(metavar="WHO", help="An e-mail address or an id.")]


@user.command("ls")
def ls(
    *, api: Api = "", data: Data = DEFAULT_DATA, token: Token = "", as_json: AsJson = False
) -> None:
    """List accounts with their roles."""
    from infra.cli.client import KontorClient
    from infra.cli.shelves import MOST
    from infra.cli.target import resolve
    from infra.cli.terminal import open_console, print_json, text_of

    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        found = list(client.list_all("/api/v1/users", limit=MOST))
    if as_json:
        print_json({"items": found})
        return
    console = open_console()
    for each in found:
        state = "" if each.get("is_active") else "  switched off"
        console.print(f"{text_of(each, 'email')}  {text_of(each, 'role')}{state}")


@user.command("role")
def give_role(
    who: Who,
    role: Annotated[str, typer.Argument(metavar="ROLE", help="See kontor role ls.")],
    *,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Give somebody another role, from their next request on."""
    _change(who, {"role": role}, api=api, data=data, token=token, as_json=as_json)


@user.command("off")
def switch_off(
    who: Who,
    *,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Switch an account off; its sessions and keys end at once."""
    _change(who, {"is_active": False}, api=api, data=data, token=token, as_json=as_json)


@user.command("on")
def switch_on(
    who: Who,
    *,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Switch an account on again; its owner signs in anew."""
    _change(who, {"is_active": True}, api=api, data=data, token=token, as_json=as_json)


@user.command("rm")
def rm(
    who: Who,
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Remove an account with its conversations for good; what it put in stays."""
    from infra.cli.client import KontorClient, path_of
    from infra.cli.documents import confirm
    from infra.cli.target import resolve
    from infra.cli.terminal import open_console, print_json, text_of

    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        found = find_user(client, who)
        confirm([text_of(found, "email")], "Remove the account for good?", yes=yes, as_json=as_json)
        client.delete(path_of("users", str(found["id"])))
    if as_json:
        print_json({"removed": found["id"]})
    else:
        open_console().print(f"removed {text_of(found, 'email')}")


@user.command("access")
def access(
    who: Who,
    *,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Show how far somebody reaches each restricted folder, collection and document."""
    from infra.cli.client import KontorClient, path_of
    from infra.cli.target import resolve
    from infra.cli.terminal import list_of, open_console, print_json, text_of

    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        found = client.get(path_of("users", str(find_user(client, who)["id"]), "access"))
    if as_json:
        print_json(found)
        return
    console = open_console()
    items = list_of(found, "items")
    if not items:
        console.print("Nothing is restricted here.")
    for each in items:
        words = (text_of(each, name) for name in ("level", "kind", "title"))
        console.print("  ".join(words))


def find_user(client: KontorClient, who: str) -> Body:
    """Find an account by its address or id. Raises NotFoundError."""
    from infra.cli.shelves import MOST
    from shared.kernel.errors import NotFoundError

    wanted = who.strip().lower()
    for each in client.list_all("/api/v1/users", limit=MOST):
        if wanted in {str(each.get("email")), str(each.get("id"))}:
            return each
    raise NotFoundError(f"There is no user {who}.", hint="`kontor user ls` lists them.")


def _change(who: str, change: Body, *, api: str, data: Path, token: str, as_json: bool) -> None:
    from infra.cli.client import KontorClient, path_of
    from infra.cli.target import resolve
    from infra.cli.terminal import open_console, print_json, text_of

    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        found = find_user(client, who)
        changed = client.patch(path_of("users", str(found["id"])), change)
    if as_json:
        print_json(changed)
        return
    state = "on" if changed.get("is_active") else "switched off"
    open_console().print(f"{text_of(changed, 'email')}: {text_of(changed, 'role')}, {state}")
