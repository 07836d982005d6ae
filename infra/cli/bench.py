"""`kontor bench`: what this machine makes of Kontor, in numbers beside their goals."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.options import AsJson, Token

if TYPE_CHECKING:
    from infra.bench.measurement import Measurement, Progress
    from infra.cli.target import Target

PLAIN_PROGRESS_S = 10.0
SETS = (
    "All but scale, recall and giants if not given: start, cold, ingest, embedding, search, ask, "
    "memory, scale, recall, giants."
)


def bench(
    parts: Annotated[list[str] | None, typer.Argument(metavar="[PART]…", help=SETS)] = None,
    *,
    corpus: Annotated[
        Path | None,
        typer.Option(
            "--corpus",
            metavar="PATH",
            help="BEIR corpus.jsonl or folder of files to load; else prose that is installed.",
        ),
    ] = None,
    chunks: Annotated[
        int, typer.Option("--chunks", min=1, help="Load about so many, of texts that are bundled.")
    ] = 5500,
    calls: Annotated[int, typer.Option("--calls", min=10, help="Calls per measurement.")] = 200,
    documents: Annotated[int, typer.Option("--documents", min=1, help="Uploads to time.")] = 20,
    peer_python: Annotated[
        Path | None,
        typer.Option(
            "--peer-python",
            metavar="PYTHON",
            help="A Python with sentence-transformers, to compare embedding with.",
        ),
    ] = None,
    api: Annotated[
        str,
        typer.Option("--api", metavar="URL", help="Measure this server instead of one of its own."),
    ] = "",
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="FOLDER", help="Measure the server that runs over this."),
    ] = None,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Measure starts, uploads, embedding, search, answers and memory, on a server of its own.

    It leaves nothing behind. A server named with --api or --data is asked only, and gets a corpus
    only if one is named too.
    """
    from infra.bench.workshop import ON_REQUEST, PARTS, Plan, Workshop
    from infra.cli.terminal import print_json

    wanted = known_parts(parts or [part for part in PARTS if part not in ON_REQUEST], tuple(PARTS))
    plan = Plan(
        named=_named(api=api, data=data, token=token),
        corpus=corpus,
        peer_python=peer_python,
        chunks=chunks,
        calls=calls,
        documents=documents,
        surroundings=surroundings(),
    )
    found: list[Measurement] = []
    host = _host()  # before the bench itself is the load
    if not as_json:
        typer.echo(HEAD)
    with interruptible(), show_progress() as progress, Workshop(plan, progress) as workshop:
        for part in wanted:
            results = PARTS[part](workshop)
            found += results
            if not as_json:
                print_measurements(results)
    if as_json:
        print_json({"host": host, "measurements": [_as_json(each) for each in found]})
    else:
        typer.echo(_circumstances(host))


def known_parts(parts: list[str], known: Sequence[str]) -> list[str]:
    """Return the parts in their usual order; raises InvalidError for one that is not known."""
    from shared.kernel.errors import InvalidError

    for part in parts:
        if part not in known:
            raise InvalidError(
                f"There is nothing called {part!r} to measure.", hint=f"Use {', '.join(known)}."
            )
    return [part for part in known if part in parts]


def _named(*, api: str, data: Path | None, token: str) -> Target | None:
    """Return the server somebody named; without a name the bench brings its own."""
    from infra.cli.target import default_data, resolve

    if not api and data is None:
        return None
    return resolve(api=api, token=token, data=(data or default_data()).absolute())


def surroundings() -> dict[str, str]:
    """Return this process's variables but for settings and AWS's: defaults are measured."""
    import os

    from shared.kernel.settings import Settings

    settings = {name.upper() for name in Settings.model_fields}
    return {
        name: value
        for name, value in os.environ.items()  # noqa: TID251 - a child's surroundings
        if name not in settings and not name.startswith(("AWS_", "KONTOR_"))
    }


@contextmanager
def interruptible() -> Iterator[None]:
    """Let SIGTERM end a long run as Ctrl-C does: servers stopped, folders removed."""
    import signal

    def interrupt(number: int, frame: object) -> None:
        del number, frame
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def show_progress(doing: str = "Measuring") -> Iterator[Progress]:
    """Say on standard error what goes on: one line that changes, or now and then a plain one."""
    from infra.cli.terminal import open_console

    console = open_console(is_error=True)
    if console.is_terminal:
        with console.status(f"{doing} …") as status:
            yield status.update
    else:
        yield spaced(console.print, PLAIN_PROGRESS_S)


def spaced(say: Callable[[str], object], pause_s: float) -> Progress:
    """Let a sentence through when some time has passed since the last one."""
    latest = [0.0]

    def speak(sentence: str) -> None:
        if time.monotonic() - latest[0] >= pause_s:
            latest[0] = time.monotonic()
            say(sentence)

    return speak


# -- what is printed -------------------------------------------------------------------------------

HEAD = f"{'measured':<36} {'value':>10} {'unit':<9} {'goal':>8} {'':<7} how"


def print_measurements(results: Sequence[Measurement]) -> None:
    """Print a line for each measurement, under the head that names the columns."""
    for each in results:
        goal = "" if each.at_most is None else f"≤ {each.at_most:,.0f}"
        line = f"{each.name:<36} {_number(each.value):>10} {each.unit:<9} {goal:>8} "
        typer.echo(f"{line}{each.verdict:<7} {each.note}".rstrip())


def _number(value: float) -> str:
    """Write a number with about three digits that mean something."""
    digits = 0 if value >= 100 else 1 if value >= 10 else 2 if value >= 1 else 4  # noqa: PLR2004
    return f"{value:,.{digits}f}"


def _as_json(measurement: Measurement) -> dict[str, object]:
    from dataclasses import asdict

    return {**asdict(measurement), "verdict": measurement.verdict}


def _host() -> dict[str, object]:
    """Describe the machine as far as it explains the numbers."""
    import os
    import platform

    return {
        "cores": os.cpu_count() or 0,
        "machine": platform.machine(),
        "system": platform.system(),
        "python": platform.python_version(),
        "load_average": round(os.getloadavg()[0], 2),
    }


def _circumstances(host: dict[str, object]) -> str:
    return (
        f"\nOn {host['cores']} cores ({host['machine']}, {host['system']}), "
        f"Python {host['python']}; load average at the start {host['load_average']}."
    )
