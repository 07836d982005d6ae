"""`kontor invite`, `invitations`, `import-users`: bring people into your tenant."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.options import DEFAULT_DATA, Api, AsJson, Data, Limit, Token

if TYPE_CHECKING:
    from infra.cli.client import Body

invitations = typer.Typer(no_args_is_help=True, help="See and withdraw open invitations.")
COLUMNS = ("email", "display_name", "role", "password_hash")
AT_ONCE = 500


def invite(
    email: Annotated[str, typer.Argument(help="Whom to invite.")],
    *,
    role: Annotated[str, typer.Option("--role", help="What they may do.")] = "viewer",
    group: Annotated[
        list[str] | None,
        typer.Option("--group", metavar="NAME", help="A group to be in at once; repeatable."),
    ] = None,
    language: Annotated[str, typer.Option("--language", help="Of the mail: de or en.")] = "en",
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Invite somebody by mail; inviting again sends a new link."""
    from infra.cli.client import KontorClient
    from infra.cli.target import resolve
    from infra.cli.terminal import local_time, print_json, text_of

    body = {"email": email, "role": role, "language": language, "groups": group or []}
    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        made = client.post("/api/v1/invitations", body)
    if as_json:
        print_json(made)
        return
    until = local_time(made.get("expires_at"))
    into = _groups(made)
    typer.echo(
        f"Invited {text_of(made, 'email')} as {text_of(made, 'role')}"
        f"{' into ' + into if into else ''}, good until {until}."
    )


@invitations.command("list")
def list_invitations(
    *,
    limit: Limit = 50,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """List invitations nobody has answered yet."""
    from infra.cli.client import KontorClient
    from infra.cli.target import resolve
    from infra.cli.terminal import local_time, open_console, print_json, text_of

    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        found = list(client.list_all("/api/v1/invitations", limit=limit))
    if as_json:
        print_json({"items": found})
        return
    console = open_console()
    for each in found:
        is_valid = each.get("is_valid") is not False
        parts = [
            text_of(each, "email"),
            text_of(each, "role"),
            _groups(each),
            f"until {local_time(each.get('expires_at'))}" if is_valid else "no longer good",
        ]
        console.print("  ".join(part for part in parts if part))
    if not found:
        console.print("No open invitations.")


@invitations.command("withdraw")
def withdraw(
    email: Annotated[str, typer.Argument(help="Whose invitation.")],
    *,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
) -> None:
    """Take an invitation back; its link counts no more."""
    from infra.cli.client import KontorClient, path_of
    from infra.cli.target import resolve
    from shared.kernel.errors import NotFoundError

    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        open_ones = client.list_all("/api/v1/invitations", limit=10_000)
        ids = [str(one.get("id")) for one in open_ones if one.get("email") == email.lower()]
        if not ids:
            raise NotFoundError(f"{email} has no open invitation.")
        client.delete(path_of("invitations", ids[0]))
    typer.echo("Withdrawn.")


def import_users(
    file: Annotated[
        Path,
        typer.Argument(
            help="CSV with a heading line: email, display_name, role, password_hash.",
            exists=True,
            dir_okay=False,
        ),
    ],
    *,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Take people over from another system with their argon2id or bcrypt hashes."""
    from infra.cli.client import KontorClient
    from infra.cli.target import resolve
    from infra.cli.terminal import list_of, plural, print_json

    people = read_people(file)
    taken: list[dict[str, object]] = []
    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        for start in range(0, len(people), AT_ONCE):
            body = {"people": people[start : start + AT_ONCE]}
            taken += list_of(client.post("/api/v1/users/import", body), "items")
    if as_json:
        print_json({"items": taken})
        return
    typer.echo(f"Took {plural(len(taken), 'person', 'people')} over; they sign in as before.")


def _groups(invitation: Body) -> str:
    from infra.cli.terminal import list_of, text_of

    return ", ".join(text_of(group, "name") for group in list_of(invitation, "groups"))


def read_people(file: Path) -> list[dict[str, str]]:
    """Read people out of a CSV file. Raises InvalidError naming what is amiss with which line."""
    from shared.kernel.errors import InvalidError

    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            rows = list(csv.DictReader(stream))
    except (UnicodeDecodeError, csv.Error) as error:
        raise InvalidError(f"{file} is not a CSV file in UTF-8.") from error
    if not rows or not set(COLUMNS) - {"role"} <= set(rows[0]):
        raise InvalidError(
            f"{file} lacks columns.", hint=f"Its first line must name {', '.join(COLUMNS)}."
        )
    people = [{name: (row.get(name) or "").strip() for name in COLUMNS} for row in rows]
    for number, person in enumerate(people, start=2):
        if not person["email"] or not person["password_hash"]:
            raise InvalidError(f"Line {number} of {file} has no address or no hash.")
        person["role"] = person["role"] or "viewer"
        person["display_name"] = person["display_name"] or person["email"].partition("@")[0]
    return people
