"""`kontor bench-peers`: search quality and speed beside txtai and LangChain with Chroma."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.options import AsJson

if TYPE_CHECKING:
    from infra.bench.peers.comparison import Standing

_HEAD = (
    f"{'set':<12} {'system':<10} {'nDCG@10':>8} {'95 % gain of Kontor':<20} {'read':>5} "
    f"{'texts/s':>8} {'CPU ms':>7} {'p50 ms':>7} {'p95 ms':>7} {'CPU ms':>7}  version"
)


def bench_peers(
    sets: Annotated[
        list[Path], typer.Argument(metavar="FOLDER…", help="Judged sets in BEIR's format.")
    ],
    *,
    peer_python: Annotated[
        Path,
        typer.Option("--peer-python", metavar="PYTHON", help="A Python that has the peers."),
    ] = Path("build/peers/bin/python"),
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, help="Only so many queries of each set.")
    ] = None,
    rounds: Annotated[
        int, typer.Option("--rounds", min=1, max=20, help="Take turns so often; medians count.")
    ] = 3,
    as_json: AsJson = False,
) -> None:
    """Compare with other systems over the same model, texts and queries, one after the other."""
    import tempfile

    from infra.bench.judged import read_beir
    from infra.bench.peers.comparison import Peers, compare
    from infra.cli.bench import interruptible, show_progress, surroundings
    from infra.deploy.model import NAME, ensure_model
    from shared.inference.registry import MODELS, open_embedder, wheel_folder
    from shared.kernel.settings import settings

    judged = [read_beir(folder, limit=limit) for folder in sets]
    results: list[list[Standing]] = []
    if not as_json:
        typer.echo(_HEAD)
    with (
        tempfile.TemporaryDirectory(prefix="kb-") as folder,
        interruptible(),
        show_progress() as progress,
    ):
        ensure_model(Path(folder), progress=progress)
        arithmetic = settings().passage_arithmetic
        embedder = open_embedder(folder, NAME, arithmetic=arithmetic)
        peers = Peers(peer_python.absolute(), wheel_folder(MODELS[NAME]), surroundings())
        for each in judged:
            found = compare(each, embedder=embedder, peers=peers, rounds=rounds, progress=progress)
            results.append(found)
            if not as_json:
                _print(found)
    _finish(results, as_json=as_json)


def _finish(results: list[list[Standing]], *, as_json: bool) -> None:
    from dataclasses import asdict

    from infra.bench.peers.comparison import ratios, verdicts
    from infra.cli.terminal import print_json

    missed = [f"{found[0].set}: {what}" for found in results for what in verdicts(found)]
    if as_json:
        shown = [{**asdict(each), "ndcg": each.mean_ndcg} for found in results for each in found]
        faster = [
            {"set": found[0].set, **asdict(each)} for found in results for each in ratios(found)
        ]
        print_json({"standings": shown, "ratios": faster, "missed": missed})
        return
    typer.echo("\nAll goals reached." if not missed else "\nMissed:")
    for what in missed:
        typer.echo(f"  {what}")


def _print(found: list[Standing]) -> None:
    from infra.bench.peers.comparison import ratios

    for standing in found:
        typer.echo(_line(standing, found[0]))
    for each in ratios(found):
        typer.echo(
            f"{found[0].set:<12} {each.system} needs {each.ingest:.2f} times Kontor's time for a "
            f"text ({each.ingest_cpu:.2f} of the processor), {each.query:.2f} times for ten hits "
            f"({each.query_cpu:.2f})"
        )


def _line(standing: Standing, ours: Standing) -> str:
    from shared.evaluation.sampling import difference

    gain = ""
    if standing is not ours:
        found = difference("ndcg@10", standing.ndcg, ours.ndcg, is_guarded=False).change
        gain = f"[{found.low:+.4f}, {found.high:+.4f}]"
    return (
        f"{standing.set:<12} {standing.system:<10} {standing.mean_ndcg:>8.4f} {gain:<20} "
        f"{standing.read_share:>5.0%} {standing.texts_per_s:>8.1f} {standing.text_cpu_ms:>7.1f} "
        f"{standing.query_p50_ms:>7.1f} {standing.query_p95_ms:>7.1f} "
        f"{standing.query_cpu_ms:>7.1f}  {standing.version}"
    )
