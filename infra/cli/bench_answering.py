"""`kontor bench-answering`: how well answers are found without a model, and their weights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.eval import DEFAULT_WORK, Work
from infra.cli.options import AsJson

if TYPE_CHECKING:
    from infra.bench.fitting import Example


def bench_answering(
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="[FILE…]", help="SQuAD files, a language each.")
    ] = None,
    *,
    laws: Annotated[
        Path | None, typer.Option("--laws", metavar="FOLDER", help="Laws as Markdown files.")
    ] = None,
    law_questions: Annotated[
        Path | None,
        typer.Option(
            "--law-questions",
            metavar="FILE",
            help="Questions about them: question, law, section and words of the answer, by tabs.",
        ),
    ] = None,
    write: Annotated[
        Path | None,
        typer.Option("--write", metavar="FILE", help="Write the weights fitted on all of it here."),
    ] = None,
    work: Work = DEFAULT_WORK,
    as_json: AsJson = False,
) -> None:
    """Measure the extractive answerer by cross-validation; with --write, fit it anew.

    Weights for laws depart from those for German prose: give both to fit them.
    """
    import json
    from dataclasses import asdict

    from infra.bench.answering import fit_weights, measure_all
    from infra.cli.bench import HEAD, print_measurements
    from infra.cli.terminal import print_json
    from shared.kernel.errors import InvalidError

    if (laws is None) != (law_questions is None) or not (files or laws):
        raise InvalidError(
            "There is nothing to ask, or nothing to ask it about.",
            hint="Name SQuAD files, or --laws FOLDER with --law-questions FILE, or both.",
        )
    gathered = _ask(files or [], laws, law_questions, work)
    found = measure_all(gathered)
    if write is not None:
        write.write_text(json.dumps(fit_weights(gathered), indent=2) + "\n", encoding="utf-8")
    if as_json:
        print_json([asdict(each) for each in found])
    else:
        typer.echo(HEAD)
        print_measurements(found)


def _ask(
    files: list[Path], laws: Path | None, law_questions: Path | None, work: Path
) -> dict[str, list[Example]]:
    """Ask everything; the vectors that were made are kept in ``work`` for the next run."""
    from infra.bench.answering import PROVISIONS, Hall, gather, read_squad
    from infra.bench.provisions import gather_laws, read_law_questions
    from infra.bench.remembering import RememberingEmbedder
    from infra.cli.bench import interruptible, show_progress
    from infra.deploy.model import NAME, ensure_model
    from shared.inference.registry import open_embedder
    from shared.ingestion.preferences import ReadingSettings
    from shared.kernel.settings import settings

    corpora = [read_squad(file) for file in files]
    asked = read_law_questions(law_questions) if law_questions else []
    with interruptible(), show_progress("Asking") as progress:
        ensure_model(work / "models", progress=progress)
        plain = open_embedder(work / "models", NAME, threads=1)
        embedder = RememberingEmbedder(plain, work / "vectors" / "answering.npz", progress)
        try:
            with Hall(embedder, progress) as hall:
                gathered = gather(hall, corpora)
                if laws is not None:
                    reading = ReadingSettings(chunk_tokens=settings().chunk_tokens)
                    gathered[PROVISIONS] = gather_laws(hall, laws, asked, reading)
        finally:
            embedder.save()
    return gathered
