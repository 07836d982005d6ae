"""Generated files: README's tables and the OpenAPI file are what the code says now."""

from __future__ import annotations

import json
import re
import tomllib

import pytest

from infra.deploy import command_table, docs, openapi, settings_table
from infra.local.serverless import load_service
from shared.kernel.errors import InvalidError
from shared.kernel.settings import Settings
from shared.kernel.version import VERSION
from tests.describing import described
from tests.house.tree import ROOT

REFRESH = "run `make docs` and commit what it writes"


def readme() -> str:
    assert docs.README.is_file(), "README.md is missing"
    return docs.README.read_text("utf-8")


@pytest.mark.parametrize("name", [settings_table.NAME, command_table.NAME])
def test_readme_has_the_table_of_today(name: str) -> None:
    text = readme()
    assert docs.fill(text, {name: docs.BLOCKS[name]}) == text, REFRESH


def test_openapi_file_describes_the_api_of_today() -> None:
    assert openapi.FILE.is_file(), f"{openapi.FILE} is missing: {REFRESH}"
    committed = json.loads(openapi.FILE.read_text("utf-8"))
    assert committed == described(), REFRESH


def test_settings_table_names_every_setting_once() -> None:
    names = re.findall(r"^\| `([A-Z0-9_]+)`", settings_table.table(), re.MULTILINE)
    assert names == [name.upper() for name in Settings.model_fields]


def test_every_setting_says_what_it_does() -> None:
    for name, field in Settings.model_fields.items():
        assert (field.description or "").endswith("."), f"{name}: write a sentence"


def test_command_table_names_every_command() -> None:
    table = command_table.table()
    for command in ("put PATH…", "ask QUESTION…", "doctor", "tenant add SLUG"):
        assert f"| `kontor {command}` | " in table
    assert not re.search(r"\| +\|$", table, re.MULTILINE), "a command has no help"


def test_openapi_says_which_routes_need_a_token() -> None:
    document = described()
    for route in load_service(ROOT).http_routes:
        method, _, path = route.key.partition(" ")
        operation = document["paths"][path][method.lower()]
        verifies_itself = path.startswith("/v1/")  # OpenAI's paths, behind no authorizer
        assert bool(operation["security"]) is bool(route.authorizer or verifies_itself), route.key
        problem = operation["responses"]["422"]
        assert "ValidationError" not in str(problem), "problems are ours, never FastAPI's"


def test_other_text_in_a_block_is_noticed() -> None:
    text = "# Title\n<!-- settings:begin -->\nold\n<!-- settings:end -->\nafter\n"
    filled = docs.fill(text, {"settings": lambda: "new \\1"})
    assert filled == text.replace("old", "new \\1")
    assert docs.fill(filled, {"settings": lambda: "new \\1"}) == filled


@pytest.mark.parametrize("text", ["", "<!-- settings:begin -->", "<!-- settings:end -->"])
def test_missing_block_is_refused(text: str) -> None:
    with pytest.raises(InvalidError) as refused:
        docs.fill(text, {"settings": lambda: ""})
    assert "<!-- settings:begin -->" in refused.value.hint


def test_version_is_the_packages_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["version"] == VERSION
