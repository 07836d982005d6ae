"""`kontor watch`: a folder kept in step with Kontor — new, changed, moved and deleted files."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.options import DEFAULT_DATA, Api, AsJson, Data, Token

if TYPE_CHECKING:
    from infra.cli.syncing import FolderSync


def watch(
    path: Annotated[Path, typer.Argument(metavar="FOLDER", help="The folder to keep in step.")],
    *,
    folder: Annotated[
        str,
        typer.Option(
            "--folder", metavar="PATH", help="Folder in Kontor; without it, the folder's own name."
        ),
    ] = "",
    every: Annotated[
        float, typer.Option("--every", min=0.2, max=3600, help="Seconds between two looks.")
    ] = 2.0,
    once: Annotated[bool, typer.Option("--once", help="Look once, get in step, stop.")] = False,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep documents whose files were deleted.")
    ] = False,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Keep a folder in step: new, changed, moved and deleted files, until Ctrl-C.

    A changed file becomes its document's next version, a moved one is moved without being read
    again, a deleted one goes to the trash. What happened while nobody watched is caught up with.
    """
    from infra.cli.client import KontorClient
    from infra.cli.sync_state import SyncState
    from infra.cli.syncing import FolderSync, Printer
    from infra.cli.target import resolve
    from infra.cli.watch import JobWatch
    from shared.kernel.errors import NotFoundError

    top = path.expanduser()
    if not top.is_dir():
        raise NotFoundError(f"There is no folder {path}.", hint="Check the path.")
    place = folder.strip("/") or top.resolve().name
    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        client.me()
        state = SyncState(
            data,
            folder=top,
            place=place,
            api=client.profile.api,
            tenant_id=client.profile.tenant_id,
        )
        printer = Printer(is_json=as_json)
        with JobWatch(client) as jobs:
            sync = FolderSync(
                client, jobs=jobs, state=state, top=top, place=place, data=data, keeps=keep,
                printer=printer,
            )  # fmt: skip
            printer.begins(top, place, known=len(state.files))
            if once:
                sync.look(is_last=True)
            else:
                _look_on(sync, every)
    if once and sync.has_failures:
        raise typer.Exit(1)


def _look_on(sync: FolderSync, every: float) -> None:
    """Look again and again until Ctrl-C, which is how watching ends."""
    try:
        while True:
            sync.look(is_last=False)
            time.sleep(every)
    except KeyboardInterrupt:
        sync.stop()
