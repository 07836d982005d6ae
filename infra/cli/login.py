"""`kontor login`: sign in by password or at an identity provider, and remember it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.options import DEFAULT_DATA, Api, AsJson, Data

if TYPE_CHECKING:
    from infra.cli.client import Body, KontorClient
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
    totp: Annotated[
        str,
        typer.Option(
            "--totp", metavar="CODE", help="Code of your authenticator app; asked for if needed."
        ),
    ] = "",
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
    """Sign in; what renews the login is kept for later commands, the password is not."""
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
            profile = sign_in_there(
                client,
                oidc,
                tenant=tenant,
                opens_browser=browser,
                ask_code=_asking(client, totp),
            )
        _tell(profile, client.recovery_codes, as_json=as_json)
        return
    if not email:
        raise InvalidError("Who signs in?", hint="Name yourself with --email, or use --oidc.")
    password = read_password(is_piped=password_stdin)
    with KontorClient(Target(Profile(url), store, data)) as client:
        profile = client.sign_in(
            email=email, password=password, tenant=tenant, ask_code=_asking(client, totp)
        )
    _tell(profile, client.recovery_codes, as_json=as_json)


def _tell(profile: Profile, codes: list[str], *, as_json: bool) -> None:
    from infra.cli.terminal import local_time, print_json

    if codes:
        typer.echo("Keep these for days without the app, each good once:", err=True)
        typer.echo("\n".join(f"  {code}" for code in codes), err=True)
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
    renewal = ", renewed by itself" if profile.refresh else ""
    typer.echo(f"Signed in to {profile.api} as {profile.email}{where} until {until}{renewal}.")


def read_password(*, is_piped: bool, prompt: str = "Password", confirm: bool = False) -> str:
    """Read a password from the terminal, or a line of standard input. Raises InvalidError."""
    from shared.kernel.errors import InvalidError

    if is_piped:
        password = sys.stdin.readline().rstrip("\r\n")
    else:
        password = str(typer.prompt(prompt, hide_input=True, err=True, confirmation_prompt=confirm))
    if not password:
        raise InvalidError("The password is empty.", hint="Type it, or pipe it in.")
    return password


def _asking(client: KontorClient, given: str) -> Callable[[Body], str]:
    """Return what finds the code a server asks for: the one given, else whoever types."""

    def ask(problem: Body) -> str:
        if str(problem.get("type", "")).endswith("second-factor-enrolment-required"):
            begun = client.post_openly(
                "/auth/login/enrol", {"challenge": problem.get("challenge", "")}
            )
            typer.echo("Codes are asked for here. Put this into an authenticator app:", err=True)
            typer.echo(f"  {begun.get('secret')}\n  {begun.get('uri')}", err=True)
        return given or str(typer.prompt("Code", err=True))

    return ask
