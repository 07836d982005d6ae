"""`kontor key`: keys for programs and tokens for scripts of one's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.options import DEFAULT_DATA, Api, AsJson, Data, Token

if TYPE_CHECKING:
    from infra.cli.client import Body, KontorClient

MOST = 10_000
key = typer.Typer(
    name="key", no_args_is_help=True, help="Keys for programs, tokens for your own scripts."
)
Which = Annotated[str, typer.Argument(metavar="KEY", help="The key's id, hint or name.")]
Scopes = Annotated[
    list[str] | None,
    typer.Option("--scope", metavar="PERMISSION", help="What it may do, e.g. search; repeatable."),
]
Days = Annotated[int, typer.Option("--days", min=0, help="Life in days; 0: what the server gives.")]


@key.command("make")
def make(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What the key is for.")],
    *,
    scope: Scopes = None,
    days: Days = 0,
    service: Annotated[
        bool, typer.Option("--service", help="For a program: it acts as an account of its own.")
    ] = False,
    role: Annotated[
        str, typer.Option("--role", metavar="ROLE", help="Role of the new service account.")
    ] = "viewer",
    account: Annotated[
        str, typer.Option("--account", metavar="ID", help="Service account that is there already.")
    ] = "",
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Make a key and print it: it is shown only now. Without --scope it may read and search."""
    from infra.cli.client import KontorClient
    from infra.cli.target import resolve

    body: dict[str, object] = {
        "kind": "service" if service or account else "personal",
        "name": name,
        "scopes": scope or ["documents:read", "search", "chat"],
    }
    if days:
        body["expires_in_days"] = days
    if service:
        body["role"] = role
    if account:
        body["account_id"] = account
    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        made = client.post("/api/v1/keys", body)
    _show_secret(made, as_json=as_json)


@key.command("list")
def list_(
    *,
    everyone: Annotated[
        bool, typer.Option("--everyone", help="All keys of the tenant, for administrators.")
    ] = False,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """List keys: what they may do, how long they live, when they were last used."""
    from infra.cli.client import KontorClient
    from infra.cli.target import resolve
    from infra.cli.terminal import local_time, open_console, print_json, text_of

    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        found = list(_keys(client, everyone=everyone))
    if as_json:
        print_json({"items": found})
        return
    console = open_console()
    if not found:
        console.print("No keys yet. Make one: kontor key make NAME --scope search")
    for each in found:
        used = local_time(each.get("last_used_at"))
        parts = [text_of(each, "hint"), text_of(each, "name"), text_of(each, "state")]
        parts += [text_of(each, "account")] if everyone else []
        parts.append(" ".join(str(scope) for scope in _list(each, "scopes")))
        parts.append(f"until {local_time(each.get('expires_at'))}")
        parts.append(f"used {used}" if used else "never used")
        console.print("  ".join(parts))


@key.command("rotate")
def rotate(
    which: Which,
    *,
    grace: Annotated[
        int,
        typer.Option("--grace", min=-1, metavar="SECONDS", help="Old secret's rest; -1: usual."),
    ] = -1,
    days: Days = 0,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Give a key a new secret and print it; the old one holds a while longer."""
    from infra.cli.client import KontorClient
    from infra.cli.target import resolve

    body: dict[str, object] = {"grace_s": grace} if grace >= 0 else {}
    if days:
        body["expires_in_days"] = days
    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        made = client.post(f"/api/v1/keys/{_find(client, which)}/rotate", body)
    _show_secret(made, as_json=as_json)


@key.command("revoke")
def revoke(
    which: Which,
    *,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """End a key: the next request with it is refused."""
    from infra.cli.client import KontorClient
    from infra.cli.target import resolve
    from infra.cli.terminal import print_json

    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        key_id = _find(client, which)
        client.delete(f"/api/v1/keys/{key_id}")
    if as_json:
        print_json({"id": key_id, "state": "revoked"})
    else:
        typer.echo(f"Revoked key {key_id}.")


def _find(client: KontorClient, which: str) -> str:
    """Find a key by id, hint or name; several with one name are told apart by their hints."""
    from uuid import UUID

    from infra.cli.terminal import text_of
    from shared.kernel.errors import ConflictError, NotFoundError

    try:
        return str(UUID(which))
    except ValueError:
        pass
    found = [
        each
        for each in _keys(client, everyone=False)
        if which in {text_of(each, "name"), text_of(each, "hint")}
        and text_of(each, "state") != "revoked"
    ]
    if not found:
        raise NotFoundError(f"You have no key {which}.", hint="See `kontor key list`.")
    if len(found) > 1:
        hints = ", ".join(text_of(each, "hint") for each in found)
        raise ConflictError(f"Several keys are called {which}.", hint=f"Use one of: {hints}.")
    return text_of(found[0], "id")


def _keys(client: KontorClient, *, everyone: bool) -> list[Body]:
    wanted = {"everyone": "true"} if everyone else {}
    return list(client.list_all("/api/v1/keys", limit=MOST, **wanted))


def _list(body: Body, name: str) -> list[object]:
    value = body.get(name)
    return value if isinstance(value, list) else []


def _show_secret(made: Body, *, as_json: bool) -> None:
    from infra.cli.terminal import local_time, print_json, print_warning, text_of

    if as_json:
        print_json(made)
        return
    typer.echo(text_of(made, "key"))
    print_warning(
        f"shown only now; it holds until {local_time(made.get('expires_at'))}. "
        "Use it as KONTOR_TOKEN or as Authorization: Bearer."
    )
