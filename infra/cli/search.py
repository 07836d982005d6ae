"""`kontor search`: the passages that fit, best first, with what was found in them marked."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.filters import After, Before, DocumentIds, Languages, Metadata, Types
from infra.cli.options import (
    DEFAULT_DATA,
    Api,
    AsJson,
    CollectionFilter,
    Data,
    FolderFilter,
    Tags,
    Token,
)

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

SNIPPET = 280  # characters: three lines of a narrow terminal


def search(
    query: Annotated[list[str], typer.Argument(metavar="WORDS…", help="Words or a question.")],
    *,
    k: Annotated[int, typer.Option("-k", "--count", min=1, max=100, help="How many.")] = 10,
    threshold: Annotated[
        float | None, typer.Option("--threshold", help="Leave out scores below this.")
    ] = None,
    folder: FolderFilter = "",
    collection: CollectionFilter = "",
    tag: Tags = None,
    document: DocumentIds = None,
    kind: Types = None,
    language: Languages = None,
    after: After = "",
    before: Before = "",
    metadata: Metadata = None,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Find passages by meaning and by word, in every document you may read."""
    from infra.cli.client import Body, KontorClient
    from infra.cli.documents import resolve_ids
    from infra.cli.filters import build_filters
    from infra.cli.put import read_pairs
    from infra.cli.shelves import collection_id
    from infra.cli.target import resolve
    from infra.cli.terminal import print_json

    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        filters = build_filters(
            folder=folder,
            document_ids=resolve_ids(client, document or []),
            types=kind or [],
            languages=language or [],
            after=after,
            before=before,
            metadata=read_pairs(metadata or []),
            collection=collection_id(client, collection),
            tags=tag or [],
        )
        body: Body = {"query": " ".join(query).strip(), "k": k, "filters": filters}
        if threshold is not None:
            body["threshold"] = threshold
        found = client.post("/api/v1/search", body, is_repeatable=True)
    if as_json:
        print_json(found)
    else:
        _print(found)


def _print(found: Mapping[str, object]) -> None:
    from infra.cli.terminal import duration, list_of, number_of, open_console, plural

    console = open_console()
    results = list_of(found, "results")
    took = duration(number_of(found, "took_ms") / 1000)
    if not results:
        console.print(f"Nothing found ({took}).")
        return
    if console.is_terminal:
        _print_table(console, results)
    else:
        for result in results:
            typer.echo(plain_line(result))
    console.print(f"{plural(len(results), 'passage')} in {took}", style="dim")


def _print_table(console: Console, results: Sequence[Mapping[str, object]]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    from infra.cli.ask import place_of
    from infra.cli.terminal import number_of

    table = Table(box=SIMPLE_HEAD, padding=(0, 1), show_edge=False, expand=False)
    table.add_column("score", justify="right", no_wrap=True, style="cyan")
    table.add_column("passage", overflow="fold", max_width=110)
    for at, result in enumerate(results):
        cell = Text(place_of(result), style="bold")
        cell.append("\n")
        cell.append_text(snippet(result))
        if at < len(results) - 1:
            cell.append("\n")
        table.add_row(f"{number_of(result, 'score'):.3f}", cell)
    console.print(table)


def plain_line(result: Mapping[str, object]) -> str:
    """Write a passage as one line of fields between tabs: score, place, snippet."""
    from infra.cli.ask import place_of
    from infra.cli.terminal import number_of

    return "\t".join((f"{number_of(result, 'score'):.3f}", place_of(result), snippet(result).plain))


def snippet(result: Mapping[str, object], limit: int = SNIPPET) -> Text:
    """Cut the part of a passage where most was found, with the hits in bold yellow."""
    from rich.text import Text

    text = str(result.get("text") or "")
    spans = _spans(result, len(text))
    start = _best_start(text, spans, limit)
    end = min(len(text), start + limit)
    if end < len(text):
        end = text.rfind(" ", start, end) if " " in text[start + 1 : end] else end
    marked = [(max(s, start), min(e, end)) for s, e in spans if s < end and e > start]
    cell = Text("…" if start else "", style="not bold")
    at = start
    for hit_start, hit_end in marked:
        cell.append(_flat(text[at:hit_start]))
        cell.append(_flat(text[hit_start:hit_end]), style="bold yellow")
        at = hit_end
    cell.append(_flat(text[at:end]))
    cell.append("…" if end < len(text) else "")
    return cell


def _spans(result: Mapping[str, object], length: int) -> list[tuple[int, int]]:
    """Read highlights as ordered spans inside the text that do not overlap."""
    raw = result.get("highlights")
    spans: list[tuple[int, int]] = []
    for pair in sorted(p for p in raw if isinstance(p, list)) if isinstance(raw, list) else []:
        if len(pair) == 2 and all(isinstance(n, int) for n in pair):  # noqa: PLR2004 - a pair
            start, end = max(pair[0], spans[-1][1] if spans else 0), min(pair[1], length)
            if start < end:
                spans.append((start, end))
    return spans


def _best_start(text: str, spans: Sequence[tuple[int, int]], limit: int) -> int:
    """Choose where a cut holds most hits, a little before the first and at a word's beginning."""
    if len(text) <= limit or not spans:
        return 0
    lead = limit // 5
    candidates = [max(0, start - lead) for start, _ in spans]
    best = max(candidates, key=lambda at: (sum(at <= s and e <= at + limit for s, e in spans), -at))
    best = min(best, len(text) - limit)
    if best <= 0:
        return 0
    space = text.find(" ", best, best + lead)
    return space + 1 if space >= 0 else best


def _flat(text: str) -> str:
    from infra.cli.terminal import clean

    return re.sub(r"\s+", " ", clean(text))
