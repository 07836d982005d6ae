"""`kontor audit`: who did what, proof that nobody rewrote it, and taking it away."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.options import DEFAULT_DATA, Api, AsJson, Data, Limit, Token

if TYPE_CHECKING:
    from infra.cli.client import Body, KontorClient

audit = typer.Typer(no_args_is_help=True, help="The trail: list it, prove it whole, export it.")
PATH = "/api/v1/audit"

Action = Annotated[
    str, typer.Option("--action", metavar="NAME", help="Such as document.removed, or document.")
]
Subject = Annotated[str, typer.Option("--subject", metavar="KIND:ID", help="Only of this thing.")]
Actor = Annotated[str, typer.Option("--actor", metavar="ID", help="Only of this person.")]
Outcome = Annotated[str, typer.Option("--outcome", help="done, refused or failed.")]
Since = Annotated[str, typer.Option("--since", metavar="TIME", help="From this time on.")]
Exported = Annotated[
    Path | None,
    typer.Argument(
        metavar="[FILE]", exists=True, dir_okay=False, help="A .jsonl that export wrote."
    ),
]
Until = Annotated[str, typer.Option("--until", metavar="TIME", help="Before this time.")]


@audit.command("list")
def list_entries(
    *,
    action: Action = "",
    subject: Subject = "",
    actor: Actor = "",
    outcome: Outcome = "",
    since: Since = "",
    until: Until = "",
    limit: Limit = 50,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """List the trail, newest first."""
    from infra.cli.client import KontorClient
    from infra.cli.target import resolve
    from infra.cli.terminal import local_time, print_json, text_of

    wanted = {
        "action": action,
        "subject": subject,
        "actor_id": actor,
        "outcome": outcome,
        "since": since,
        "until": until,
    }
    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        found = list(client.list_all(PATH, limit=limit, **wanted))
    if as_json:
        print_json({"items": found})
        return
    for entry in found:
        refused = "" if entry.get("outcome") == "done" else f" [{text_of(entry, 'outcome')}]"
        who = str(entry.get("actor_id") or "-")[-8:]
        where = text_of(entry, "address") or "-"
        typer.echo(
            f"{local_time(entry.get('at'))}  {text_of(entry, 'action')}{refused}"
            f"  {text_of(entry, 'subject')}  by {who} from {where}"
        )


@audit.command()
def verify(
    exported: Exported = None,
    *,
    tenant: Annotated[
        str, typer.Option("--tenant", metavar="ID", help="Whose trail FILE holds.")
    ] = "",
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Compute the whole chain anew; exit code 1 when an entry was changed, removed or moved.

    With FILE the exported lines are checked by themselves, here, asking nobody.
    """
    from infra.cli.client import KontorClient
    from infra.cli.target import resolve
    from infra.cli.terminal import number_of, plural, print_json, text_of

    if exported is not None:
        verdict = _verdict_of(exported, tenant)
    else:
        with KontorClient(resolve(api=api, token=token, data=data)) as client:
            verdict = _verdict(client)
    checked = int(number_of(verdict, "checked"))
    if as_json:
        print_json(verdict)
    elif verdict["is_whole"]:
        anchors = int(number_of(verdict, "anchors"))
        typer.echo(
            f"The trail is whole: {plural(checked, 'entry', 'entries')}, "
            f"{plural(anchors, 'anchored head')}."
        )
    else:
        typer.echo(
            f"The trail is not whole. Entry {text_of(verdict, 'bad_sequence')}: "
            f"{text_of(verdict, 'problem')}"
        )
    if not verdict["is_whole"]:
        raise typer.Exit(1)


def _verdict_of(exported: Path, tenant: str) -> Body:
    from uuid import UUID

    from shared.audit.offline import verify_lines
    from shared.kernel.errors import InvalidError
    from shared.kernel.ids import TenantId

    try:
        whose = TenantId(UUID(tenant))
    except ValueError as error:
        raise InvalidError(
            "Say whose trail the file holds: every entry's hash covers the tenant's id.",
            hint="Give --tenant ID; GET /auth/me tells it as tenant_id.",
        ) from error
    with exported.open(encoding="utf-8") as lines:
        found = verify_lines(whose, lines)
    return {
        "is_whole": found.is_whole,
        "checked": found.checked,
        "last_sequence": found.last_sequence,
        "last_hash": found.last_hash.hex(),
        "bad_sequence": found.bad_sequence,
        "bad_event": None if found.bad_event is None else str(found.bad_event),
        "problem": found.problem,
        "anchors": 0,
    }


def _verdict(client: KontorClient) -> Body:
    """Ask again while the trail is longer than one answer can check."""
    from infra.cli.terminal import number_of

    checked, after = 0, ""
    while True:
        verdict = client.get(f"{PATH}/verify", after=after)
        checked += int(number_of(verdict, "checked"))
        after = str(verdict.get("next_after") or "")
        if not after:
            return {**verdict, "checked": checked}


@audit.command()
def export(
    target: Annotated[Path, typer.Argument(metavar="FILE", help="Ends in .jsonl or .csv.")],
    *,
    action: Action = "",
    subject: Subject = "",
    since: Since = "",
    until: Until = "",
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
) -> None:
    """Write the trail into a file, in the order of its chain."""
    from infra.cli.client import KontorClient
    from infra.cli.target import resolve
    from shared.kernel.errors import InvalidError

    form = target.suffix.lower().lstrip(".")
    if form not in {"jsonl", "csv"}:
        raise InvalidError("The file ends in neither .jsonl nor .csv.", hint="Choose one.")
    wanted = {
        "format": form, "action": action, "subject": subject, "since": since, "until": until
    }  # fmt: skip
    with (
        KontorClient(resolve(api=api, token=token, data=data)) as client,
        target.open("w", encoding="utf-8", newline="") as file,
    ):
        count = _write(client, wanted, file.write)
    typer.echo(f"{target}: {count} lines.")


def _write(client: KontorClient, wanted: Mapping[str, str], write: Callable[[str], object]) -> int:
    count, after = 0, ""
    while True:
        text, after = client.text(f"{PATH}/export", "kontor-next-after", **wanted, after=after)
        write(text)
        count += text.count("\n")
        if not after:
            return count
