"""`kontor eval feedback`, `fit`, `ranking`: learning from what people think of answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.eval import DEFAULT_WORK, Limited, Threads, Work, evaluate
from infra.cli.eval_runs import Compared, Save, finish_run, read_earlier
from infra.cli.options import DEFAULT_DATA, Api, AsJson, Data, Token

if TYPE_CHECKING:
    from infra.cli.client import Body, KontorClient
    from shared.evaluation.fitting import Fit
    from shared.search.model import Ranking

__all__ = ["evaluate"]
_RUNS, _RANKING = "/api/v1/evaluation/runs", "/api/v1/evaluation/ranking"


@evaluate.command()
def feedback(
    *,
    export: Annotated[
        Path | None,
        typer.Option("--export", metavar="FILE", help="Write the judged questions as JSON lines."),
    ] = None,
    save: Save = None,
    compare: Compared = None,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Search every question whose answer was praised or corrected, and measure what is found.

    The run is kept on the server. With --export nothing is measured.
    """
    from infra.cli.terminal import list_of, plural
    from shared.evaluation.serialization import FORMAT, run_from_json

    earlier = read_earlier(compare)
    with _client(api, token, data) as client:
        if export is not None:
            found = list_of(client.get("/api/v1/evaluation/questions"), "items")
            lines = [json.dumps(each, ensure_ascii=False) for each in found]
            export.write_text("".join(f"{line}\n" for line in lines), "utf-8")
            typer.echo(f"Wrote {plural(len(lines), 'judged question')} to {export}.")
            return
        made = client.post(_RUNS, {})
    run = run_from_json({**made, "format": FORMAT, "measures": made["values"]})
    finish_run(run, save=save, earlier=earlier, as_json=as_json)


@evaluate.command()
def runs(
    *, api: Api = "", data: Data = DEFAULT_DATA, token: Token = "", as_json: AsJson = False
) -> None:
    """List the evaluations that the server keeps, the last first."""
    from infra.cli.terminal import list_of, local_time, print_json, text_of

    with _client(api, token, data) as client:
        found = client.get(_RUNS)
    if as_json:
        print_json(found)
        return
    for run in list_of(found, "items"):
        measures = run.get("measures")
        shown = ", ".join(
            f"{name} {each['mean']:.4f}"
            for name, each in (measures.items() if isinstance(measures, dict) else ())
        )
        head = f"{local_time(run.get('created_at'))}  {text_of(run, 'kind'):<10}"
        typer.echo(f"{head} {text_of(run, 'name'):<20} {shown}")


