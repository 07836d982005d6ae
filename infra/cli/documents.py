"""`kontor ls`, `show` and `rm`: what is kept, one document in full, and taking one away."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.options import DEFAULT_DATA, Api, AsJson, Data, FolderFilter, Limit, Token

if TYPE_CHECKING:
    from rich.console import Console

    from infra.cli.client import Body, KontorClient

ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
SHORT_ID = re.compile(r"[0-9a-f]{8,32}")
SHOWN_ID = 8  # the end of an id: ids begin with the time, so only their ends tell them apart
MOST = 10_000
NAMED = 5
MEMBERS = 50  # shown of what came inside a mail or an archive
STAGE_STYLES = {"completed": "green", "failed": "red"}

Which = Annotated[
    str, typer.Argument(metavar="DOCUMENT", help="Id, last 8 digits of it, or start of the title.")
]


def ls(
    *,
    folder: FolderFilter = "",
    limit: Limit = 100,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """List documents with their stage, newest first."""
    from infra.cli.client import KontorClient
    from infra.cli.target import resolve
    from infra.cli.terminal import open_console, print_json

    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        found = list(client.list_all("/api/v1/documents", limit=limit, folder=folder.strip("/")))
    if as_json:
        print_json({"items": found})
        return
    console = open_console()
    if not found:
        console.print("No documents yet. Put some in: kontor put FILE…")
        return
    _print_list(console, found)


def show(
    document: Which,
    *,
    text: Annotated[bool, typer.Option("--text", help="Print the text that was read.")] = False,
    version: Annotated[
        int, typer.Option("--version", min=0, help="Which version's text; 0 is the latest.")
    ] = 0,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Show one document: where it is, its versions, or its text."""
    from infra.cli.client import KontorClient, path_of
    from infra.cli.target import resolve
    from infra.cli.terminal import clean_lines, number_of, open_console, print_json

    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        found = find_document(client, document)
        document_id = str(found["id"])
        found = client.get(path_of("documents", document_id))
        if text:
            number = version or int(number_of(found, "version")) or 1
            body = client.get(path_of("documents", document_id, "versions", str(number), "text"))
            if as_json:
                print_json(body)
            else:
                typer.echo(clean_lines(str(body.get("text") or "")))
            return
    if as_json:
        print_json(found)
        return
    _print_card(open_console(), found)


