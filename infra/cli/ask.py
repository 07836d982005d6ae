"""`kontor ask`: a question, its answer as it is found, and the numbered sources it stands on."""

from __future__ import annotations

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

MAX_WIDTH = 100  # longer lines are hard to read
LEADS = {"related": "No sentence answers this; these passages are about it.", "unknown": ""}


def ask(
    question: Annotated[list[str], typer.Argument(metavar="QUESTION…", help="In your own words.")],
    *,
    conversation: Annotated[
        str,
        typer.Option("--conversation", "-c", metavar="ID", help="Go on with this conversation."),
    ] = "",
    go_on: Annotated[
        bool, typer.Option("--continue", "-C", help="Go on with the conversation used last.")
    ] = False,
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
    """Ask a question in German or English; the answer names its sources.

    Every [n] in the answer stands for the numbered quotation below it.
    """
    from infra.cli.client import Body, KontorClient
    from infra.cli.conversations import newest_conversation
    from infra.cli.documents import resolve_ids
    from infra.cli.filters import build_filters
    from infra.cli.put import read_pairs
    from infra.cli.shelves import collection_id
    from infra.cli.target import resolve

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
        body: Body = {"question": " ".join(question).strip()}
        if go_on and not conversation:
            conversation = newest_conversation(client)
        if conversation:
            body["conversation_id"] = conversation
        if filters:
            body["filters"] = filters
        _answer(client, body, as_json=as_json)


def _answer(client: object, body: dict[str, object], *, as_json: bool) -> None:
    from infra.cli.answers import Answer, stream_answer
    from infra.cli.client import KontorClient
    from infra.cli.terminal import clean, open_console, print_json

    assert isinstance(client, KontorClient)
    console = open_console()
    writer = Writer(console)
    answer = Answer()
    is_told = False
    for answer, piece in stream_answer(client, body):
        if not as_json:
            if answer.condensed and not is_told and console.is_terminal:
                console.print(f"Understood as: {clean(answer.condensed)}", style="dim")
            is_told = True
            writer.write(piece)
    if as_json:
        print_json(answer.as_json())
        return
    writer.end()
    print_sources(console, answer.citations)
    if console.is_terminal and answer.conversation_id:
        console.print("\nGo on: kontor ask -C …", style="dim")


class Writer:
    """Writes a stream of text word by word, broken at the terminal's width, cleaned."""

    def __init__(self, console: Console) -> None:
        self._file = console.file
        self._width = min(console.width, MAX_WIDTH) if console.is_terminal else 0
        self._column = 0
        self._word = ""
        self._gap = ""

    def write(self, piece: str) -> None:
        """Take a piece; a word is written when its end is known."""
        from infra.cli.terminal import clean_lines

        for character in clean_lines(piece):
            if character not in " \n\t":
                self._word += character
                continue
            self._flush()
            if character == "\n":
                self._break()
            elif self._column:
                # Written with the next word: at the very edge it would make an empty line.
                self._gap = " "
        self._file.flush()

    def end(self) -> None:
        """Write what is left and end the line."""
        self._flush()
        if self._column:
            self._break()
        self._file.flush()

    def _flush(self) -> None:
        from rich.cells import cell_len

        if not self._word:
            return
        wide = cell_len(self._gap + self._word)
        if self._width and self._column and self._column + wide > self._width:
            self._break()
            wide = cell_len(self._word)
        self._file.write(self._gap + self._word)
        self._column += wide
        self._word = self._gap = ""

    def _break(self) -> None:
        self._file.write("\n")
        self._column = 0
        self._gap = ""


def print_sources(console: Console, citations: Sequence[Mapping[str, object]]) -> None:
    """Print the numbered sources: document, place in it, and the quoted words."""
    from rich.table import Table
    from rich.text import Text

    from infra.cli.terminal import number_of

    if not citations:
        return
    console.print()
    ordered = sorted(citations, key=lambda c: number_of(c, "number"))
    if not console.is_terminal:  # a table would pad every line to the width of the longest
        for citation in ordered:
            place = f"[{number_of(citation, 'number'):.0f}] {place_of(citation)}"
            lines = [place, f"    “{_one_line(citation, 'quote')}”"]
            lines += [f"    {cell}" for cell in cells_of(citation)]
            print("\n".join(lines), file=console.file)
        return
    sources = Table.grid(padding=(0, 1))
    sources.add_column(no_wrap=True, style="bold cyan")
    sources.add_column()
    for citation in ordered:
        cell = Text(place_of(citation), style="bold")
        cell.append(f"\n“{_one_line(citation, 'quote')}”", style="not bold")
        for named in cells_of(citation):
            cell.append(f"\n{named}", style="not bold dim")
        sources.add_row(f"[{number_of(citation, 'number'):.0f}]", cell)
    console.print(sources, width=min(console.width, MAX_WIDTH))


def place_of(found: Mapping[str, object]) -> str:
    """Say where something stands: title, headings, page."""
    from infra.cli.terminal import clean, number_of, text_of

    heading = found.get("heading_path")
    parts = [text_of(found, "title") or "Untitled"]
    if isinstance(heading, list):
        parts += [clean(str(part)) for part in heading if str(part).strip()]
    elif heading:
        parts.append(text_of(found, "heading_path"))
    # A document's title is often its first heading as well: say it once.
    kept = [part for at, part in enumerate(parts) if at == 0 or part != parts[at - 1]]
    page = number_of(found, "page")
    return " › ".join(kept) + (f", p. {page:.0f}" if page else "")


def _one_line(body: Mapping[str, object], name: str) -> str:
    from infra.cli.terminal import text_of

    return " ".join(text_of(body, name).split())


def cells_of(found: Mapping[str, object]) -> list[str]:
    """Name the cells of a table that were asked for: "Birne, 2021: 2,25"."""
    from infra.cli.terminal import list_of, text_of

    named: list[str] = []
    for cell in list_of(found, "cells"):
        headers = [text_of(cell, name) for name in ("row_header", "column_header")]
        if cell.get("is_asked") and any(headers):
            named.append(f"{', '.join(filter(None, headers))}: {text_of(cell, 'text')}")
    return named