@evaluate.command()
def keep(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A run written with --save.")],
    *,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Send a saved run to the server, to be listed with the others."""
    from infra.cli.eval_runs import read_run
    from infra.cli.terminal import print_json
    from shared.evaluation.serialization import run_to_json

    run = read_run(file)
    with _client(api, token, data) as client:
        made = client.post(_RUNS, {"run": run_to_json(run)})
    if as_json:
        print_json(made)
    else:
        typer.echo(f"Kept the run over {run.name}.")


@evaluate.command()
def fit(
    *,
    beir: Annotated[
        list[Path] | None,
        typer.Option(
            "--beir",
            metavar="FOLDER",
            help="Fit to this judged set instead of to feedback; several weigh the same.",
        ),
    ] = None,
    apply: Annotated[
        bool, typer.Option("--apply", help="Let weights that pass the gate hold from now on.")
    ] = False,
    limit: Limited = None,
    work: Work = DEFAULT_WORK,
    threads: Threads = 0,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Find the best share of the vector score; adopt it only if unseen questions gain by it."""
    from infra.cli.terminal import list_of, print_json

    if not beir:
        with _client(api, token, data) as client:
            result = client.post("/api/v1/evaluation/fit", {"apply": apply})
    else:
        fits, ranking = _fit_sets(beir, limit=limit, work=work, threads=threads)
        is_applied = apply and any(each.is_accepted for each in fits)
        if is_applied:
            with _client(api, token, data) as client:
                source = f"fitted to {', '.join(each.name for each in beir)}"
                client.call("PUT", _RANKING, json=_wanted(client, fits, source=source))
        result = _as_body(fits, ranking, is_applied=is_applied)
    if as_json:
        print_json(result)
        return
    for each in list_of(result, "fits"):
        typer.echo(_fit_line(each))
        for one in list_of(each, "by_set"):
            typer.echo(_set_line(one))
    typer.echo("The new weights hold." if result.get("is_applied") else "Nothing was changed.")


@evaluate.command()
def ranking(
    *,
    undo: Annotated[bool, typer.Option("--undo", help="Go back to the weights before.")] = False,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Show the weights that hold and why, or take the newest ones back."""
    from infra.cli.terminal import number_of, print_json, text_of

    with _client(api, token, data) as client:
        if undo:
            client.call("DELETE", _RANKING)  # a repeat would go back twice
        found = client.get(_RANKING)
    if as_json:
        print_json(found)
        return
    weights, evidence = found.get("ranking"), found.get("evidence")
    held = weights if isinstance(weights, dict) else {}
    known = evidence if isinstance(evidence, dict) else {}
    why = text_of(known, "source") or f"from the {text_of(found, 'source')}"
    english, german = number_of(held, "dense_weight_en"), number_of(held, "dense_weight_de")
    typer.echo(f"vector share: English {english:.2f}, other languages {german:.2f} ({why})")


def _fit_sets(
    folders: list[Path], *, limit: int | None, work: Path, threads: int
) -> tuple[tuple[Fit, ...], Ranking]:
    """Fit to judged sets, each in a library of its own."""
    from infra.bench.judged import read_beir
    from infra.bench.weighing import origins_of, try_set
    from infra.cli.bench import interruptible, show_progress
    from shared.evaluation.weights import Tried, fit_values
    from shared.kernel.settings import settings
    from shared.search import service as search

    present = search.ranking(settings())
    sets = [read_beir(folder, limit=limit) for folder in folders]
    values: Tried = {}
    with interruptible(), show_progress() as progress:
        for judged in sets:
            tried = try_set(judged, ranking=present, work=work, threads=threads, progress=progress)
            for language, by_weight in tried.items():
                held = values.setdefault(language, {})
                for weight, found in by_weight.items():
                    held.setdefault(weight, {}).update(found)
    origins = {name: each for judged in sets for name, each in origins_of(judged).items()}
    return fit_values(values, ranking=present, origins=origins), present


def _wanted(client: KontorClient, fits: tuple[Fit, ...], *, source: str) -> Body:
    """Return the server's weights with those in place that passed the gate."""
    held = client.get(_RANKING).get("ranking")
    wanted: Body = dict(held) if isinstance(held, dict) else {}
    for each in fits:
        if each.is_accepted:
            wanted[f"dense_weight_{each.language}"] = each.proposed
    return {**wanted, "source": source}


def _as_body(fits: tuple[Fit, ...], ranking: Ranking, *, is_applied: bool) -> Body:
    from dataclasses import asdict

    return {
        "fits": [{**asdict(each), "by_set": [*map(asdict, each.by_set)]} for each in fits],
        "is_applied": is_applied,
        "ranking": {
            "dense_weight_en": ranking.dense_weight_en,
            "dense_weight_de": ranking.dense_weight_de,
        },
    }


def _fit_line(each: Mapping[str, object]) -> str:
    from infra.cli.terminal import number_of, text_of

    name = "English" if each.get("language") == "en" else "other languages"
    held = f"{number_of(each, 'before'):.4f} → {number_of(each, 'held_out'):.4f} on held-out"
    weights = f"{number_of(each, 'present'):.2f} → {number_of(each, 'proposed'):.2f}"
    questions = int(number_of(each, "questions"))
    return f"{name} ({questions} questions): {weights}, nDCG@10 {held}; {text_of(each, 'reason')}"


def _set_line(each: Body) -> str:
    from infra.cli.terminal import number_of, text_of

    change = each.get("change")
    low, high = (
        (number_of(change, name) for name in ("low", "high"))
        if isinstance(change, dict)
        else (0.0, 0.0)
    )
    held = f"{number_of(each, 'before'):.4f} → {number_of(each, 'after'):.4f}"
    return f"  {text_of(each, 'measure'):<16} {held} on held-out [{low:+.4f}, {high:+.4f}]"


def _client(api: str, token: str, data: Path) -> KontorClient:
    from infra.cli.client import KontorClient
    from infra.cli.target import resolve

    return KontorClient(resolve(api=api, token=token, data=data))
