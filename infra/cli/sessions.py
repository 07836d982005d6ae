"""`kontor sessions` and `kontor totp`: where you are signed in, and the code that asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.account import PasswordStdin
from infra.cli.options import DEFAULT_DATA, Api, AsJson, Data, Limit, Token
from infra.cli.proving import Totp, proving

if TYPE_CHECKING:
    from infra.cli.client import Body, KontorClient

sessions = typer.Typer(no_args_is_help=True, help="See where you are signed in, and end that.")
totp = typer.Typer(no_args_is_help=True, help="Ask for the code of an authenticator app as well.")
SHORT = 8


@sessions.command("list")
def list_sessions(
    *,
    limit: Limit = 50,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """List where you are signed in, the latest first."""
    from infra.cli.client import KontorClient
    from infra.cli.target import resolve
    from infra.cli.terminal import local_time, names_of, open_console, print_json, text_of

    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        found = list(client.list_all("/auth/sessions", limit=limit))
    if as_json:
        print_json({"items": found})
        return
    console = open_console()
    for each in found:
        at = f" at {text_of(each, 'provider')}" if each.get("provider") else ""
        here = " (this one)" if each.get("is_current") else ""
        console.print(
            f"{text_of(each, 'id')[-SHORT:]}  {local_time(each.get('seen_at'))}"
            f"  {text_of(each, 'address')}  {' + '.join(names_of(each, 'methods'))}{at}"
            f"  {text_of(each, 'user_agent')}{here}"
        )


@sessions.command("end")
def end_session(
    name: Annotated[str, typer.Argument(metavar="SESSION", help="Its id, or the end of it.")],
    *,
    password_stdin: PasswordStdin = False,
    totp_code: Totp = "",
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
) -> None:
    """End one of your sessions; its tokens are refused from the next request on.

    The password is asked for where you signed in more than ten minutes ago.
    """
    from infra.cli.client import KontorClient
    from infra.cli.target import resolve

    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        path = f"/auth/sessions/{_find(client, name)}"
        proving(
            lambda proof: client.call("DELETE", path, json=proof or None),
            is_piped=password_stdin,
            code=totp_code,
        )
    typer.echo("Ended.")


def _find(client: KontorClient, name: str) -> str:
    from shared.kernel.errors import ConflictError, NotFoundError

    ids = [str(each.get("id")) for each in client.list_all("/auth/sessions", limit=1000)]
    found = [each for each in ids if each.endswith(name)]
    if not found:
        raise NotFoundError(f"There is no session {name}.", hint="See kontor sessions list.")
    if len(found) > 1:
        raise ConflictError(f"Several sessions end in {name}.", hint="Write more of the id.")
    return found[0]


@totp.command("set-up")
def set_up(
    *,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
) -> None:
    """Set an authenticator app up; from then on sign-in asks for its code."""
    from infra.cli.client import KontorClient
    from infra.cli.login import read_password
    from infra.cli.target import resolve

    password = read_password(is_piped=False)
    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        begun = client.post("/auth/totp", {"password": password})
        typer.echo("Put this into an authenticator app, by hand or as the QR code below:")
        typer.echo(f"  {begun.get('secret')}\n  {begun.get('uri')}")
        _draw(str(begun.get("uri") or ""))
        code = str(typer.prompt("Code", err=True))
        done = client.post("/auth/totp/confirm", {"code": code})
    typer.echo("Sign-in asks for a code now. Keep these for days without the app, each good once:")
    _print_codes(done)


@totp.command("status")
def status(
    *,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Say whether your sign-in asks for a code."""
    from infra.cli.client import KontorClient
    from infra.cli.target import resolve
    from infra.cli.terminal import number_of, plural, print_json

    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        found = client.get("/auth/totp")
    if as_json:
        print_json(found)
        return
    left = plural(int(number_of(found, "recovery_codes_left")), "recovery code")
    demanded = " Your tenant asks everybody for one." if found.get("is_required") else ""
    typer.echo((f"On, {left} left." if found.get("is_on") else "Off.") + demanded)


@totp.command("codes")
def renew_codes(*, api: Api = "", data: Data = DEFAULT_DATA, token: Token = "") -> None:
    """Make ten new recovery codes; the old ones no longer count."""
    _print_codes(_prove("/auth/totp/recovery-codes", api=api, data=data, token=token))


@totp.command("remove")
def remove(*, api: Api = "", data: Data = DEFAULT_DATA, token: Token = "") -> None:
    """Ask for codes no more, after the password and one last code."""
    _prove("/auth/totp/disable", api=api, data=data, token=token)
    typer.echo("Sign-in asks for no code any more.")


@totp.command("require")
def require(
    *,
    off: Annotated[bool, typer.Option("--off", help="Ask nobody any more.")] = False,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
) -> None:
    """Ask everybody of your tenant for a code (for administrators)."""
    from infra.cli.client import KontorClient
    from infra.cli.target import resolve

    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        client.call(
            "PUT",
            "/api/v1/sign-in-policy",
            json={"requires_second_factor": not off},
            is_repeatable=True,
        )
    typer.echo("Codes are left to each person." if off else "Every sign-in asks for a code now.")


@totp.command("reset")
def reset(
    email: Annotated[str, typer.Argument(help="Who lost the app.")],
    *,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
) -> None:
    """Remove the second factor of somebody who lost it (for administrators)."""
    from infra.cli.client import KontorClient, path_of
    from infra.cli.target import resolve
    from shared.kernel.errors import NotFoundError

    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        people = client.list_all("/api/v1/users", limit=10_000)
        ids = [str(one.get("id")) for one in people if one.get("email") == email.lower()]
        if not ids:
            raise NotFoundError(f"Nobody of your tenant has the address {email}.")
        client.delete(path_of("users", ids[0], "second-factor"))
    typer.echo(f"{email} signs in with the password alone again; their sessions have ended.")


def _prove(path: str, *, api: str, data: Data, token: str) -> Body:
    from infra.cli.client import KontorClient
    from infra.cli.login import read_password
    from infra.cli.target import resolve

    password = read_password(is_piped=False)
    code = str(typer.prompt("Code", err=True))
    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        return client.post(path, {"password": password, "code": code})


def _draw(uri: str) -> None:
    """Draw an address as a QR code, where a terminal can show it."""
    import sys

    if sys.stdout.isatty() and uri:
        import segno

        segno.make(uri, error="l", micro=False).terminal(compact=True)


def _print_codes(body: Body) -> None:
    from infra.cli.terminal import names_of

    for code in names_of(body, "recovery_codes"):
        typer.echo(f"  {code}")
