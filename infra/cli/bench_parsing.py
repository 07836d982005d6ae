"""`kontor bench-parsing`: how well and how fast files are read, beside the goals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.options import AsJson

if TYPE_CHECKING:
    from infra.bench.measurement import Measurement

SETS = "Everything if not given: tables, invoices, laws, scans, layout, office, speed."


def bench_parsing(
    data: Annotated[
        Path, typer.Argument(metavar="DATA", help="Folder with documents and references.")
    ],
    parts: Annotated[list[str] | None, typer.Argument(metavar="[PART]…", help=SETS)] = None,
    *,
    scorers: Annotated[
        Path | None,
        typer.Option("--scorers", metavar="FOLDER", help="The scorers; else DATA/../scorers."),
    ] = None,
    each: Annotated[
        bool, typer.Option("--each", help="List every file with its own score too.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Measure reading against reference texts, tables and invoices, and its processor time."""
    from infra.bench.parsing import PARTS, ParsingBench
    from infra.cli.bench import known_parts, show_progress
    from infra.cli.terminal import print_json

    wanted = known_parts(parts or list(PARTS), tuple(PARTS))
    found: list[Measurement] = []
    if not as_json:
        typer.echo(_HEAD)
    with show_progress() as progress:
        bench = ParsingBench(
            data.absolute(), (scorers or data.absolute().parent / "scorers").absolute(), progress
        )
        for part in wanted:
            before = len(bench.scored)
            results = PARTS[part](bench)
            found += results
            if not as_json:
                _print(results)
            if each and not as_json:
                _print_each(bench.scored[before:])
    scored = [{"name": n, "file": str(path), "value": value} for n, path, value in bench.scored]
    if as_json:
        print_json(
            {"measurements": [{**asdict(m), "verdict": m.verdict} for m in found], "files": scored}
        )
    else:
        _print_sum(found)


_HEAD = f"{'measured':<36} {'value':>7} {'unit':<11} {'goal':>7} {'':<7} how"


def _print(results: Sequence[Measurement]) -> None:
    for each in results:
        goal = f"≤ {each.at_most:g}" if each.at_most is not None else ""
        goal = f"≥ {each.at_least:g}" if each.at_least is not None else goal
        line = f"{each.name:<36} {each.value:>7.3f} {each.unit:<11} {goal:>7} "
        typer.echo(f"{line}{each.verdict:<7} {each.note}".rstrip())


def _print_each(scored: Sequence[tuple[str, Path, float]]) -> None:
    for name, path, value in scored:
        typer.echo(f"  {name:<34} {value:>7.3f} {path.name}")


def _print_sum(found: Sequence[Measurement]) -> None:
    goals = [each.verdict for each in found if each.verdict]
    typer.echo(f"\n{goals.count('met')} of {len(goals)} goals met.")
