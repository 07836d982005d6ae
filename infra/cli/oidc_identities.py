"""`kontor oidc link`, `unlink`, `identities`: your own account and those at identity providers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.account import PasswordStdin
from infra.cli.oidc import oidc as oidc  # noqa: PLC0414 - with what is added here
from infra.cli.options import DEFAULT_DATA, Api, AsJson, Data, Token
from infra.cli.proving import Totp, proving

if TYPE_CHECKING:
    from infra.cli.client import Body, KontorClient

PATH = "/auth/identities"
Of = Annotated[
    str, typer.Option("--of", metavar="PERSON", help="Somebody else's, by address or id.")
]


@oidc.command("identities")
def identities(
    *,
    of: Of = "",
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """List the accounts at identity providers that sign you in, or somebody else."""
    from infra.cli.client import KontorClient
    from infra.cli.target import resolve
    from infra.cli.terminal import local_time, open_console, print_json, text_of

    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        found = _identities(client, _path(client, of))
    if as_json:
        print_json({"items": found})
        return
    console = open_console()
    if not found and of:
        console.print(f"{of} is joined to no account.")
    elif not found:
        console.print("You are joined to no account. Join one: kontor oidc link PROVIDER")
    for each in found:
        used = local_time(each.get("signed_in_at"))
        parts = [text_of(each, "issuer"), text_of(each, "email"), text_of(each, "subject"), used]
        console.print("  ".join(part for part in parts if part))


@oidc.command("link")
def link(
    provider: Annotated[
        str, typer.Argument(metavar="PROVIDER", help="The provider's name, as in login --oidc.")
    ],
    *,
    tenant: Annotated[str, typer.Option("--tenant", metavar="SLUG", help="Yours, if asked.")] = "",
    password_stdin: PasswordStdin = False,
    totp: Totp = "",
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the browser, or print the address.")
    ] = True,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Join an account at an identity provider to yours: it signs you in from then on."""
    from infra.cli.client import KontorClient
    from infra.cli.login_oidc import find_provider, go_there
    from infra.cli.target import resolve
    from infra.cli.terminal import print_json, text_of

    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        slug = tenant or client.profile.tenant or text_of(client.me(), "tenant")
        provider_id = find_provider(client, provider, slug)["id"]

        def address(return_to: str, challenge: str) -> str:
            wanted = {"provider_id": provider_id, "return_to": return_to, "challenge": challenge}
            begun = proving(
                lambda proof: client.post(PATH, {**wanted, **proof}),
                is_piped=password_stdin,
                code=totp,
            )
            return f"{client.profile.api}{text_of(begun, 'start_url')}"

        joined = client.post(f"{PATH}/confirm", go_there(address, opens_browser=browser))
    if as_json:
        print_json(joined)
        return
    who = text_of(joined, "email") or text_of(joined, "subject")
    typer.echo(f"Joined {who} at {text_of(joined, 'issuer')}: kontor login --oidc {provider}")


@oidc.command("unlink")
def unlink(
    which: Annotated[
        str, typer.Argument(metavar="[ACCOUNT]", help="Its address, subject or issuer, if several.")
    ] = "",
    *,
    of: Of = "",
    password_stdin: PasswordStdin = False,
    totp: Totp = "",
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Part from an account at an identity provider: it signs you, or somebody else, in no more."""
    from infra.cli.client import KontorClient
    from infra.cli.target import resolve
    from infra.cli.terminal import print_json, text_of

    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        path = _path(client, of)
        chosen = _choose(_identities(client, path), which)
        wanted = {name: text_of(chosen, name) for name in ("issuer", "subject")}
        proving(
            lambda proof: client.call("DELETE", path, json={**wanted, **proof}),
            is_piped=password_stdin,
            code=totp,
        )
    if as_json:
        print_json({**wanted, "removed": True})
    else:
        account = text_of(chosen, "email") or wanted["subject"]
        typer.echo(f"{account} signs {of or 'you'} in no more.")


def _path(client: KontorClient, of: str) -> str:
    """Return where one's own identities are, or those of somebody else."""
    from infra.cli.terminal import text_of
    from infra.cli.user import find_user

    return f"/api/v1/users/{text_of(find_user(client, of), 'id')}/identities" if of else PATH


def _identities(client: KontorClient, path: str) -> list[Body]:
    from infra.cli.terminal import list_of

    return list_of(client.get(path), "items")


def _choose(found: list[Body], which: str) -> Body:
    """Find the one account that is meant. Raises NotFoundError, InvalidError for several."""
    from infra.cli.terminal import text_of
    from shared.kernel.errors import InvalidError, NotFoundError

    names = ("email", "subject", "issuer")
    meant = [
        each for each in found if not which or which in {text_of(each, name) for name in names}
    ]
    if not meant:
        raise NotFoundError(
            "There is no such account at a provider.", hint="See `kontor oidc identities`."
        )
    if len(meant) > 1:
        listed = ", ".join(text_of(each, "subject") for each in meant)
        raise InvalidError("Several accounts are meant.", hint=f"Name one of: {listed}.")
    return meant[0]
