"""`kontor search`: the passages that fit, best first, with what was found in them marked."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.filters import (
    After,
    Before,
    DocumentIds,
    Kinds,
    Languages,
    Metadata,
    Types,
    Versions,
)
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

    from infra.cli.client import KontorClient

MOST_A_PAGE = 100
SNIPPET = 280  # characters: three lines of a narrow terminal


def search(
    query: Annotated[list[str], typer.Argument(metavar="WORDS…", help="Words or a question.")],
    *,
    k: Annotated[int, typer.Option("-k", "--count", min=1, max=1000, help="How many.")] = 10,
    threshold: Annotated[
        float | None, typer.Option("--threshold", help="Leave out scores below this.")
    ] = None,
    folder: FolderFilter = "",
    collection: CollectionFilter = "",
    tag: Tags = None,
    document: DocumentIds = None,
    type_: Types = None,
    language: Languages = None,
    after: After = "",
    before: Before = "",
    metadata: Metadata = None,
    kind: Kinds = None,
    version_id: Versions = None,
    facet: Annotated[
        list[str] | None,
        typer.Option("--facet", metavar="NAME", help="Count by folder, media_type, tag, …"),
    ] = None,
    rerank: Annotated[
        str, typer.Option("--rerank", metavar="NAME", help="none, features, cross-encoder or llm.")
    ] = "",
    explain: Annotated[
        bool, typer.Option("--explain", help="Say why each passage ranks where it does.")
    ] = False,
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
            types=type_ or [],
            languages=language or [],
            after=after,
            before=before,
            metadata=read_pairs(metadata or []),
            collection=collection_id(client, collection),
            tags=tag or [],
            version_ids=version_id or [],
            kinds=kind or [],
        )
        body: Body = {"query": " ".join(query).strip(), "filters": filters}
        optional: Body = {
            "threshold": threshold,
            "facets": facet,
            "rerank": rerank or None,
            "explain": explain or None,
        }
        body.update({name: value for name, value in optional.items() if value is not None})
        found = _pages(client, body, k)
    if as_json:
        print_json(found)
    else:
        print_found(found)


def _pages(client: KontorClient, body: dict[str, object], k: int) -> dict[str, object]:
    """Ask page by page until ``k`` hits are there; all pages but the first come by cursor."""
    from infra.cli.terminal import list_of, number_of

    size = min(k, MOST_A_PAGE)
    found = client.post("/api/v1/search", {**body, "k": size}, is_repeatable=True)
    results = list_of(found, "results")
    took = number_of(found, "took_ms")
    cursor = found.get("next_cursor")
    asked = {name: value for name, value in body.items() if name not in {"facets", "rerank"}}
    while cursor and len(results) < k:
        more = {**asked, "k": size, "cursor": cursor}
        page = client.post("/api/v1/search", more, is_repeatable=True)
        results += list_of(page, "results")
        took += number_of(page, "took_ms")
        cursor = page.get("next_cursor")
    if len(results) > size:
        found = {**found, "results": results[:k], "next_cursor": cursor, "took_ms": took}
    return found


def print_found(found: Mapping[str, object]) -> None:
    """Print hits with what stands around them: facets, corrections, warnings, time."""
    from infra.cli.explaining import lines_of
    from infra.cli.terminal import (
        duration,
        list_of,
        number_of,
        open_console,
        plural,
        print_warning,
        text_of,
    )

    console = open_console()
    results = list_of(found, "results")
    took = duration(number_of(found, "took_ms") / 1000)
    if warning := text_of(found, "warning"):
        print_warning(warning)
    if not results:
        console.print(f"Nothing found ({took}).")
    elif console.is_terminal:
        _print_table(console, results)
    else:
        for result in results:
            typer.echo(plain_line(result))
            for line in lines_of(result):
                typer.echo(f"\t{line}")
    _print_facets(console, found.get("facets"))
    if corrected := text_of(found, "did_you_mean"):
        console.print(f"Did you mean: {corrected}")
    if results:
        console.print(f"{plural(len(results), 'passage')} in {took}", style="dim")


def _print_facets(console: Console, facets: object) -> None:
    """Print each facet on a line of its own: values with their counts, the most frequent first."""
    from infra.cli.terminal import list_of, number_of, plural, text_of

    if not isinstance(facets, dict):
        return
    for facet in list_of(facets, "facets"):
        values = list_of(facet, "values")
        shown = ", ".join(
            f"{text_of(value, 'label')} ({number_of(value, 'document_count'):.0f})"
            for value in values
        )
        rest = round(number_of(facet, "value_count")) - len(values)
        more = f", and {rest} more" if rest > 0 else ""
        console.print(f"{text_of(facet, 'name')}: {shown or '–'}{more}")
    count = round(number_of(facets, "document_count"))
    least = "at least " if facets.get("is_capped") is True else ""
    console.print(f"{least}{plural(count, 'document')} found", style="dim")


def _print_table(console: Console, results: Sequence[Mapping[str, object]]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    from infra.cli.ask import place_of
    from infra.cli.explaining import lines_of
    from infra.cli.terminal import list_of, number_of

    table = Table(box=SIMPLE_HEAD, padding=(0, 1), show_edge=False, expand=False)
    table.add_column("score", justify="right", no_wrap=True, style="cyan")
    table.add_column("passage", overflow="fold", max_width=110)
    for at, result in enumerate(results):
        cell = Text(place_of(result), style="bold")
        cell.append("\n")
        cell.append_text(snippet(result))
        for line in lines_of(result):
            cell.append(f"\n  {line}", style="not bold dim")
        for other in list_of(result, "also_in"):
            cell.append(f"\n  also in {place_of(other)}", style="not bold dim")
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
