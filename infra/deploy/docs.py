"""Writes what is generated into the repository: README's tables and the OpenAPI file.

``python -m infra.deploy.docs`` writes them. A block in README stands between two comments,
``<!-- NAME:begin -->`` and ``<!-- NAME:end -->``; everything between them is replaced.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from infra.deploy import command_table, openapi, settings_table
from shared.kernel.errors import InvalidError

ROOT = openapi.ROOT
README = ROOT / "README.md"
BLOCKS: Mapping[str, Callable[[], str]] = {
    settings_table.NAME: settings_table.table,
    command_table.NAME: command_table.table,
}


def fill(text: str, blocks: Mapping[str, Callable[[], str]] = BLOCKS) -> str:
    """Return a document with every generated block renewed.

    Raises InvalidError when a block's two comments are not there exactly once.
    """
    for name, make in blocks.items():
        begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
        pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
        if len(pattern.findall(text)) != 1:
            raise InvalidError(
                f"The document has no block {name}.",
                hint=f"Put {begin} and {end}, each on a line of its own, where it belongs.",
            )
        block = f"{begin}\n{make()}\n{end}"
        text = pattern.sub(lambda _, block=block: block, text)  # type: ignore[misc]
    return text


def write() -> list[Path]:
    """Renew every generated file; returns those that changed."""
    changed = []
    for path, text in (
        (README, fill(README.read_text("utf-8"))),
        (openapi.FILE, openapi.text()),
    ):
        if not path.exists() or path.read_text("utf-8") != text:
            path.write_text(text, "utf-8")
            changed.append(path)
    return changed


if __name__ == "__main__":
    for path in write():
        print(f"written: {path.relative_to(ROOT)}")  # noqa: T201 - a command's output
