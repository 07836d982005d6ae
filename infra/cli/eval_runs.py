"""What every `kontor eval` ends with: a table of its run, saved, compared with an earlier one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from shared.evaluation.model import Difference, Run

REGRESSION = 2  # the exit code that says: worse than the saved run, by more than chance
Save = Annotated[
    Path | None, typer.Option("--save", metavar="FILE", help="Write the run, to compare with.")
]
Compared = Annotated[
    Path | None,
    typer.Option(
        "--compare", metavar="FILE", help="Exit with 2 if this is worse than the run saved there."
    ),
]


def finish_run(run: Run, *, save: Path | None, earlier: Run | None, as_json: bool) -> None:
    """Print a run, keep it, compare it; exits with 2 on a regression."""
    from dataclasses import asdict

    from infra.cli.terminal import print_json
    from shared.evaluation.sampling import compare as compare_runs
    from shared.evaluation.sampling import interval
    from shared.evaluation.serialization import run_to_json

    differences = [] if earlier is None else compare_runs(run, earlier)
    if save is not None:
        save.write_text(json.dumps(run_to_json(run)), "utf-8")
    intervals = {name: interval(list(values.values())) for name, values in run.measures.items()}
    if as_json:
        print_json(
            {
                "kind": run.kind,
                "name": run.name,
                "measures": {name: asdict(each) for name, each in intervals.items()},
                "latency_ms": run.latency_ms,
                "circumstances": run.circumstances,
                "differences": [asdict(each) for each in differences],
            }
        )
    else:
        for line in _lines(run):
            typer.echo(line)
        for each in differences:
            typer.echo(_compared(each))
    if any(each.is_regression for each in differences):
        raise typer.Exit(REGRESSION)


def _lines(run: Run) -> Iterator[str]:
    from shared.evaluation.sampling import interval

    yield f"{run.name}: {_said(run)}"
    yield f"{'measure':<24} {'value':>7}  {'95 % interval':<17} {'of':>6}"
    for name, values in run.measures.items():
        found = interval(list(values.values()))
        span = f"[{found.low:.4f}, {found.high:.4f}]"
        yield f"{name:<24} {found.mean:>7.4f}  {span:<17} {found.count:>6,}"
    times = ", ".join(f"{name} {value:.1f} ms" for name, value in run.latency_ms.items())
    yield f"{'latency':<24} {times}"


def _said(run: Run) -> str:
    plain = {k: v for k, v in run.circumstances.items() if isinstance(v, str | int | float)}
    return ", ".join(
        f"{name} {value:.1f}" if isinstance(value, float) else f"{name} {value}"
        for name, value in plain.items()
    )


def _compared(each: Difference) -> str:
    span = f"[{each.change.low:+.4f}, {each.change.high:+.4f}]"
    verdict = "WORSE" if each.is_regression else ""
    return (
        f"{each.measure:<24} {each.before:.4f} → {each.after:.4f}"
        f"  {each.change.mean:+.4f} {span} {verdict}".rstrip()
    )


def read_earlier(path: Path | None) -> Run | None:
    """Read the run to compare with, if one is named: before anything is measured."""
    return None if path is None else read_run(path)


def read_run(path: Path) -> Run:
    """Read a saved run; raises NotFoundError and InvalidError."""
    from shared.evaluation.serialization import run_from_json
    from shared.kernel.errors import InvalidError, NotFoundError

    if not path.is_file():
        raise NotFoundError(f"There is no saved run at {path}.", hint="Save one with --save.")
    try:
        body = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise InvalidError(f"{path} is not JSON.", hint="Save a run with --save.") from error
    return run_from_json(body)
