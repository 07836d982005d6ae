"""`kontor signing-key`: the operator changes the keys that sign access tokens."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.options import DEFAULT_DATA, AsJson, Data

if TYPE_CHECKING:
    from shared.adapters.database import Session
    from shared.adapters.secrets import Secrets

signing_key = typer.Typer(
    name="signing-key",
    no_args_is_help=True,
    help="Change the keys that sign access tokens (for whoever runs the server).",
)
Secret = Annotated[
    str,
    typer.Option(
        "--secret", metavar="NAME", help="Secret with the private keys; else SIGNING_SECRET."
    ),
]


@signing_key.command("rotate")
def rotate(
    *,
    now: Annotated[
        bool,
        typer.Option("--now", help="A private key became known: every token so far is void."),
    ] = False,
    secret: Secret = "",
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Publish the next key; it signs in two minutes, and nobody has to sign in again."""
    from infra.cli.terminal import print_json
    from shared.identity.keys import LEAD_S, rotate_signing_key
    from shared.kernel.settings import settings

    config = settings()
    with _opened(data) as (session, vault):
        kid = rotate_signing_key(
            session,
            vault,
            secret or config.signing_secret,
            life_s=config.access_token_s,
            lead_s=0 if now else LEAD_S,
        )
    if as_json:
        print_json({"kid": kid, "signs_in_s": 0 if now else LEAD_S})
    elif now:
        typer.echo(f"Key {kid} signs from now on; every token before it is void in a minute.")
    else:
        typer.echo(f"Key {kid} is published and signs in {LEAD_S} seconds.")


@signing_key.command("list")
def list_(*, data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """List the signing keys: coming, in force, retired."""
    from infra.cli.terminal import local_time, print_json
    from shared.identity.store import list_key_states

    with _opened(data) as (session, _):
        keys = list_key_states(session)
    if as_json:
        items = [
            {
                "kid": key.id,
                "state": key.state,
                "signs_from": key.signs_from.isoformat(),
                "retired_at": key.retired_at and key.retired_at.isoformat(),
            }
            for key in keys
        ]
        print_json({"items": items})
        return
    for key in keys:
        ends = f"  retires {local_time(key.retired_at.isoformat())}" if key.retired_at else ""
        signs = local_time(key.signs_from.isoformat())
        typer.echo(f"{key.id}  {key.state}  signs from {signs}{ends}")


@contextmanager
def _opened(data: Path) -> Iterator[tuple[Session, Secrets]]:
    """Open the owner's database and the secrets: of the settings, or of the local server."""
    from infra.cli.owner import owner_url, read_running
    from shared.adapters.database import Database
    from shared.adapters.secrets import Secrets
    from shared.kernel.settings import settings

    config = settings()
    running = read_running(data)
    is_local = running is not None and not config.database_url.get_secret_value()
    endpoint = running.aws if running is not None and is_local else config.aws_endpoint_url
    if is_local:
        # boto3 signs nothing without credentials; the local AWS takes any.
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            os.environ.setdefault(name, "local")  # noqa: TID251 - boto3 reads them there
    vault = Secrets(region=config.storage_region, endpoint=endpoint)
    with owner_url(data) as url:
        database = Database(url)
        try:
            with database.system_transaction() as session:
                yield session, vault
        finally:
            database.close()
