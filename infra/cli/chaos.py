"""`kontor chaos`: break a server of its own in every way, then count what was lost or doubled."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.options import AsJson

if TYPE_CHECKING:
    from infra.chaos.plan import Report


def chaos(
    *,
    docs: Annotated[int, typer.Option("--docs", min=1, help="Documents to upload.")] = 300,
    seed: Annotated[
        int | None, typer.Option("--seed", help="Of the schedule of faults; else from the clock.")
    ] = None,
    minutes: Annotated[
        float, typer.Option("--minutes", min=0.1, help="How long faults go on at least.")
    ] = 5.0,
    kills: Annotated[
        int, typer.Option("--kills", min=0, help="Kill -9 of workers, about so many.")
    ] = 200,
    crashes: Annotated[int, typer.Option("--crashes", min=0, help="Postgres crashes.")] = 6,
    full_disks: Annotated[
        int, typer.Option("--full-disks", min=0, help="How often the disk is full (needs root).")
    ] = 3,
    storms: Annotated[
        int, typer.Option("--storms", min=0, help="How often storage answers badly and slowly.")
    ] = 3,
    model_dir: Annotated[
        Path | None,
        typer.Option("--model-dir", metavar="FOLDER", help="Embedding models; else built."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Break a server of its own: kill workers, crash Postgres, fill the disk, lose messages.

    Nothing of it stays. Exits with 1 when anything was lost or doubled, or never came to rest.
    """
    from infra.chaos.engine import Engine
    from infra.chaos.plan import Plan
    from infra.cli.bench import interruptible, show_progress, surroundings
    from infra.cli.terminal import print_json

    plan = Plan(
        documents=docs,
        seed=int(time.time()) % 100_000 if seed is None else seed,
        minutes=minutes,
        kills=kills,
        crashes=crashes,
        full_disks=full_disks,
        storms=storms,
        model_dir=model_dir,
    )
    with interruptible(), show_progress("Breaking") as progress:
        report = Engine(plan, surroundings(), progress).run()
    if as_json:
        print_json(report.as_json())
    else:
        _print(report)
    if not report.is_good:
        raise typer.Exit(1)


def _print(report: Report) -> None:
    for point, count in sorted(report.boundaries.items()):
        typer.echo(f"  killed at {point:<22} {count:>4}")
    for violation in report.violations:
        typer.echo(f"  violated: {violation.sentence}")
    typer.echo(report.line())
