"""`kontor versions`, `diff` and `get`: a document through time, and its files on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.documents import STAGE_STYLES, Which
from infra.cli.options import DEFAULT_DATA, Api, AsJson, Data, Token

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

KEPT = 60  # characters of unchanged words shown at each side of a change
PIECE_STYLES = {"added": "green", "removed": "red strike", "equal": "dim"}
PLAIN = {"added": ("[+", "+]"), "removed": ("[-", "-]"), "equal": ("", "")}


def versions(
    document: Which,
    *,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """List a document's versions; the one that is searched has a star."""
    from infra.cli.client import KontorClient, path_of
    from infra.cli.documents import find_document
    from infra.cli.target import resolve
    from infra.cli.terminal import open_console, print_json, text_of

    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        found = find_document(client, document)
        body = client.get(path_of("documents", str(found["id"]), "versions"))
    if as_json:
        print_json(body)
        return
    console = open_console()
    console.print(text_of(found, "title"), style="bold")
    _print_versions(console, body)


def _print_versions(console: Console, body: Mapping[str, object]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    from infra.cli.terminal import list_of, local_time, number_of, size, text_of

    table = Table(box=SIMPLE_HEAD, padding=(0, 1), show_edge=False)
    table.add_column("version", justify="right", no_wrap=True)
    table.add_column("stage", no_wrap=True)
    table.add_column("size", no_wrap=True, justify="right")
    table.add_column("added", no_wrap=True, style="dim")
    table.add_column("read by", no_wrap=True, style="dim")
    table.add_column("content", no_wrap=True, style="dim")
    table.add_column("file", overflow="fold")
    for row in list_of(body, "items"):
        number, stage = round(number_of(row, "number")), text_of(row, "stage")
        table.add_row(
            f"{'* ' if body.get('current') == number else ''}{number}",
            Text(stage, style=STAGE_STYLES.get(stage, "yellow")),
            size(number_of(row, "size_bytes")),
            local_time(row.get("created_at")),
            text_of(row, "parser"),
            text_of(row, "sha256")[:8],
            text_of(row, "filename"),
        )
    console.print(table)


def diff(
    document: Which,
    old: Annotated[
        int, typer.Argument(metavar="[OLD]", min=0, help="A version; 0 is the one before NEW.")
    ] = 0,
    new: Annotated[
        int, typer.Argument(metavar="[NEW]", min=0, help="Another one; 0 is the newest.")
    ] = 0,
    *,
    unified: Annotated[
        bool, typer.Option("--unified", "-u", help="Line by line, as `diff -u` does.")
    ] = False,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Show what changed between the texts of two versions, word by word."""
    from infra.cli.client import KontorClient, path_of
    from infra.cli.documents import find_document
    from infra.cli.target import resolve
    from infra.cli.terminal import list_of, number_of, open_console, print_json
    from shared.kernel.errors import InvalidError

    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        found = find_document(client, document)
        path = path_of("documents", str(found["id"]))
        known = [round(number_of(v, "number")) for v in list_of(client.get(path), "versions")]
        new = new or max(known)
        old = old or max((number for number in known if number < new), default=0)
        if not old:
            raise InvalidError("There is nothing to compare.", hint="It has one version only.")
        form = "unified" if unified else "structured"
        body = client.get(f"{path}/diff", old=old, new=new, form=form, limit=2000)
    if as_json:
        print_json(body)
    elif unified:
        _print_lines(open_console(), str(body.get("unified") or ""))
    else:
        _print_changes(open_console(), body)


def _print_lines(console: Console, lines: str) -> None:
    from infra.cli.terminal import clean

    styles = {"+": "green", "-": "red", "@": "cyan"}
    for line in lines.splitlines():
        console.print(clean(line), style=styles.get(line[:1], "dim"))


def _print_changes(console: Console, body: Mapping[str, object]) -> None:
    from infra.cli.terminal import list_of, names_of, number_of, plural

    heading: list[str] = []
    for change in list_of(body, "changes"):
        path = names_of(change, "heading_path")
        if path != heading:
            console.print(" › ".join(path), style="bold")
            heading = path
        console.print(_change_line(change, is_plain=not console.is_terminal))
    kinds = [f"{number_of(body, kind):.0f} {kind}" for kind in ("changed", "added", "removed")]
    words = (
        f"{plural(round(number_of(body, 'words_added')), 'word')} added, "
        f"{plural(round(number_of(body, 'words_removed')), 'word')} removed"
    )
    same = f"{number_of(body, 'similarity'):.0%} the same"
    cut = "; more than is shown here" if body.get("is_cut") else ""
    console.print(f"{', '.join(kinds)}; {words}; {same}{cut}", style="dim")


def _change_line(change: Mapping[str, object], *, is_plain: bool) -> Text:
    """Write a block with what came and went marked; long unchanged stretches are cut."""
    from rich.text import Text

    from infra.cli.terminal import clean, list_of, text_of

    marks = {"added": ("+ ", "green"), "removed": ("- ", "red"), "changed": ("~ ", "yellow")}
    mark, style = marks.get(text_of(change, "kind"), ("  ", ""))
    line = Text(mark, style=style)
    for piece in list_of(change, "pieces"):
        kind, text = text_of(piece, "kind"), clean(str(piece.get("text") or ""))
        if kind == "equal" and len(text) > 2 * KEPT:
            text = f"{text[:KEPT]} … {text[-KEPT:]}"
        before, after = PLAIN.get(kind, ("", "")) if is_plain else ("", "")
        line.append(f"{before}{text}{after}", style=PIECE_STYLES.get(kind, ""))
    return line


def get(
    document: Which,
    *,
    version: Annotated[
        int, typer.Option("--version", min=0, help="Which version; 0 is the current one.")
    ] = 0,
    as_form: Annotated[
        str,
        typer.Option("--as", metavar="original|text|markdown", help="The file, or what was read."),
    ] = "original",
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="PATH", help="File or folder to write to."),
    ] = None,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Download a document's file as it was put in; it never writes over one that is there."""
    from infra.cli.client import KontorClient, path_of
    from infra.cli.documents import find_document
    from infra.cli.target import resolve
    from infra.cli.terminal import open_console, print_json, size

    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        found = find_document(client, document)
        parts = ("documents", str(found["id"]), "download")
        address = client.get(path_of(*parts), version=version, form=as_form)
        target = client.fetch(str(address["url"]), out or Path())
    written = target.stat().st_size
    if as_json:
        print_json({"path": str(target), "size_bytes": written})
    else:
        open_console().print(f"{target}  {size(written)}")
