"""`kontor share` and `kontor link`: who sees what, here and without an account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.options import DEFAULT_DATA, Api, AsJson, Data, Token

if TYPE_CHECKING:
    from infra.cli.client import Body, KontorClient

link = typer.Typer(
    name="link", no_args_is_help=True, help="Links to look at something without an account."
)
Thing = Annotated[str, typer.Argument(metavar="NAME", help="A folder's path; see --document.")]
IsDocument = Annotated[
    bool, typer.Option("--document", help="NAME is a document: its id or its title's beginning.")
]
IsCollection = Annotated[bool, typer.Option("--collection", help="NAME is a collection.")]


def share(
    name: Thing,
    *,
    people: Annotated[
        list[str] | None,
        typer.Option("--with", metavar="WHO", help="An address, a group's name, or everyone."),
    ] = None,
    level: Annotated[str, typer.Option("--level", help="view, edit, manage or deny.")] = "",
    view: Annotated[bool, typer.Option("--view", help="They may look (the default).")] = False,
    edit: Annotated[bool, typer.Option("--edit", help="They may change things too.")] = False,
    manage: Annotated[bool, typer.Option("--manage", help="They may share it, too.")] = False,
    deny: Annotated[bool, typer.Option("--deny", help="They are kept out.")] = False,
    stop: Annotated[
        list[str] | None, typer.Option("--stop", metavar="WHO", help="Take back what they have.")
    ] = None,
    is_opened: Annotated[
        bool, typer.Option("--open", help="Take everything back: as open as what it is in.")
    ] = False,
    shows_readers: Annotated[
        bool, typer.Option("--who", help="List everybody who reaches it, and how far.")
    ] = False,
    is_document: IsDocument = False,
    is_collection: IsCollection = False,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Share a folder, a document or a collection, or show with whom it is shared.

    The first grant closes it to everybody else; what lies in a folder follows it.
    """
    from infra.cli.client import KontorClient
    from infra.cli.target import resolve

    wanted = _level(level, view=view, edit=edit, manage=manage, deny=deny)
    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        path = _path(client, name, is_document=is_document, is_collection=is_collection)
        if is_opened:
            client.call("PUT", f"{path}/access", json={"grants": []})
        for who in people or []:
            client.post(f"{path}/access", {"subject": who, "level": wanted})
        for who in stop or []:
            _withdraw(client, path, who)
        found = client.get(f"{path}/readers" if shows_readers else f"{path}/access")
    _show(found, as_json=as_json)


@link.command("add")
def add(
    name: Thing,
    *,
    days: Annotated[float, typer.Option("--days", help="How long it lasts, up to 365.")] = 7,
    is_guarded: Annotated[
        bool, typer.Option("--password", help="Type a password that is asked of whoever opens it.")
    ] = False,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read that password from standard input.")
    ] = False,
    most_uses: Annotated[
        int, typer.Option("--most-uses", help="How often it may be opened; 0 is any number.")
    ] = 0,
    is_view_only: Annotated[
        bool, typer.Option("--view-only", help="People may look; the files stay here.")
    ] = False,
    is_document: IsDocument = False,
    is_collection: IsCollection = False,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Make a link; its address is shown this once. Browsers are shown a page there.

    A link to a collection shows of its documents those that you may share one by one.
    """
    from infra.cli.client import KontorClient
    from infra.cli.login import read_password
    from infra.cli.target import resolve
    from infra.cli.terminal import local_time, open_console, print_json, text_of

    password = ""
    if is_guarded or password_stdin:
        password = read_password(is_piped=password_stdin, prompt="Its password", confirm=True)
    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        path = _path(client, name, is_document=is_document, is_collection=is_collection)
        _, kind, thing = path.rsplit("/", 2)
        body: Body = {f"{kind[:-1]}_id": thing, "days": days, "password": password}
        if most_uses:
            body["most_uses"] = most_uses
        if is_view_only:
            body["allows_download"] = False
        made = client.post("/api/v1/shares", body)
        address = f"{client.profile.api.rstrip('/')}{made['path']}"
    if as_json:
        print_json({**made, "address": address})
        return
    until = local_time(made["expires_at"])
    open_console().print(f"{text_of(made, 'title')} until {until}, shown only now:")
    typer.echo(address)


@link.command("ls")
def ls(
    *, api: Api = "", data: Data = DEFAULT_DATA, token: Token = "", as_json: AsJson = False
) -> None:
    """List the links you made; administrators see everybody's."""
    from infra.cli.client import KontorClient
    from infra.cli.shelves import MOST
    from infra.cli.target import resolve
    from infra.cli.terminal import local_time, number_of, open_console, print_json, text_of

    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        found = list(client.list_all("/api/v1/shares", limit=MOST))
    if as_json:
        print_json({"items": found})
        return
    console = open_console()
    if not found:
        console.print("No links yet. Make one: kontor link add FOLDER")
    for each in found:
        ended = "revoked" if each["revoked_at"] else f"until {local_time(each['expires_at'])}"
        asks = ", password" if each["has_password"] else ""
        asks += ", view only" if each.get("allows_download") is False else ""
        uses = round(number_of(each, "use_count"))
        console.print(f"{each['id']}  {text_of(each, 'title')}  {ended}{asks}, opened {uses} times")


@link.command("rm")
def rm(
    link_id: Annotated[str, typer.Argument(metavar="ID", help="See kontor link ls.")],
    *,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """End a link; everybody who came through it is out at once."""
    from infra.cli.client import KontorClient, path_of
    from infra.cli.target import resolve
    from infra.cli.terminal import open_console, print_json, text_of

    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        ended = client.delete(path_of("shares", link_id))
    if as_json:
        print_json(ended)
    else:
        open_console().print(f"ended the link to {text_of(ended, 'title')}")


def _level(named: str, *, view: bool, edit: bool, manage: bool, deny: bool) -> str:
    from shared.kernel.errors import InvalidError

    flags = {"view": view, "edit": edit, "manage": manage, "deny": deny}
    said = [flag for flag, is_set in flags.items() if is_set] + ([named] if named else [])
    if len(said) > 1 or (named and named not in flags):
        raise InvalidError("Say one of --view, --edit, --manage and --deny.")
    return said[0] if said else "view"


def _path(client: KontorClient, name: str, *, is_document: bool, is_collection: bool) -> str:
    from infra.cli.client import path_of
    from infra.cli.documents import find_document
    from infra.cli.shelves import find_collection, find_folder
    from shared.kernel.errors import InvalidError

    if is_document and is_collection:
        raise InvalidError("Say one of --document and --collection.")
    if is_document:
        return path_of("documents", str(find_document(client, name)["id"]))
    if is_collection:
        return path_of("collections", str(find_collection(client, name)["id"]))
    return path_of("folders", str(find_folder(client, name)["id"]))


def _withdraw(client: KontorClient, path: str, who: str) -> None:
    from urllib.parse import quote

    client.delete(f"{path}/access/{quote(who, safe='')}")


def _show(found: Body, *, as_json: bool) -> None:
    from infra.cli.terminal import list_of, open_console, print_json, text_of

    if as_json:
        print_json(found)
        return
    console = open_console()
    if "items" in found:
        for each in list_of(found, "items"):
            console.print(f"{text_of(each, 'level'):7} {text_of(each, 'email')}")
        return
    console.print(
        f"{text_of(found, 'title')}: "
        + ("open to everybody" if found.get("is_open") else "restricted to")
    )
    for each in list_of(found, "effects"):
        name = text_of(each, "name") or text_of(each, "subject")
        console.print(f"  {text_of(each, 'level'):7} {name}")
