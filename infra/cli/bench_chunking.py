"""`kontor bench-chunking`: how much better structured chunks are found than fixed windows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.options import AsJson

if TYPE_CHECKING:
    from infra.bench.chunking import Score

_HEAD = (
    f"{'set':<10} {'chunks':<14} {'docs':>5} {'chunks':>7} {'asked':>6} "
    f"{'hit@1':>6} {'hit@5':>6} {'nDCG@10':>8} {'covered@5':>10}"
)


def bench_chunking(
    data: Annotated[
        Path, typer.Argument(metavar="DATA", help="Folder with docs/gesetze-md and retrieval/….")
    ],
    *,
    tokens: Annotated[int, typer.Option("--tokens", min=32, max=254, help="Largest chunk.")] = 224,
    characters: Annotated[
        int, typer.Option("--characters", min=1000, help="Text to take of each set, about.")
    ] = 120_000,
    questions: Annotated[
        int, typer.Option("--questions", min=1, help="Questions to ask of each set, at most.")
    ] = 100,
    as_json: AsJson = False,
) -> None:
    """Compare structured chunks with windows of the same size, on real questions and search."""
    import tempfile
    from dataclasses import asdict

    from infra.bench.chunking import measure_chunking, read_sets
    from infra.cli.terminal import open_console, print_json
    from infra.deploy.model import ensure_model
    from shared.inference.registry import open_embedder
    from shared.ingestion.preferences import ReadingSettings

    sets = read_sets(data, most_characters=characters, most_questions=questions)
    ways = [
        ReadingSettings(chunk_tokens=tokens),
        ReadingSettings(strategy="fixed", chunk_tokens=tokens),
        ReadingSettings(strategy="fixed", chunk_tokens=tokens, overlap_tokens=tokens // 8),
    ]
    console = open_console(is_error=True)
    with tempfile.TemporaryDirectory(prefix="kb-") as folder:
        ensure_model(Path(folder), progress=console.print)
        embedder = open_embedder(folder, "all-MiniLM-L6-v2")
        scores: list[Score] = []
        if not as_json:
            typer.echo(_HEAD)
        for score in measure_chunking(
            sets, embedder=embedder, settings=ways, progress=console.print
        ):
            scores.append(score)
            if not as_json:
                typer.echo(_line(score))
    if as_json:
        print_json({"scores": [asdict(score) for score in scores]})


def _line(score: Score) -> str:
    return (
        f"{score.set:<10} {score.strategy:<14} {score.documents:>5} {score.chunks:>7,} "
        f"{score.questions:>6} {score.hit_at_1:>6.3f} {score.hit_at_5:>6.3f} "
        f"{score.ndcg_at_10:>8.3f} {score.covered_at_5:>10.3f}"
    )
