"""Nobody fetches past the guard: whoever opens a connection to the world is on a short list."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.house.tree import ROOT, sources, write

NETWORK = {
    "httpx", "requests", "urllib.request", "urllib3", "http.client", "socket", "aiohttp",
    "websockets", "ftplib", "smtplib", "ssl",
}  # fmt: skip
# Who may, and why.
REASONED = {
    "shared/adapters/egress.py": "the guard itself",
    "shared/adapters/function_urls.py": "our own functions, at addresses of the template",
    "shared/adapters/scanner.py": "clamd, at an address of the operator's",
    "shared/generation/pinning.py": "language models, at the very addresses that were checked",
    "shared/generation/providers.py": "language models, at addresses that were checked",
    "shared/adapters/transport.py": "reads where this machine keeps the authorities it trusts",
    "shared/adapters/mail.py": "the operator's mail server",
    "shared/adapters/mail_smtp.py": "the operator's mail server",
}


def unguarded(root: Path) -> list[str]:
    """Complain of modules that open connections themselves."""
    return [
        f"{source.path}: fetches through {name}; use shared.adapters.egress"
        for source in sources(root, "shared", "functions")
        if str(source.path) not in REASONED
        for name in sorted(_imported(source.tree) & NETWORK)
    ]


def _imported(tree: ast.Module) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def test_everything_that_fetches_uses_the_guard() -> None:
    assert not unguarded(ROOT)


@pytest.mark.parametrize(
    "text",
    ["import httpx\n", "from urllib.request import urlopen\n", "def f():\n    import socket\n"],
)
def test_a_fetch_past_the_guard_is_noticed(tmp_path: Path, text: str) -> None:
    write(tmp_path, "shared/wiki/pages.py", "from urllib.parse import urlsplit\n")
    assert not unguarded(tmp_path)
    write(tmp_path, "shared/wiki/links.py", text)
    assert unguarded(tmp_path)
