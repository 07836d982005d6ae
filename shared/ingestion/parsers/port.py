"""The port that every parser fulfils."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from shared.ingestion.model import ParsedDocument

Progress = Callable[[int, int], None]


def silent(done: int, total: int) -> None:
    """Take progress and say nothing."""


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

    def parse(
        self, path: Path, *, media_type: str, filename: str, progress: Progress
    ) -> ParsedDocument:
        """Read the file.

        ``progress`` is told (done, total) in pages or parts. Raises InvalidError for a broken,
        empty or protected file, UnsupportedError for one that needs abilities we lack and
        TooLargeError past the limits.
        """
        ...
