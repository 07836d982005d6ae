"""`kontor bench-answering`: how well answers are found without a model, and their weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.eval import DEFAULT_WORK, Work
from infra.cli.options import AsJson

if TYPE_CHECKING:
    from infra.bench.answering import Hall
    from infra.bench.fitting import Example
    from infra.bench.measurement import Measurement
    from shared.ingestion.preferences import ReadingSettings


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
    office: Annotated[
        Path | None,
        typer.Option("--office", metavar="FOLDER", help="Folder that holds folders of files."),
    ] = None,
    office_questions: Annotated[
        list[Path] | None,
        typer.Option(
            "--office-questions",
            metavar="FILE",
            help="Questions about them: question, kind, files and words of the answer, by tabs.",
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

    Weights for laws depart from those for German prose: give both to fit them. Questions about
    office files are asked with the weights in use, and every citation is opened.
    """
    import json
    from dataclasses import asdict

    from infra.bench.answering import fit_weights, measure_all
    from infra.cli.bench import HEAD, print_measurements
    from infra.cli.terminal import print_json
    from shared.kernel.errors import InvalidError

    is_paired = (laws is None) == (law_questions is None) and (office is None) == (
        not office_questions
    )
    if not is_paired or not (files or laws or office):
        raise InvalidError(
            "There is nothing to ask, or nothing to ask it about.",
            hint="Name SQuAD files, --laws FOLDER with --law-questions FILE, or --office FOLDER "
            "with --office-questions FILE.",
        )
    asked = _Asked(files or [], laws, law_questions, office, office_questions or [])
    gathered, found = _ask(asked, work)
    found = [*measure_all(gathered), *found] if gathered else found
    if write is not None:
        write.write_text(json.dumps(fit_weights(gathered), indent=2) + "\n", encoding="utf-8")
    if as_json:
        print_json([asdict(each) for each in found])
    else:
        typer.echo(HEAD)
        print_measurements(found)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is asked about what."""

    files: list[Path]
    laws: Path | None
    law_questions: Path | None
    office: Path | None
    office_questions: list[Path]


def _ask(asked: _Asked, work: Path) -> tuple[dict[str, list[Example]], list[Measurement]]:
    """Ask everything; the vectors that were made are kept in ``work`` for the next run."""
    from infra.bench.answering import PROVISIONS, Hall, gather, read_squad
    from infra.bench.provisions import gather_laws, read_law_questions
    from infra.bench.remembering import RememberingEmbedder
    from infra.cli.bench import interruptible, show_progress
    from infra.deploy.model import NAME, ensure_model
    from shared.inference.registry import open_embedder
    from shared.ingestion.preferences import ReadingSettings
    from shared.kernel.settings import settings

    corpora = [read_squad(file) for file in asked.files]
    of_laws = read_law_questions(asked.law_questions) if asked.law_questions else []
    with interruptible(), show_progress("Asking") as progress:
        ensure_model(work / "models", progress=progress)
        plain = open_embedder(work / "models", NAME, threads=1)
        embedder = RememberingEmbedder(plain, work / "vectors" / "answering.npz", progress)
        try:
            with Hall(embedder, progress) as hall:
                gathered = gather(hall, corpora)
                reading = ReadingSettings(chunk_tokens=settings().chunk_tokens)
                if asked.laws is not None:
                    gathered[PROVISIONS] = gather_laws(hall, asked.laws, of_laws, reading)
                return gathered, _ask_office(hall, asked, reading)
        finally:
            embedder.save()


def _ask_office(hall: Hall, asked: _Asked, reading: ReadingSettings) -> list[Measurement]:
    from infra.bench.office import ask_office, measure_office, read_office_questions
    from shared.kernel.settings import settings
    from shared.search import service as search

    if asked.office is None:
        return []
    config = settings()
    sets = [(file.stem, read_office_questions(file)) for file in asked.office_questions]
    replies = ask_office(
        hall,
        asked.office,
        [question for _, questions in sets for question in questions],
        reading,
        ranking=search.ranking(config),
        thresholds=(config.answer_threshold, config.related_threshold),
    )
    found: list[Measurement] = []
    for name, questions in sets:
        own, replies = replies[: len(questions)], replies[len(questions) :]
        found += measure_office(own, name=name)
    return found
