"""Options of the injection suite: attacks of one's own beside those it writes itself."""

from __future__ import annotations

from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("injection")
    group.addoption(
        "--attacks",
        type=Path,
        default=None,
        help="Folder with BIPIA's text_attack_train.json, code_attack_train.json and"
        " email_train.jsonl; also runs every agent task.",
    )
