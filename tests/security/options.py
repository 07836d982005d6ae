"""Options of the security suites: corpora of one's own beside those they write themselves."""

from __future__ import annotations

from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("security")
    group.addoption(
        "--hostile-text",
        type=Path,
        default=None,
        help="Folder of .json files, each a list of texts; all are sent to every text field of the"
        " API, and a thousand random requests become ten thousand.",
    )
