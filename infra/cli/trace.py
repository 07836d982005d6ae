"""`kontor trace`: every hop of a document's way through the pipeline, with times and gaps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from infra.cli.documents import Which
from infra.cli.options import DEFAULT_DATA, Api, AsJson, Data, Token

if TYPE_CHECKING:
    from rich.console import Console

LONG_GAP_S = 2.0


@dataclass(frozen=True, slots=True)
class Row:
    """A hop and the time that passed since the one before it, work of its own included."""

    at: datetime | None
    stage: str
    step: str
    detail: str
    job_id: str
    took_s: float | None
    since_s: float | None

    @property
    def idle_s(self) -> float:
        """How long nobody worked on the document before this hop."""
        return max(0.0, (self.since_s or 0.0) - (self.took_s or 0.0))


def trace(
    document: Which,
    *,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Show every hop of a document's way with its time, and where it waited."""
    from infra.cli.client import KontorClient, path_of
    from infra.cli.documents import find_document
    from infra.cli.target import resolve
    from infra.cli.terminal import list_of, open_console, print_json, text_of

    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        found = find_document(client, document)
        body = client.get(path_of("documents", str(found["id"]), "trace"))
    if as_json:
        print_json({"document_id": found["id"], "title": found.get("title"), **body})
        return
    console = open_console()
    console.print(text_of(found, "title"), style="bold")
    rows = read_rows(list_of(body, "hops"))
    if not rows:
        console.print("Nothing has happened to it yet.")
        return
    _print(console, rows)


def read_rows(hops: Sequence[dict[str, object]]) -> list[Row]:
    """Put hops in order of time and measure what lies between them; each job starts anew."""
    from infra.cli.terminal import moment, number_of, text_of

    rows: list[Row] = []
    before: dict[str, datetime] = {}
    for hop in sorted(hops, key=lambda h: (text_of(h, "at"), number_of(h, "sequence"))):
        at, job_id = moment(hop.get("at")), text_of(hop, "job_id")
        since = (at - before[job_id]) / timedelta(seconds=1) if at and job_id in before else None
        took = hop.get("duration_ms")
        rows.append(
            Row(
                at=at,
                stage=text_of(hop, "stage"),
                step=text_of(hop, "step"),
                detail=text_of(hop, "detail"),
                job_id=job_id,
                took_s=float(took) / 1000 if isinstance(took, int | float) else None,
                since_s=since,
            )
        )
        if at:
            before[job_id] = at
    return rows


def _print(console: Console, rows: Sequence[Row]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    from infra.cli.terminal import duration

    table = Table(box=SIMPLE_HEAD, padding=(0, 1), show_edge=False)
    table.add_column("at", no_wrap=True, style="dim")
    table.add_column("since", no_wrap=True, justify="right")
    table.add_column("took", no_wrap=True, justify="right")
    table.add_column("step", no_wrap=True)
    table.add_column("stage", no_wrap=True)
    table.add_column("what", overflow="fold", ratio=1)
    job_id = rows[0].job_id
    for row in rows:
        if row.job_id != job_id:
            table.add_section()
            job_id = row.job_id
        waited = row.idle_s > LONG_GAP_S
        table.add_row(
            row.at.astimezone().strftime("%H:%M:%S.%f")[:-3] if row.at else "",
            Text(
                f"+{duration(row.since_s)}" if row.since_s is not None else "",
                style="yellow" if waited else "",
            ),
            duration(row.took_s) if row.took_s is not None else "",
            row.step,
            Text(row.stage, style={"completed": "green", "failed": "red"}.get(row.stage, "")),
            Text(row.detail or (f"waited {duration(row.idle_s)}" if waited else ""), style="dim"),
        )
    console.print(table)
    moments = [row.at for row in rows if row.at]
    whole = (max(moments) - min(moments)) / timedelta(seconds=1) if moments else 0.0
    worked = sum(row.took_s or 0.0 for row in rows)
    console.print(
        f"{len(rows)} hops in {duration(whole)}, of which {duration(worked)} were work", style="dim"
    )
