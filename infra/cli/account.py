"""`kontor register`, `accept`, `logout`, `password`: one's own account, from joining to leaving."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.options import DEFAULT_DATA, Api, AsJson, Data
from infra.cli.proving import Totp, proving

if TYPE_CHECKING:
    from infra.cli.client import Body

password = typer.Typer(no_args_is_help=True, help="Change your password, or set a forgotten one.")
PasswordStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input.")
]
LinkToken = Annotated[
    str, typer.Argument(metavar="LINK", help="The link from the mail, or the token in it.")
]


def register(
    slug: Annotated[
        str, typer.Argument(help="Short name of the tenant: letters, digits, hyphens.")
    ],
    *,
    email: Annotated[str, typer.Option("--email", "-e", help="Your address.")],
    name: Annotated[
        str, typer.Option("--name", help="Your name; of the address if not given.")
    ] = "",
    tenant_name: Annotated[
        str, typer.Option("--tenant-name", help="Full name of the tenant.")
    ] = "",
    language: Annotated[str, typer.Option("--language", help="Of mails to you: de or en.")] = "en",
    password_stdin: PasswordStdin = False,
    api: Api = "",
    data: Data = DEFAULT_DATA,
) -> None:
    """Make a tenant of your own, where the server lets strangers do that."""
    from infra.cli.client import KontorClient
    from infra.cli.login import read_password
    from infra.cli.target import resolve_server

    chosen = read_password(is_piped=password_stdin, confirm=True)
    with KontorClient(resolve_server(api=api, data=data)) as client:
        client.post_openly(
            "/auth/register",
            {
                "tenant": slug,
                "tenant_name": tenant_name or slug,
                "email": email,
                "display_name": name or email.partition("@")[0],
                "password": chosen,
                "language": language,
            },
        )
    typer.echo(f"Open the link in the mail to {email}, or run: kontor verify LINK")


def verify(link: LinkToken, *, api: Api = "", data: Data = DEFAULT_DATA) -> None:
    """Confirm your address with the link from the mail; a changed one too."""
    from infra.cli.client import KontorClient
    from infra.cli.target import resolve_server

    path = "/auth/email/confirm" if "/auth/email/confirm" in link else "/auth/verify"
    with KontorClient(resolve_server(api=api, data=data)) as client:
        client.post_openly(path, {"token": token_of(link)})
    typer.echo("The address is confirmed. Now: kontor login")


def accept(
    link: LinkToken,
    *,
    name: Annotated[str, typer.Option("--name", help="Your name, as others see it.")],
    password_stdin: PasswordStdin = False,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Accept an invitation: choose your name and password."""
    from infra.cli.client import KontorClient
    from infra.cli.login import read_password
    from infra.cli.target import resolve_server
    from infra.cli.terminal import print_json, text_of

    chosen = read_password(is_piped=password_stdin, confirm=True)
    body = {"token": token_of(link), "display_name": name, "password": chosen}
    with KontorClient(resolve_server(api=api, data=data)) as client:
        joined = client.post_openly("/auth/invitations/accept", body)
    if as_json:
        print_json(joined)
        return
    typer.echo(
        f"You belong to {text_of(joined, 'tenant')} as {text_of(joined, 'role')} now."
        f" Next: kontor login --email {text_of(joined, 'email')}"
    )


def logout(
    *,
    everywhere: Annotated[
        bool, typer.Option("--everywhere", help="On every device, not only here.")
    ] = False,
    at_provider: Annotated[
        bool,
        typer.Option("--at-provider", help="At the identity provider too, in your browser."),
    ] = False,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the browser, or print the address.")
    ] = True,
    password_stdin: PasswordStdin = False,
    totp: Totp = "",
    api: Api = "",
    data: Data = DEFAULT_DATA,
) -> None:
    """Sign out; the login kept here is forgotten and refused by the server from now on."""
    from infra.cli.client import KontorClient
    from infra.cli.target import resolve

    with KontorClient(resolve(api=api, token="", data=data)) as client:
        path = "/auth/logout-all" if everywhere else "/auth/logout"
        params = {"at_provider": "true"} if at_provider else {}
        left = proving(
            lambda proof: client.call("POST", path, params=params, json=proof or None),
            is_piped=password_stdin,
            code=totp,
        )
        client.forget()
    typer.echo("Signed out everywhere." if everywhere else "Signed out.")
    if at_provider:
        _leave_there(left, opens_browser=browser)