def rm(
    documents: Annotated[
        list[str], typer.Argument(metavar="DOCUMENT…", help="Ids or beginnings of titles.")
    ],
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    api: Api = "",
    data: Data = DEFAULT_DATA,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Remove documents with all their versions, passages and files."""
    from infra.cli.client import KontorClient, path_of
    from infra.cli.target import resolve
    from infra.cli.terminal import open_console, plural, print_json, text_of
    from shared.kernel.errors import InvalidError

    with KontorClient(resolve(api=api, token=token, data=data)) as client:
        found = {str(d["id"]): d for d in (find_document(client, name) for name in documents)}
        console = open_console()
        if not yes:
            if as_json or not console.is_terminal:
                raise InvalidError("Nobody is there to confirm.", hint="Say --yes.")
            for each in found.values():
                console.print(f"  {_titled(each)}")
            typer.confirm(f"Remove {plural(len(found), 'document')} for good?", abort=True)
        for document_id in found:
            client.delete(path_of("documents", document_id))
    if as_json:
        print_json({"removed": list(found)})
        return
    for each in found.values():
        console.print(f"removed {text_of(each, 'title')}")


def find_document(client: KontorClient, name: str) -> Body:
    """Find the one document that an id, an id's end or a title's beginning means.

    Raises NotFoundError for none, ConflictError naming the candidates for several.
    """
    from infra.cli.client import path_of
    from shared.kernel.errors import ConflictError, NotFoundError

    wanted = name.strip().lower()
    if ID.fullmatch(wanted):
        return client.get(path_of("documents", wanted))
    known = list(client.list_all("/api/v1/documents", limit=MOST))
    candidates = _by_id(known, wanted) or _by_title(known, wanted)
    if len(candidates) == 1:
        return candidates[0]
    if not candidates:
        raise NotFoundError(f"No document is called {name!r}.", hint="See `kontor ls`.")
    listed = "; ".join(_titled(each) for each in candidates[:NAMED])
    more = f"; and {len(candidates) - NAMED} more" if len(candidates) > NAMED else ""
    raise ConflictError(
        f"{len(candidates)} documents are called {name!r}: {listed}{more}.",
        hint="Name one by its id.",
    )


def resolve_ids(client: KontorClient, names: Sequence[str]) -> list[str]:
    """Turn each name of a document into its id."""
    return [str(find_document(client, name)["id"]) for name in names]


def _by_id(known: Sequence[Body], wanted: str) -> list[Body]:
    digits = wanted.replace("-", "")
    if not SHORT_ID.fullmatch(digits):
        return []
    return [
        each
        for each in known
        if str(each["id"]).replace("-", "").endswith(digits)
        or str(each["id"]).replace("-", "").startswith(digits)
    ]


def _by_title(known: Sequence[Body], wanted: str) -> list[Body]:
    names = [(each, [n.lower() for n in _names(each)]) for each in known]
    exact = [each for each, own in names if wanted in own]
    return exact or [each for each, own in names if any(n.startswith(wanted) for n in own)]


def _names(document: Mapping[str, object]) -> list[str]:
    given = [str(document.get("title") or ""), str(document.get("filename") or "")]
    return [name for name in given if name]


def _titled(document: Mapping[str, object]) -> str:
    from infra.cli.terminal import text_of

    return f"{text_of(document, 'title')} ({text_of(document, 'id')})"


def _print_list(console: Console, found: Sequence[Mapping[str, object]]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    from infra.cli.terminal import local_time, number_of, plural, size, text_of

    table = Table(box=SIMPLE_HEAD, padding=(0, 1), show_edge=False)
    table.add_column("id", no_wrap=True, style="dim")
    table.add_column("document", overflow="fold", ratio=1)
    table.add_column("stage", no_wrap=True)
    table.add_column("size", no_wrap=True, justify="right")
    table.add_column("changed", no_wrap=True, style="dim")
    for each in found:
        place = text_of(each, "folder")
        name = Text(f"{place}/" if place else "", style="dim")
        name.append(text_of(each, "title"), style="not dim")
        if failure := text_of(each, "failure"):
            name.append(f"\n{failure}", style="red")
        stage = text_of(each, "stage")
        table.add_row(
            text_of(each, "id")[-SHOWN_ID:],
            name,
            Text(stage, style=STAGE_STYLES.get(stage, "yellow")),
            size(number_of(each, "size_bytes")),
            local_time(each.get("updated_at")),
        )
    console.print(table)
    console.print(plural(len(found), "document"), style="dim")


def _print_card(console: Console, found: Mapping[str, object]) -> None:
    from rich.table import Table

    from infra.cli.terminal import local_time, number_of, size, text_of

    card = Table.grid(padding=(0, 2))
    card.add_column(style="dim", no_wrap=True)
    card.add_column(overflow="fold")
    metadata = found.get("metadata")
    said = metadata if isinstance(metadata, dict) else {}
    pages, chunks = number_of(found, "page_count"), number_of(found, "chunk_count")
    stage = text_of(found, "stage")
    lines = {
        "id": text_of(found, "id"),
        "folder": text_of(found, "folder") or "/",
        "type": text_of(found, "media_type"),
        "language": text_of(found, "language"),
        "stage": f"{stage}: {text_of(found, 'failure')}" if found.get("failure") else stage,
        "size": size(number_of(found, "size_bytes")),
        "pages": f"{pages:.0f}" if pages else "",
        "passages": f"{chunks:.0f}" if chunks else "",
        "added": local_time(found.get("created_at")),
        "changed": local_time(found.get("updated_at")),
        "came inside": text_of(found, "parent_document_id"),
        **{text_of({"name": name}, "name"): text_of(said, name) for name in said},
    }
    console.print(text_of(found, "title"), style="bold")
    for name, value in lines.items():
        if value:
            card.add_row(name, value)
    for label, words in (*_versions(found), *_inside(found)):
        card.add_row(label, words)
    console.print(card)


def _versions(found: Mapping[str, object]) -> list[tuple[str, str]]:
    from infra.cli.terminal import list_of, local_time, number_of, size, text_of

    rows: list[tuple[str, str]] = []
    for version in list_of(found, "versions"):
        parts = (
            text_of(version, "stage"),
            size(number_of(version, "size_bytes")),
            local_time(version.get("created_at")),
            text_of(version, "filename"),
            text_of(version, "failure"),
        )
        number = number_of(version, "number") or number_of(version, "version")
        rows.append((f"version {number:.0f}", " · ".join(part for part in parts if part)))
    return rows


def _inside(found: Mapping[str, object]) -> list[tuple[str, str]]:
    """Return what came inside a mail or an archive, and what became of each."""
    from infra.cli.terminal import list_of, text_of

    inside = list_of(found, "members")
    rows = [
        ("inside", f"{text_of(member, 'name')} · {text_of(member, 'state')}")
        for member in inside[:MEMBERS]
    ]
    return rows + ([("inside", f"and {len(inside) - MEMBERS} more")] if inside[MEMBERS:] else [])
