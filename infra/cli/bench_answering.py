"""`kontor bench-answering`: how well answers are found without a model, and their weights."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from infra.cli.options import AsJson


def bench_answering(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE…", help="SQuAD files, a language each.")
    ],
    *,
    write: Annotated[
        Path | None,
        typer.Option("--write", metavar="FILE", help="Write the weights fitted on all of it here."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure the extractive answerer by cross-validation; with --write, fit it anew."""
    import json
    import tempfile
    from dataclasses import asdict

    from infra.bench.answering import fit_weights, gather, measure_answering, read_squad
    from infra.cli.bench import HEAD, interruptible, print_measurements, show_progress
    from infra.cli.terminal import print_json
    from infra.deploy.model import ensure_model
    from shared.inference.registry import open_embedder

    corpora = [read_squad(file) for file in files]
    with (
        interruptible(),
        show_progress("Asking") as progress,
        tempfile.TemporaryDirectory(prefix="kb-") as folder,
    ):
        ensure_model(Path(folder), progress=progress)
        gathered = gather(corpora, open_embedder(folder, "all-MiniLM-L6-v2", threads=1), progress)
        found = [m for name, asked in gathered.items() for m in measure_answering(name, asked)]
        if write is not None:
            write.write_text(json.dumps(fit_weights(gathered), indent=2) + "\n", encoding="utf-8")
    if as_json:
        print_json([asdict(each) for each in found])
    else:
        typer.echo(HEAD)
        print_measurements(found)