def _leave_there(left: Body, *, opens_browser: bool) -> None:
    from infra.cli.login_oidc import open_address
    from infra.cli.terminal import print_warning, text_of

    url = left.get("provider_logout_url")
    if isinstance(url, str):
        open_address(url, "Sign out at the provider in the browser", opens_browser=opens_browser)
    else:
        print_warning(text_of(left, "detail"))


@password.command("change")
def change_password(*, api: Api = "", data: Data = DEFAULT_DATA) -> None:
    """Change your password with the old one; your other sessions end."""
    from infra.cli.client import KontorClient
    from infra.cli.login import read_password
    from infra.cli.target import resolve

    old = read_password(is_piped=False, prompt="Old password")
    new = read_password(is_piped=False, prompt="New password", confirm=True)
    with KontorClient(resolve(api=api, token="", data=data)) as client:
        client.post("/auth/password", {"old_password": old, "new_password": new})
    typer.echo("Changed. Your other sessions have ended.")


@password.command("forgot")
def forget_password(
    email: Annotated[str, typer.Argument(help="Your address.")],
    *,
    tenant: Annotated[str, typer.Option("--tenant", help="Needed if you are in several.")] = "",
    api: Api = "",
    data: Data = DEFAULT_DATA,
) -> None:
    """Ask for a link to set a new password."""
    from infra.cli.client import KontorClient
    from infra.cli.target import resolve_server

    body = {"email": email, **({"tenant": tenant} if tenant else {})}
    with KontorClient(resolve_server(api=api, data=data)) as client:
        client.post_openly("/auth/password/forgot", body)
    typer.echo("If the address is known, a mail is on its way. Then: kontor password reset LINK")


@password.command("reset")
def reset_password(
    link: LinkToken,
    *,
    password_stdin: PasswordStdin = False,
    api: Api = "",
    data: Data = DEFAULT_DATA,
) -> None:
    """Set a new password with the link from the mail; all your sessions end."""
    from infra.cli.client import KontorClient
    from infra.cli.login import read_password
    from infra.cli.target import resolve_server

    new = read_password(is_piped=password_stdin, prompt="New password", confirm=True)
    with KontorClient(resolve_server(api=api, data=data)) as client:
        client.post_openly("/auth/password/reset", {"token": token_of(link), "password": new})
    typer.echo("The new password counts from now on. Next: kontor login")


def mail(
    *,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """List the mails that the server on this machine wrote, with their links."""
    from infra.cli.mails import read_mails
    from infra.cli.terminal import open_console, print_json

    found = read_mails(mail_folder(data))
    if as_json:
        print_json({"items": found})
        return
    console = open_console()
    if not found:
        console.print("No mails: nothing was sent, or it went to a mail server (SMTP_URL).")
    for one in found:
        console.print(f"{one['at']}  {one['to']}  {one['subject']}")
        if one["link"]:
            console.print(f"  {one['link']}")


def mail_folder(data: Path) -> Path:
    """Return where the server over a data folder writes mails."""
    from infra.cli.local_server import MAIL_FOLDER
    from shared.kernel.settings import settings

    given = settings().mail_dir
    return Path(given) if given else data / MAIL_FOLDER


def token_of(link: str) -> str:
    """Return the token in a link from a mail; a bare token is one already."""
    return link.rpartition("token=")[2].strip()
