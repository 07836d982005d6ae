"""`kontor eval`: how well this installation searches and answers, and whether it became worse."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.eval_runs import Compared, Save, finish_run, read_earlier
from infra.cli.options import AsJson
from infra.cli.target import ROOT

if TYPE_CHECKING:
    from shared.answering.model import Answer, Question

evaluate = typer.Typer(
    no_args_is_help=True, help="Measure search and answers against known answers."
)

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

    from infra.bench.evaluated import forgetful, open_evaluated
    from infra.bench.judged import read_beir
    from infra.bench.retrieval import (
        Searcher,
        circumstances_of,
        measure_time,
        rank_all,
        score,
        write_trec_run,
    )
    from infra.cli.bench import interruptible, show_progress
    from shared.search import service as search

    earlier = read_earlier(compare)
    judged = read_beir(beir, split=split, limit=limit)
    with (
        interruptible(),
        show_progress() as progress,
        open_evaluated(work, judged.name, judged.texts, threads, progress) as opened,
    ):
        app, library = opened.app, opened.library
        searcher = Searcher(
            app.database, app.embedder, search.ranking(app.settings), library.text_of
        )
        rankings = rank_all(searcher, judged.queries, progress=progress)
        with forgetful(opened):
            timed = replace(searcher, embedder=app.embedder)
            latency = measure_time(timed, judged.queries, k=k, progress=progress)
        circumstances = circumstances_of(
            library.filling, embedder=app.embedder, ranking=searcher.ranking
        )
    run = score(judged, rankings, k=k, latency_ms=latency, circumstances=circumstances)
    if run_file is not None:
        write_trec_run(run_file, rankings)
    finish_run(run, save=save, earlier=earlier, as_json=as_json)


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
    from infra.bench.evaluated import forgetful, open_evaluated
    from infra.bench.judged import read_squad
    from infra.bench.replies import Interviewer, measure_time, predictions, score
    from infra.bench.retrieval import circumstances_of
    from infra.bench.scratch import PRINCIPAL, TENANT
    from infra.cli.bench import interruptible, show_progress
    from shared.answering import service as answering
    from shared.search import service as search

    earlier = read_earlier(compare)
    questions = read_squad(squad, limit=limit)
    with (
        interruptible(),
        show_progress() as progress,
        open_evaluated(work, questions.name, questions.texts, threads, progress) as opened,
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
        with forgetful(opened):
            latency = measure_time(ask, questions.questions, progress=progress)
    run = score(questions, interview, latency_ms=latency, circumstances=circumstances)
    if predicted is not None:
        predicted.write_text(json.dumps(predictions(interview), ensure_ascii=False), "utf-8")
    finish_run(run, save=save, earlier=earlier, as_json=as_json)
