"""`kontor bench`: numbers about a running server, and about this machine's build of it."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.options import DEFAULT_DATA, Api, AsJson, Data, Token

if TYPE_CHECKING:
    from infra.cli.measures import Measurement
    from infra.cli.target import Target

LOCAL_MEASURES = "infra.local.bench"  # offers MEASURES: name → () -> Sequence[Measurement]
CLIENT_PARTS = ("ingest", "search", "ask")


def bench(
    parts: Annotated[
        list[str] | None,
        typer.Argument(metavar="[PART]…", help="What to measure; everything if not given."),
    ] = None,
    *,
    calls: Annotated[int, typer.Option("--calls", min=10, help="Calls per measurement.")] = 200,
    documents: Annotated[int, typer.Option("--documents", min=1, help="Uploads to time.")] = 10,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Measure uploads, search and answers at one and at eight clients, and the local build."""
    from dataclasses import asdict

    from infra.cli.target import resolve
    from infra.cli.terminal import print_json
    from shared.kernel.errors import InvalidError

    local = local_measures()
    known = (*CLIENT_PARTS, *local)
    wanted = list(parts or known)
    unknown = [part for part in wanted if part not in known]
    if unknown:
        raise InvalidError(
            f"There is nothing called {unknown[0]!r} to measure.", hint=f"Use {', '.join(known)}."
        )
    found: list[Measurement] = []
    for part in wanted:
        if part in local:
            results = list(local[part]())
        else:
            target = resolve(api=api, token=token, data=data)
            results = _measure(target, part, calls=calls, documents=documents)
        found += results
        if not as_json:
            _print(results)
    if as_json:
        print_json({"measurements": [asdict(each) for each in found]})


def _measure(target: Target, part: str, *, calls: int, documents: int) -> list[Measurement]:
    from infra.cli.client import KontorClient
    from infra.cli.measures import measure_asking, measure_ingest, measure_search

    with KontorClient(target) as client:
        client.me()
        if part == "ingest":
            return measure_ingest(client, documents=documents)
        measure = measure_search if part == "search" else measure_asking
        return [
            result for clients in (1, 8) for result in measure(client, calls=calls, clients=clients)
        ]


def local_measures() -> dict[str, Callable[[], Sequence[Measurement]]]:
    """Return the measurements that need no server but this checkout; empty where not shipped."""
    if importlib.util.find_spec(LOCAL_MEASURES) is None:
        return {}
    return dict(importlib.import_module(LOCAL_MEASURES).MEASURES)


def _print(results: Sequence[Measurement]) -> None:
    for each in results:
        value = f"{each.value:,.1f}" if each.value < 1000 else f"{each.value:,.0f}"  # noqa: PLR2004
        typer.echo(f"{each.name:<28} {value:>12} {each.unit:<5} {each.note}".rstrip())
