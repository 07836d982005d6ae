"""`kontor read`: what Kontor makes of a file, on this machine, without a server."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.ingestion.model import ParsedDocument


class Form(StrEnum):
    """The forms in which a document can be shown."""

    markdown = "markdown"
    text = "text"
    json = "json"
    chunks = "chunks"


def read(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to read.")],
    *,
    form: Annotated[
        Form,
        typer.Option(
            "--as", help="Structure, canonical text, everything, or the pieces that are embedded."
        ),
    ] = Form.markdown,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="Write there instead of printing."),
    ] = None,
    files: Annotated[
        Path | None,
        typer.Option(
            "--files", metavar="FOLDER", help="Leave pictures and attachments in this folder."
        ),
    ] = None,
) -> None:
    """Read one file as the pipeline would, and show what came of it.

    It is checked and parsed in a process of its own with the same limits; nothing is stored and no
    server is asked. The exit code says why a file cannot be read: 65 it is at fault, 66 it is not
    there, 75 something here is missing.
    """
    import tempfile

    from infra.cli.terminal import clean
    from shared.kernel.errors import NotFoundError

    if not file.is_file():
        raise NotFoundError(
            f"There is no file {clean(str(file))}.", hint="Check its name and folder."
        )
    with tempfile.TemporaryDirectory(prefix="kontor-") as folder:
        kept = files or Path(folder)
        kept.mkdir(parents=True, exist_ok=True)
        document = _parsed(file, kept)
    for warning in document.warnings:
        typer.echo(f"warning: {clean(warning)}", err=True)
    written = _FORMS[form](document)
    if out is None:
        typer.echo(written, nl=not written.endswith("\n"))
    else:
        out.write_text(written, encoding="utf-8")


def _parsed(file: Path, files: Path) -> ParsedDocument:
    from shared.files.detection import detect
    from shared.ingestion.isolation import parse_isolated, stop_readers
    from shared.ingestion.parsers.port import Source
    from shared.kernel.settings import settings

    limits = settings()
    source = Source(
        path=file,
        media_type=detect(file, filename=file.name),
        filename=file.name,
        files=files,
        progress=_say,
    )
    try:
        return parse_isolated(
            source, memory_mb=limits.parse_memory_mb, timeout_s=limits.parse_timeout_s
        )
    finally:
        stop_readers()


def _say(done: int, total: int) -> None:
    """Show on a terminal how far a long document is; a pipe gets the result only."""
    import sys

    if sys.stderr.isatty() and total > 1:
        end = "\n" if done == total else ""
        sys.stderr.write(f"\rreading {done} of {total}{end}")
        sys.stderr.flush()


def _as_markdown(document: ParsedDocument) -> str:
    from shared.ingestion.export import document_to_markdown

    return document_to_markdown(document)


def _as_text(document: ParsedDocument) -> str:
    return document.text


def _as_json(document: ParsedDocument) -> str:
    from shared.ingestion.serialization import document_to_json

    return document_to_json(document)


def _as_chunks(document: ParsedDocument) -> str:
    from infra.cli.local_server import MODEL_FOLDER
    from infra.cli.target import default_data
    from infra.deploy.model import ensure_model
    from shared.inference.registry import open_tokenizer
    from shared.ingestion.chunking import chunk
    from shared.ingestion.serialization import chunks_to_json
    from shared.kernel.settings import settings

    wanted = settings()
    model_dir = Path(wanted.model_dir) if wanted.model_dir else default_data() / MODEL_FOLDER
    ensure_model(model_dir, progress=lambda sentence: typer.echo(sentence, err=True))
    tokenizer = open_tokenizer(model_dir, wanted.embedding_model)
    return chunks_to_json(
        chunk(document, count_tokens=tokenizer.count_tokens, max_tokens=wanted.chunk_tokens)
    )


_FORMS: dict[Form, Callable[[ParsedDocument], str]] = {
    Form.markdown: _as_markdown,
    Form.text: _as_text,
    Form.json: _as_json,
    Form.chunks: _as_chunks,
}
