"""`kontor oidc`: the identity providers that people of the tenant may sign in at."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.options import DEFAULT_DATA, Api, AsJson, Data, Token

if TYPE_CHECKING:
    from infra.cli.client import Body, KontorClient

PATH = "/api/v1/oidc/providers"
oidc = typer.Typer(
    name="oidc", no_args_is_help=True, help="Identity providers people may sign in at."
)
Which = Annotated[str, typer.Argument(metavar="PROVIDER", help="The provider's name or id.")]


@oidc.command("add")
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Short name, as in --oidc NAME.")],
    *,
    issuer: Annotated[str, typer.Option("--issuer", metavar="URL", help="The issuer, exactly.")],
    client_id: Annotated[str, typer.Option("--client-id", help="As registered there.")],
    secret_stdin: Annotated[
        bool, typer.Option("--secret-stdin", help="Read the client's secret from standard input.")
    ] = False,
    title: Annotated[str, typer.Option("--title", help="What the button says.")] = "",
    scope: Annotated[
        list[str] | None, typer.Option("--scope", help="Beside openid; email and profile if none.")
    ] = None,
    claim: Annotated[
        list[str] | None,
        typer.Option("--claim", metavar="NAME=PATH", help="e.g. groups=realm_access.roles"),
    ] = None,
    allow: Annotated[
        list[str] | None, typer.Option("--allow-domain", help="Only people of this domain.")
    ] = None,
    trust: Annotated[
        list[str] | None,
        typer.Option("--trust-domain", help="Join people of this domain to their accounts here."),
    ] = None,
    group_role: Annotated[
        list[str] | None,
        typer.Option("--group-role", metavar="GROUP=ROLE", help="Role of a group; repeatable."),
    ] = None,
    group: Annotated[
        list[str] | None,
        typer.Option("--group", metavar="THEIRS=OURS", help="Our group of theirs; repeatable."),
    ] = None,
    role: Annotated[str, typer.Option("--role", help="Role without a group's.")] = "viewer",
    makes_users: Annotated[
        bool, typer.Option("--make-users", help="Make accounts at the first sign-in.")
    ] = False,
    trust_second_factor: Annotated[
        bool,
        typer.Option("--trust-second-factor", help="Ask for no code after one was shown there."),
    ] = False,
    second_factor_acr: Annotated[
        list[str] | None,
        typer.Option(
            "--second-factor-acr", metavar="ACR", help="Its word for that; else mfa in amr."
        ),
    ] = None,
    max_age: Annotated[
        int | None,
        typer.Option("--max-age", metavar="SECONDS", help="How old a sign-in there may be."),
    ] = None,
    untyped_logout: Annotated[
        bool,
        typer.Option("--untyped-logout", help="Believe logout tokens of type JWT there too."),
    ] = False,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Add an identity provider, or change the one of this name; what is left out is reset."""
    from infra.cli.client import KontorClient
    from infra.cli.target import resolve
    from infra.cli.terminal import print_json, text_of

    body: dict[str, object] = {
        "name": name,
        "title": title or name,
        "issuer": issuer,
        "client_id": client_id,
        "allowed_domains": allow or [],
        "trusted_domains": trust or [],
        "claims": _pairs(claim or []),
        "group_roles": _pairs(group_role or []),
        "group_groups": _pairs(group or []),
        "default_role": role,
        "makes_users": makes_users,
        "trusts_second_factor": trust_second_factor,
        "second_factor_acr": second_factor_acr or [],
        "max_age_s": max_age,
        "takes_untyped_logout": untyped_logout,
        **({"scopes": scope} if scope else {}),
        **({"client_secret": sys.stdin.readline().rstrip("\r\n")} if secret_stdin else {}),
    }
    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        known = [each for each in _providers(client) if text_of(each, "name") == name]
        if known:
            path = f"{PATH}/{text_of(known[0], 'id')}"
            kept = client.call("PUT", path, json=body, is_repeatable=True)
        else:
            kept = client.post(PATH, body)
    if as_json:
        print_json(kept)
        return
    typer.echo(f"{'Changed' if known else 'Added'} {name}. Register this address there:")
    typer.echo(text_of(kept, "redirect_uri"))
    typer.echo("And, so that signing out there signs out here, this one for back-channel logout:")
    typer.echo(text_of(kept, "backchannel_logout_uri"))


@oidc.command("list")
def list_(
    *, api: Api = "", data: Data = DEFAULT_DATA, token: Token = "", as_json: AsJson = False
) -> None:
    """List the tenant's identity providers."""
    from infra.cli.client import KontorClient
    from infra.cli.target import resolve
    from infra.cli.terminal import open_console, print_json, text_of

    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        found = _providers(client)
    if as_json:
        print_json({"items": found})
        return
    console = open_console()
    if not found:
        console.print("No identity providers yet. Add one: kontor oidc add NAME --issuer URL …")
    for each in found:
        state = "" if each.get("is_active") else "off"
        parts = [text_of(each, "name"), text_of(each, "issuer"), text_of(each, "title"), state]
        console.print("  ".join(part for part in parts if part))


@oidc.command("rm")
def remove(
    which: Which,
    *,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Remove an identity provider; accounts stay, sign-ins there end."""
    from infra.cli.client import KontorClient
    from infra.cli.target import resolve
    from infra.cli.terminal import print_json, text_of
    from shared.kernel.errors import NotFoundError

    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        ids = [
            text_of(each, "id")
            for each in _providers(client)
            if which in {text_of(each, "id"), text_of(each, "name")}
        ]
        if not ids:
            raise NotFoundError(
                f"There is no identity provider {which}.", hint="See `kontor oidc list`."
            )
        client.delete(f"{PATH}/{ids[0]}")
    if as_json:
        print_json({"id": ids[0], "removed": True})
    else:
        typer.echo(f"Removed {which}.")


def _providers(client: KontorClient) -> list[Body]:
    items = client.get(PATH).get("items")
    return [each for each in items if isinstance(each, dict)] if isinstance(items, list) else []


def _pairs(given: Sequence[str]) -> dict[str, str]:
    """Read NAME=VALUE options. Raises InvalidError for one without the sign."""
    from shared.kernel.errors import InvalidError

    pairs = {}
    for each in given:
        name, sign, value = each.rpartition("=")
        if not sign or not name or not value:
            raise InvalidError(f"{each!r} is not NAME=VALUE.", hint="Write it like writers=editor.")
        pairs[name] = value
    return pairs
