"""`kontor eval`: how well this installation searches and answers, and whether it became worse."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.options import AsJson
from infra.cli.target import ROOT

if TYPE_CHECKING:
    from infra.bench.judged import Text
    from infra.bench.measurement import Progress
    from infra.bench.scratch import ScratchLibrary
    from shared.answering.model import Answer, Question
    from shared.evaluation.model import Difference, Run
    from shared.inference.embedding import Embedder
    from shared.wiring import App

evaluate = typer.Typer(
    no_args_is_help=True, help="Measure search and answers against known answers."
)
REGRESSION = 2  # the exit code that says: worse than the saved run, by more than chance

Work = Annotated[
    Path,
    typer.Option(
        "--work",
        metavar="FOLDER",
        help="Keeps what was embedded and indexed, for the next run.",
        show_default="build/eval",
    ),
]
DEFAULT_WORK = ROOT / "build" / "eval"
Limited = Annotated[
    int | None, typer.Option("--limit", min=1, help="Only so many questions, spread over all.")
]
Save = Annotated[
    Path | None, typer.Option("--save", metavar="FILE", help="Write the run, to compare with.")
]
Compared = Annotated[
    Path | None,
    typer.Option(
        "--compare", metavar="FILE", help="Exit with 2 if this is worse than the run saved there."
    ),
]
Threads = Annotated[
    int, typer.Option("--threads", min=0, max=64, help="Threads that embed; 0 means every core.")
]


@evaluate.command()
def retrieval(
    *,
    beir: Annotated[
        Path, typer.Option("--beir", metavar="FOLDER", help="Corpus, queries and qrels as in BEIR.")
    ],
    k: Annotated[int, typer.Option("--k", min=1, max=100, help="Cut-off of nDCG and MRR.")] = 10,
    split: Annotated[str, typer.Option("--split", help="Which qrels.")] = "test",
    limit: Limited = None,
    run_file: Annotated[
        Path | None,
        typer.Option("--run", metavar="FILE", help="Write the rankings as trec_eval reads them."),
    ] = None,
    save: Save = None,
    compare: Compared = None,
    work: Work = DEFAULT_WORK,
    threads: Threads = 0,
    as_json: AsJson = False,
) -> None:
    """Put a judged set into a library of its own, search it, and measure what is found."""
    from dataclasses import replace

    from infra.bench.judged import read_beir
    from infra.bench.retrieval import (
        Searcher,
        circumstances_of,
        measure_time,
        rank_all,
        score,
        write_trec_run,
    )
    from infra.cli.bench import show_progress
    from shared.search import service as search

    judged = read_beir(beir, split=split, limit=limit)
    with (
        show_progress() as progress,
        _library(work, judged.name, judged.texts, threads, progress) as opened,
    ):
        app, library = opened.app, opened.library
        searcher = Searcher(
            app.database, app.embedder, search.ranking(app.settings), library.text_of
        )
        rankings = rank_all(searcher, judged.queries, progress=progress)
        with _forgetful(opened):
            timed = replace(searcher, embedder=app.embedder)
            latency = measure_time(timed, judged.queries, k=k, progress=progress)
        circumstances = circumstances_of(
            library.filling, embedder=app.embedder, ranking=searcher.ranking
        )
    run = score(judged, rankings, k=k, latency_ms=latency, circumstances=circumstances)
    if run_file is not None:
        write_trec_run(run_file, rankings)
    _finish(run, save=save, compare=compare, as_json=as_json)


@evaluate.command()
def answers(
    *,
    squad: Annotated[
        Path, typer.Option("--squad", metavar="FILE", help="Questions in SQuAD's JSON.")
    ],
    near_miss: Annotated[
        bool, typer.Option("--near-miss", help="Ask again without the text that answers.")
    ] = False,
    far: Annotated[
        bool, typer.Option("--far", help="Ask again without all texts of its topic.")
    ] = False,
    limit: Limited = None,
    predicted: Annotated[
        Path | None,
        typer.Option("--predictions", metavar="FILE", help="Write the answers, for scorers."),
    ] = None,
    save: Save = None,
    compare: Compared = None,
    work: Work = DEFAULT_WORK,
    threads: Threads = 0,
    as_json: AsJson = False,
) -> None:
    """Put texts into a library of its own, ask it, and measure what is answered and admitted.

    A language model answers if one is configured; else sentences are quoted.
    """
    from functions.edge.asking import instruments_of
    from infra.bench.judged import read_squad
    from infra.bench.replies import Interviewer, measure_time, predictions, score
    from infra.bench.retrieval import circumstances_of
    from infra.bench.scratch import PRINCIPAL, TENANT
    from infra.cli.bench import show_progress
    from shared.answering import service as answering
    from shared.search import service as search

    questions = read_squad(squad, limit=limit)
    with (
        show_progress() as progress,
        _library(work, questions.name, questions.texts, threads, progress) as opened,
    ):
        app, library = opened.app, opened.library

        def ask(question: Question) -> Answer:
            tools = instruments_of(app, TENANT)
            return answering.ask(tools, PRINCIPAL, question, emit=lambda _event: None)

        interviewer = Interviewer(app.database, library, ask, progress)
        interview = interviewer.hold(questions, near=near_miss, far=far)
        circumstances = circumstances_of(
            library.filling, embedder=app.embedder, ranking=search.ranking(app.settings)
        ) | {"answerer": app.settings.llm_model or "extractive"}
        with _forgetful(opened):
            latency = measure_time(ask, questions.questions, progress=progress)
    run = score(questions, interview, latency_ms=latency, circumstances=circumstances)
    if predicted is not None:
        predicted.write_text(json.dumps(predictions(interview), ensure_ascii=False), "utf-8")
    _finish(run, save=save, compare=compare, as_json=as_json)


@dataclass(frozen=True, slots=True)
class _Opened:
    """A set's library, an App that works on it, and the embedder that remembers nothing."""

    app: App
    library: ScratchLibrary
    plain: Embedder


