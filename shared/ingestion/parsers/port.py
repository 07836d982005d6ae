"""The port that every parser fulfils."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from shared.ingestion.model import ParsedDocument

Progress = Callable[[int, int], None]


def silent(done: int, total: int) -> None:
    """Take progress and say nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOptions:
    """How a file is to be read; kept with the version, since it shapes the result.

    ``ocr_languages`` are Tesseract's names, the likeliest first; empty reads no pictures.
    """

    ocr_languages: tuple[str, ...] = ("deu", "eng")


def options_to_json(options: ReadOptions) -> dict[str, object]:
    """Write options as a JSON object."""
    return {"ocr_languages": list(options.ocr_languages)}


def options_from_json(stored: Mapping[str, object]) -> ReadOptions:
    """Read options back; what an older release did not know keeps its default."""
    languages = stored.get("ocr_languages")
    if not isinstance(languages, list):
        return ReadOptions()
    return ReadOptions(ocr_languages=tuple(str(each) for each in languages))


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A file to read and where to leave what is taken out of it.

    ``files`` is an empty folder for pictures and attachments, which the result names by their
    file names there. ``progress`` is told (done, total) in pages or parts.
    """

    path: Path
    media_type: str
    filename: str
    files: Path
    options: ReadOptions = ReadOptions()
    progress: Progress = silent


class Parser(Protocol):
    """Turns a file of known type into a ParsedDocument.

    ``version`` changes whenever the same bytes may give another result.
    """

    name: str
    version: str
    media_types: frozenset[str]

    def available(self) -> tuple[bool, str]:
        """Tell whether the parser's dependencies are installed, and if not, what to install."""
        ...

    def parse(self, source: Source) -> ParsedDocument:
        """Read the file.

        Raises InvalidError for a broken, empty or protected file, UnsupportedError for one that
        needs abilities we lack and TooLargeError past the limits.
        """
        ...
