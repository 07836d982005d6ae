"""Filters that `ask` and `search` share, from options into the request's shape."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Annotated

import typer

from shared.kernel.errors import InvalidError

Types = Annotated[
    list[str] | None,
    typer.Option("--type", metavar="TYPE", help="Only this kind: pdf, docx, md, html, txt, csv."),
]
Languages = Annotated[
    list[str] | None, typer.Option("--language", metavar="de|en", help="Only this language.")
]
After = Annotated[
    str, typer.Option("--after", metavar="DATE", help="Only documents added on or after this day.")
]
Before = Annotated[
    str, typer.Option("--before", metavar="DATE", help="Only documents added before this day.")
]
DocumentIds = Annotated[
    list[str] | None,
    typer.Option("--document", metavar="DOCUMENT", help="Only this document: id or title."),
]
Metadata = Annotated[
    list[str] | None,
    typer.Option("--metadata", "-m", metavar="NAME=VALUE", help="Only documents that say so."),
]
Kinds = Annotated[
    list[str] | None,
    typer.Option("--kind", metavar="KIND", help="Only passages from this: document, media, …"),
]
Versions = Annotated[
    list[str] | None,
    typer.Option("--version-id", metavar="ID", help="Only this version, if it is current."),
]

MEDIA_TYPES = {
    "pdf": "application/pdf",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "md": "text/markdown",
    "html": "text/html",
    "txt": "text/plain",
    "csv": "text/csv",
}


def build_filters(
    *,
    folder: str,
    document_ids: Sequence[str],
    types: Sequence[str],
    languages: Sequence[str],
    after: str,
    before: str,
    metadata: dict[str, str],
    collection: str = "",
    tags: Sequence[str] = (),
    version_ids: Sequence[str] = (),
    kinds: Sequence[str] = (),
) -> dict[str, object]:
    """Build the request's ``filters``; what was not asked for is left out.

    Raises InvalidError for a type or date that is none.
    """
    wanted: dict[str, object] = {
        "folder": folder.strip("/"),
        "document_ids": list(document_ids),
        "media_types": [_media_type(name) for name in types],
        "languages": list(languages),
        "created_after": _day(after),
        "created_before": _day(before),
        "metadata": metadata,
        "collection": collection,
        "tags": list(tags),
        "version_ids": list(version_ids),
        "kinds": list(kinds),
    }
    return {name: value for name, value in wanted.items() if value}


def _media_type(name: str) -> str:
    if "/" in name:
        return name
    known = MEDIA_TYPES.get(name.lower().lstrip("."))
    if known is None:
        raise InvalidError(
            f"There is no type {name!r}.", hint=f"Use one of {', '.join(MEDIA_TYPES)}."
        )
    return known


def _day(text: str) -> str:
    """Read a day as its first moment in UTC, the form that the server takes."""
    if not text:
        return ""
    try:
        return f"{date.fromisoformat(text).isoformat()}T00:00:00+00:00"
    except ValueError as error:
        raise InvalidError(f"{text!r} is not a day.", hint="Write 2024-12-31.") from error
