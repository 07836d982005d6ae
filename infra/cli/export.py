"""`kontor export`: everything that is the tenant's, or one person's, into a folder."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.options import DEFAULT_DATA, Api, Data, Token

if TYPE_CHECKING:
    from infra.cli.client import Body, KontorClient

TASKS = "/api/v1/tenant/tasks"
LOOK_AGAIN_S = 2.0
LONGEST_WAIT_S = 3600.0


def export(
    target: Annotated[Path, typer.Argument(metavar="FOLDER", help="Made if it is not there.")],
    *,
    person: Annotated[
        str, typer.Option("--person", metavar="ID", help="Only what is known of one person.")
    ] = "",
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
) -> None:
    """Take everything away: documents as you arranged them, the rest as JSON lines."""
    from infra.cli.client import KontorClient
    from infra.cli.target import resolve
    from infra.cli.terminal import list_of, plural, size

    target.mkdir(parents=True, exist_ok=True)
    path = f"/api/v1/users/{person}/export" if person else "/api/v1/tenant/exports"
    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        done = _wait(client, str(client.post(path, {})["id"]))
        client.fetch(str(done["manifest_url"]), target / "manifest.json")
        total = 0
        for part in list_of(done, "parts"):
            total += _take(client, part, target)
    count = len(list_of(done, "parts"))
    typer.echo(f"{target}: {plural(count, 'archive')}, {size(total)}.")
    typer.echo("Unpack them all into one folder; documents/ can be put in again: kontor put.")


def _wait(client: KontorClient, task: str) -> Body:
    from shared.kernel.errors import KontorError, UnavailableError

    deadline = time.monotonic() + LONGEST_WAIT_S
    while time.monotonic() < deadline:
        shown = client.get(f"{TASKS}/{task}")
        if shown["state"] == "done":
            return shown
        if shown["state"] == "failed":
            raise KontorError(f"The export failed: {shown['detail']}")
        time.sleep(LOOK_AGAIN_S)
    raise UnavailableError("The export takes long.", hint="Run the command again later.")


def _take(client: KontorClient, part: Body, target: Path) -> int:
    """Fetch an archive and compare it; returns its size."""
    from shared.kernel.errors import UnavailableError

    path = target / Path(str(part["name"])).name
    client.fetch(str(part["url"]), path)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != part["sha256"]:
        raise UnavailableError(f"{path.name} came broken.", hint="Run the command again.")
    return path.stat().st_size
