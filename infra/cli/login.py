"""`kontor login`: sign in by password or at an identity provider, and remember it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.options import DEFAULT_DATA, Api, AsJson, Data

if TYPE_CHECKING:
    from infra.cli.target import Profile


def login(
    *,
    email: Annotated[str, typer.Option("--email", "-e", metavar="EMAIL", help="Who you are.")] = "",
    tenant: Annotated[
        str, typer.Option("--tenant", metavar="SLUG", help="Needed if you are in several.")
    ] = "",
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input.")
    ] = False,
    oidc: Annotated[
        str,
        typer.Option("--oidc", metavar="PROVIDER", help="Sign in there, in your browser."),
    ] = "",
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the browser, or print the address.")
    ] = True,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Sign in; the token is kept for later commands, the password is not."""
    from infra.cli.client import KontorClient
    from infra.cli.target import PROFILE_FILE, Profile, Target, clean_api, profiles_file, resolve
    from shared.kernel.errors import InvalidError

    if api:
        url, store = clean_api(api), profiles_file()
    else:
        url, store = resolve(api="", token="", data=data).profile.api, data / PROFILE_FILE
    if oidc:
        from infra.cli.login_oidc import sign_in_there

        with KontorClient(Target(Profile(url), store, data)) as client:
            profile = sign_in_there(client, oidc, tenant=tenant, opens_browser=browser)
        _say(profile, as_json=as_json)
        return
    if not email:
        raise InvalidError("Who signs in?", hint="Name yourself with --email, or use --oidc.")
    if password_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    else:
        password = typer.prompt("Password", hide_input=True, err=True)
    if not password:
        raise InvalidError("The password is empty.", hint="Type it, or pipe it in.")
    with KontorClient(Target(Profile(url), store, data)) as client:
        profile = client.sign_in(email=email, password=password, tenant=tenant)
    _say(profile, as_json=as_json)


def _say(profile: Profile, *, as_json: bool) -> None:
    from infra.cli.terminal import local_time, print_json

    if as_json:
        print_json(
            {
                "api": profile.api,
                "email": profile.email,
                "tenant": profile.tenant,
                "expires_at": round(profile.expires_at),
            }
        )
        return
    from datetime import UTC, datetime

    until = local_time(datetime.fromtimestamp(profile.expires_at, UTC).isoformat(), "%H:%M")
    where = f" ({profile.tenant})" if profile.tenant else ""
    typer.echo(f"Signed in to {profile.api} as {profile.email}{where} until {until}.")
