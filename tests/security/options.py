"""Options of the security suites: corpora of one's own, and how long the adversary tries."""

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
        " API.",
    )
    group.addoption(
        "--hostile-count",
        type=int,
        default=0,
        help="How many texts of that folder are taken, at random; 0 takes all.",
    )
    group.addoption("--hostile-seed", type=int, default=7, help="Which texts are taken at random.")
    group.addoption(
        "--operations",
        type=int,
        default=2000,
        help="How many requests the adversary sends; `make security` takes 10,000.",
    )
    group.addoption(
        "--jose",
        type=Path,
        default=None,
        help="Folder with Wycheproof's json_web_key_test.json; each of its tokens is tried.",
    )
    group.addoption(
        "--schema-examples",
        type=int,
        default=0,
        help="How many requests schemathesis makes up for each operation and phase; 0 is one each,"
        " and no phases but making up.",
    )
