"""`kontor doctor`: what could keep the server from running here, and how to mend it."""

from __future__ import annotations

from typing import Annotated

import typer

from infra.cli.options import DEFAULT_DATA, Api, AsJson, Data, Token
from infra.cli.up import AWS_PORT, HTTP_PORT

SIGNS = {"ok": ("ok", "green"), "warn": ("warn", "yellow"), "fail": ("fail", "bold red")}


def doctor(
    *,
    port: Annotated[
        int, typer.Option("--port", min=1, max=65535, help="The port `kontor up` would take.")
    ] = HTTP_PORT,
    api: Api = "",
    aws_port: Annotated[
        int, typer.Option("--aws-port", min=1, max=65535, help="And its local AWS.")
    ] = AWS_PORT,
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Check Python, disk, ports, Postgres, model and server; say how to mend what is wrong."""
    from dataclasses import asdict

    from infra.cli.checks import FAIL, Place, examine, examine_server
    from infra.cli.owner import read_running
    from infra.cli.target import resolve
    from infra.cli.terminal import print_json

    findings = examine(Place(data, (port, aws_port)))
    if api or read_running(data) is not None:
        findings += examine_server(resolve(api=api, token=token, data=data))
    if as_json:
        print_json({"checks": [asdict(finding) for finding in findings]})
    else:
        _print(findings)
    if any(finding.state == FAIL for finding in findings):
        raise typer.Exit(1)


def _print(findings: object) -> None:
    from rich.table import Table
    from rich.text import Text

    from infra.cli.checks import Finding
    from infra.cli.terminal import clean, open_console

    assert isinstance(findings, list)
    console = open_console()
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for finding in findings:
        assert isinstance(finding, Finding)
        word, style = SIGNS[finding.state]
        said = Text(clean(finding.detail))
        if finding.mend:
            said.append(f"\n→ {clean(finding.mend)}", style="bold")
        table.add_row(Text(word, style=style), finding.name, said)
    console.print(table)
