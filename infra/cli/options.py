"""Options that many commands share, declared once so that they read the same everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from infra.cli.target import default_data

DEFAULT_DATA = default_data()

Api = Annotated[
    str,
    typer.Option(
        "--api",
        envvar="KONTOR_API",
        metavar="URL",
        help="Server to talk to; without it, the one that `kontor up` runs here.",
        show_default=False,
    ),
]
Data = Annotated[
    Path,
    typer.Option(
        "--data",
        envvar="KONTOR_DATA",
        metavar="FOLDER",
        help="Data folder of the local server.",
        show_default=".kontor beside pyproject.toml",
    ),
]
Token = Annotated[
    str,
    typer.Option(
        "--token",
        envvar="KONTOR_TOKEN",
        metavar="TOKEN",
        help="Access token to use instead of a stored login.",
        show_default=False,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
FolderFilter = Annotated[
    str,
    typer.Option("--folder", metavar="PATH", help="Only this folder and those below it."),
]
Tags = Annotated[
    list[str] | None, typer.Option("--tag", metavar="TAG", help="Only with this tag; repeatable.")
]
CollectionFilter = Annotated[
    str, typer.Option("--collection", metavar="NAME", help="Only in this collection.")
]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="At most so many.")]
