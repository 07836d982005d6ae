"""JSON and JSON lines: records, tables and nested fields."""

from __future__ import annotations

import json
from pathlib import Path

from shared.files.decoding import read_text
from shared.ingestion.drafting import Draft
from shared.ingestion.model import ParsedDocument
from shared.ingestion.parsers.port import Source
from shared.ingestion.parsers.structured import Data, write_data
from shared.kernel.errors import InvalidError


class JsonParser:
    """Reads JSON, GeoJSON and JSON lines; a notebook by its cells."""

    name = "json"
    version = "1"
    media_types = frozenset({"application/json"})

    def available(self) -> tuple[bool, str]:
        """Always: the standard library does it."""
        return True, ""

    def parse(self, source: Source) -> ParsedDocument:
        """Read the file; raises InvalidError with the place where it is broken."""
        text, encoding = read_text(source.path, filename=source.filename)
        data = _loaded(text.lstrip("\ufeff"), source.filename)
        draft = Draft()
        write_data(data, draft)
        source.progress(1, 1)
        title = data.get("title") if isinstance(data, dict) else None
        return draft.finish(
            title=title if isinstance(title, str) else Path(source.filename).stem,
            filename=source.filename,
            parser=self.name,
            parser_version=self.version,
            metadata={"encoding": encoding},
        )


def _loaded(text: str, filename: str) -> Data:
    """Return the data of one JSON value, or the list of one value per line."""
    try:
        whole: Data = json.loads(text, parse_constant=_no_number)
    except ValueError as error:
        lines = [line for line in text.splitlines() if line.strip()]
        records = _lines(lines) if len(lines) > 1 else None
        if records is None:
            raise InvalidError(
                f"“{filename}” is not valid JSON: {_place(error)}.", hint="Correct it there."
            ) from error
        return records
    return whole


def _lines(lines: list[str]) -> list[Data] | None:
    records: list[Data] = []
    for line in lines:
        try:
            records.append(json.loads(line, parse_constant=_no_number))
        except ValueError:
            return None
    return records


def _no_number(word: str) -> str:
    return word


def _place(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg.lower()} at line {error.lineno}, column {error.colno}"
    return "a number in it is too long"
