"""`kontor up`: the whole system in one process tree, ready when it says so, gone after Ctrl-C."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.options import DEFAULT_DATA, Data

if TYPE_CHECKING:
    from rich.console import Console

    from infra.cli.local_server import LocalServer
    from infra.cli.target import Profile

HTTP_PORT = 3000
AWS_PORT = 4566


def up(
    *,
    port: Annotated[
        int, typer.Option("--port", "-p", min=0, max=65535, help="Port of the API; 0: any free.")
    ] = HTTP_PORT,
    aws_port: Annotated[
        int,
        typer.Option("--aws-port", min=0, max=65535, help="Port of the local AWS; 0: any free."),
    ] = AWS_PORT,
    reload: Annotated[
        bool, typer.Option("--reload/--no-reload", help="Restart functions when code changes.")
    ] = True,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Show what the functions log.")
    ] = False,
    data: Data = DEFAULT_DATA,
) -> None:
    """Run everything on this machine until Ctrl-C; the data stays in its folder.

    DATABASE_URL and AWS_ENDPOINT_URL put another Postgres or another cloud in place of the
    embedded ones.
    """
    began = time.monotonic()
    import signal

    from infra.cli.account import mail_folder
    from infra.cli.local_server import LocalServer, Plan
    from infra.cli.logs import LogFollower, log_to_file
    from infra.cli.mails import MailFollower
    from infra.cli.terminal import open_console
    from shared.kernel.settings import settings

    console = open_console()
    data = data.absolute()
    signal.signal(signal.SIGTERM, _interrupt)
    log_to_file(data)
    server = LocalServer(Plan(data, port, aws_port, reload), settings())
    profile = _start(server, console)
    try:
        _print_banner(console, profile, data=data, seconds=time.monotonic() - began)
        follower = LogFollower(data / "logs") if verbose else None
        mails = MailFollower(mail_folder(data))
        while True:
            if follower is not None:
                follower.print_new()
            for line in mails.new_lines():
                typer.echo(line)
            time.sleep(0.25)
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        typer.echo("\nStopping …")
    finally:
        server.stop()
    typer.echo("Stopped; the data stays.")


def _start(server: LocalServer, console: Console) -> Profile:
    """Start with a line that says what is going on; plain lines without a terminal."""
    if not console.is_terminal:
        return server.start(typer.echo)
    with console.status("Starting …") as status:
        return server.start(status.update)


def _interrupt(number: int, frame: object) -> None:
    del number, frame
    raise KeyboardInterrupt


def _print_banner(console: Console, profile: Profile, *, data: Path, seconds: float) -> None:
    from rich.table import Table
    from rich.text import Text

    from infra.cli.terminal import duration

    kontor = _program()
    console.print(f"\nKontor is ready, after {duration(seconds)}.\n", style="bold green")
    card = Table.grid(padding=(0, 2))
    card.add_column(style="dim", no_wrap=True)
    card.add_column(overflow="fold")
    card.add_row("  address", Text(profile.api, style="bold"))
    card.add_row("  OpenAI API", f"{profile.api}/_url/openai/v1, model kontor")
    card.add_row("  login", f"{profile.email}, password {profile.password}")
    card.add_row("  data", str(data))
    console.print(card)
    console.print("\nIn another terminal, already signed in:")
    for line in (
        f"{kontor} put FILE… FOLDER…",
        f'{kontor} ask "Wie lange ist die Kündigungsfrist?"',
        f"{kontor} search WORDS…",
    ):
        console.print(f"  {line}", style="bold")
    console.print("\nCtrl-C stops it.")


def _program() -> str:
    """Say how this program is called from the shell: by name, or by path when it is not found."""
    import shutil
    import sys

    called = Path(sys.argv[0])
    if shutil.which("kontor") or called.name != "kontor":
        return "kontor"
    try:
        return str(called.absolute().relative_to(Path.cwd()))
    except ValueError:
        return str(called)
