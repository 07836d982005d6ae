"""`kontor sift`: what becomes of every file of a folder at the gate and in the reader."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.options import AsJson

if TYPE_CHECKING:
    from rich.console import Console

READ, REFUSED, LIMIT, BROKEN = "read", "refused", "limit", "broken"
STYLES = {READ: "green", REFUSED: "cyan", LIMIT: "yellow", BROKEN: "red"}
MEANINGS = {
    READ: "text came out",
    REFUSED: "a reason that names the file's fault",
    LIMIT: "stopped at the limit of time or memory",
    BROKEN: "our fault: the reader crashed or an error nobody expected",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file, how long it took, and what is said of it."""

    file: str
    outcome: str
    seconds: float
    said: str


def sift(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="The folder with the files.")],
    *,
    timeout: Annotated[
        float, typer.Option("--timeout", min=1, max=840, help="Seconds one file may take.")
    ] = 20.0,
    memory: Annotated[
        int, typer.Option("--memory", min=256, max=8192, help="Megabytes one file may take.")
    ] = 2048,
    as_json: AsJson = False,
) -> None:
    """Try every file of a folder at the gate and in the reader; nothing is stored.

    Each goes through detection, the malware scanner and its parser in a process of its own, as
    after an upload. The exit code is 1 when any file broke the reader or ran into a limit.
    """
    from infra.cli.terminal import open_console, print_json
    from shared.ingestion.isolation import stop_readers
    from shared.kernel.errors import NotFoundError

    if not folder.is_dir():
        raise NotFoundError(f"There is no folder {folder}.", hint="Check the path.")
    console = open_console()
    found: list[Outcome] = []
    try:
        for outcome in _sifted(folder, timeout_s=timeout, memory_mb=memory):
            found.append(outcome)
            if not as_json:
                _print(console, outcome)
    finally:
        stop_readers()
    counts = Counter(outcome.outcome for outcome in found)
    if as_json:
        print_json({"counts": dict(counts), "files": [asdict(outcome) for outcome in found]})
    else:
        for name, meaning in MEANINGS.items():
            console.print(f"{counts[name]:5}  {name:<8} {meaning}", highlight=False)
    if counts[BROKEN] or counts[LIMIT]:
        raise typer.Exit(1)


def _sifted(folder: Path, *, timeout_s: float, memory_mb: int) -> Iterator[Outcome]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            began = time.monotonic()
            outcome, said = _outcome(path, timeout_s=timeout_s, memory_mb=memory_mb)
            name = path.relative_to(folder).as_posix()
            yield Outcome(name, outcome, round(time.monotonic() - began, 2), said)


def _outcome(path: Path, *, timeout_s: float, memory_mb: int) -> tuple[str, str]:
    """Return the outcome and its sentence; an error nobody expected is an outcome too."""
    from shared.ingestion.isolation import ReaderError
    from shared.kernel.errors import KontorError

    try:
        media_type, blocks = _read(path, timeout_s=timeout_s, memory_mb=memory_mb)
    except ReaderError as error:
        return (LIMIT, error.detail) if error.is_limit else (BROKEN, error.place)
    except KontorError as error:
        return REFUSED, error.detail
    except Exception as error:  # noqa: BLE001 - finding these is what the command is for
        return BROKEN, f"{type(error).__name__}: {error}"
    return READ, f"{media_type}, {blocks} blocks"


def _read(path: Path, *, timeout_s: float, memory_mb: int) -> tuple[str, int]:
    import tempfile

    from shared.files.detection import detect
    from shared.files.screening import InfectedError
    from shared.files.signature_scanner import SignatureScanner
    from shared.ingestion.isolation import parse_isolated
    from shared.ingestion.parsers.port import Source

    media_type = detect(path, filename=path.name)
    finding = SignatureScanner().scan(path)
    if finding:
        raise InfectedError(path.name, finding)
    with tempfile.TemporaryDirectory(prefix="kontor-") as folder:
        source = Source(path=path, media_type=media_type, filename=path.name, files=Path(folder))
        document = parse_isolated(source, memory_mb=memory_mb, timeout_s=timeout_s)
    return media_type, len(document.blocks)


def _print(console: Console, outcome: Outcome) -> None:
    from rich.text import Text

    from infra.cli.terminal import clean

    line = Text(f"{outcome.seconds:6.2f} s  ", style="dim")
    line.append(f"{outcome.outcome:<8} ", style=STYLES[outcome.outcome])
    line.append(clean(outcome.file), style="default")
    line.append(f"  {clean(outcome.said)}", style="dim")
    console.print(line, soft_wrap=True)