@contextmanager
def _library(
    work: Path, name: str, texts: Sequence[Text], threads: int, progress: Progress
) -> Iterator[_Opened]:
    """Open the library of a set, and an App that works on it with this machine's settings."""
    from pydantic import SecretStr

    from infra.bench.remembering import RememberingEmbedder
    from infra.bench.scratch import open_library
    from infra.deploy.model import ensure_model
    from shared.inference.registry import open_embedder
    from shared.ingestion.preferences import ReadingSettings
    from shared.kernel.settings import settings
    from shared.wiring import App

    models = work / "models"
    config = settings()
    if not config.model_dir:
        ensure_model(models, progress=progress)
    folder = config.model_dir or str(models)
    plain = open_embedder(folder, config.embedding_model, threads=threads)
    vectors = f"{name}.{plain.model.name}@{plain.model.revision}.npz"
    embedder = RememberingEmbedder(plain, work / "vectors" / vectors, progress)
    reading = ReadingSettings(chunk_tokens=config.chunk_tokens)
    with open_library(
        work, texts, embedder=embedder, settings=reading, progress=progress
    ) as library:
        embedder.save()
        changed = {"database_url": SecretStr(library.database_url), "model_dir": folder}
        app = App(config.model_copy(update=changed))
        app.__dict__["embedder"] = embedder
        try:
            yield _Opened(app, library, plain)
        finally:
            app.database.close()
            embedder.save()


@contextmanager
def _forgetful(opened: _Opened) -> Iterator[None]:
    """Embed everything anew for a while, so that times are those of a first question."""
    app = opened.app
    remembering = app.embedder
    app.__dict__["embedder"] = opened.plain
    try:
        yield
    finally:
        app.__dict__["embedder"] = remembering


def _finish(run: Run, *, save: Path | None, compare: Path | None, as_json: bool) -> None:
    """Print a run, keep it, compare it; exits with 2 on a regression."""
    from dataclasses import asdict

    from infra.cli.terminal import print_json
    from shared.evaluation.sampling import compare as compare_runs
    from shared.evaluation.sampling import interval
    from shared.evaluation.serialization import run_to_json

    earlier = None if compare is None else _read_run(compare)
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


def _read_run(path: Path) -> Run:
    from shared.evaluation.serialization import run_from_json
    from shared.kernel.errors import InvalidError, NotFoundError

    if not path.is_file():
        raise NotFoundError(f"There is no saved run at {path}.", hint="Save one with --save.")
    try:
        body = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise InvalidError(f"{path} is not JSON.", hint="Save a run with --save.") from error
    return run_from_json(body)
