"""`kontor login`: exchange a password for a token and remember it for this server."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from infra.cli.options import DEFAULT_DATA, Api, AsJson, Data


def login(
    *,
    email: Annotated[str, typer.Option("--email", "-e", metavar="EMAIL", help="Who you are.")],
    tenant: Annotated[
        str, typer.Option("--tenant", metavar="SLUG", help="Needed if you are in several.")
    ] = "",
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input.")
    ] = False,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Sign in; the token is kept for later commands, the password is not."""
    from infra.cli.client import KontorClient
    from infra.cli.target import PROFILE_FILE, Profile, Target, clean_api, profiles_file, resolve
    from infra.cli.terminal import local_time, print_json
    from shared.kernel.errors import InvalidError

    if api:
        url, store = clean_api(api), profiles_file()
    else:
        url, store = resolve(api="", token="", data=data).profile.api, data / PROFILE_FILE
    if password_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    else:
        password = typer.prompt("Password", hide_input=True, err=True)
    if not password:
        raise InvalidError("The password is empty.", hint="Type it, or pipe it in.")
    with KontorClient(Target(Profile(url), store, data)) as client:
        profile = client.sign_in(email=email, password=password, tenant=tenant)
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
