"""The option of suites that take others' JOSE test vectors."""

from __future__ import annotations

from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("security").addoption(
        "--jose",
        type=Path,
        default=None,
        help="Folder with Wycheproof's json_web_key_test.json.",
    )
