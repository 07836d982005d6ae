"""Functions: folder, serverless line, function.yml, routes and import weight belong together."""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
import yaml
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from infra.local.serverless import load_service
from tests.house.tree import ROOT, folders, write

EDGE = "edge"  # the storey's own floor, not a function
BANNED = ("torch", "docling", "litellm", "moto", "sentence_transformers", "opensearchpy")
PROBE = """
import importlib, json, sys
banned, found = json.loads(sys.argv[1]), {}
for module in json.loads(sys.argv[2]):
    importlib.import_module(module)
    heavy = [name for name in banned if name in sys.modules]
    if heavy:
        found[module] = heavy
        break
print(json.dumps(found))
"""


def mismatches(root: Path) -> list[str]:
    """Complain where a folder, its line in serverless.yml and its function.yml differ."""
    text = (root / "serverless.yml").read_text("utf-8")
    block = re.search(r"^functions:\n((?:[ #].*\n|\n)*)", text, re.MULTILINE)
    lines = dict(re.findall(r"^  (\w+): (.+)$", block[1] if block else "", re.MULTILINE))
    names = {folder.name for folder in folders(root, "functions")} - {EDGE}
    complaints = [
        f"functions/{name}: add its line to serverless.yml" for name in sorted(names - set(lines))
    ]
    complaints += [f"serverless.yml: {name} has no folder" for name in sorted(set(lines) - names)]
    for name in sorted(names & set(lines)):
        if lines[name] != f"${{file(functions/{name}/function.yml)}}":
            complaints.append(f"serverless.yml: {name} must be its function.yml and nothing else")
        complaints += _folder(root, name)
    return complaints


def _folder(root: Path, name: str) -> list[str]:
    folder = root / "functions" / name
    complaints = [
        f"functions/{name}: {part} is missing"
        for part in ("__init__.py", "handler.py", "function.yml")
        if not (folder / part).is_file()
    ]
    path = folder / "function.yml"
    handler = re.search(
        r"^handler: (\S+)$", path.read_text("utf-8") if path.is_file() else "", re.M
    )
    if handler is None or handler[1] != f"functions.{name}.handler.handler":
        complaints.append(f"functions/{name}/function.yml: handler is not functions.{name}.handler")
    return complaints


def without_limits(root: Path) -> list[str]:
    """Complain of functions that leave time, memory, concurrency or rights to a default."""

    class Loader(yaml.CSafeLoader):
        pass

    Loader.add_multi_constructor("!", lambda *_: None)
    complaints = []
    for path in sorted((root / "functions").glob("*/function.yml")):
        spec = yaml.load(path.read_text("utf-8"), Loader)
        complaints += [
            f"{path.relative_to(root)}: say {key}"
            for key in ("timeout", "memorySize", "reservedConcurrency", "iamRoleStatements")
            if key not in spec
        ]
    return complaints


def heavy_imports(modules: Iterable[str], root: Path = ROOT) -> dict[str, list[str]]:
    """Import modules one after another in a fresh process; the first heavy one is named."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE, json.dumps(BANNED), json.dumps(list(modules))],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, list[str]] = json.loads(done.stdout.splitlines()[-1])
    return found


def unmatched_routes(served: set[str], answered: set[str]) -> list[str]:
    """Complain of routes that are served but not answered, or answered but not served."""
    return [f"{key} is in function.yml but no router answers it" for key in served - answered] + [
        f"{key} is answered but no function.yml serves it" for key in answered - served
    ]


def _handlers() -> list[str]:
    return [
        f"functions.{folder.name}.handler"
        for folder in folders(ROOT, "functions")
        if folder.name != EDGE
    ]


def _answered(function: str) -> set[str]:
    """List what a function's router answers, routers inside it included."""
    application = FastAPI(openapi_url=None)
    application.include_router(importlib.import_module(f"functions.{function}.routes").router)
    described = get_openapi(title="routes", version="1", routes=application.routes)
    return {
        f"{method.upper()} {path}"
        for path, operations in described["paths"].items()
        for method in operations
    }


def test_folders_lines_and_files_match() -> None:
    assert not mismatches(ROOT)


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("functions/tasks/__init__.py", "", "add its line"),
        ("serverless.yml", "functions:\n  wiki: {handler: x}\n", "nothing else"),
        ("serverless.yml", "functions:\n  tasks: x\n", "tasks has no folder"),
        ("functions/wiki/function.yml", "handler: functions.other.handler.handler\n", "handler is"),
        ("functions/wiki/function.yml", "timeout: 3\n", "handler is not"),
        ("functions/wiki/handler.py", None, "handler.py is missing"),
        ("functions/wiki/function.yml", None, "function.yml is missing"),
    ],
)
def test_mismatch_is_refused(tmp_path: Path, name: str, text: str | None, complaint: str) -> None:
    line = "functions:\n  wiki: ${file(functions/wiki/function.yml)}\n\nresources: []\n"
    write(tmp_path, "serverless.yml", line)
    write(tmp_path, "functions/wiki/__init__.py")
    write(tmp_path, "functions/wiki/handler.py")
    write(tmp_path, "functions/wiki/function.yml", "handler: functions.wiki.handler.handler\n")
    assert not mismatches(tmp_path)
    if text is None:
        (tmp_path / name).unlink()
    else:
        write(tmp_path, name, text)
    assert any(complaint in found for found in mismatches(tmp_path))


def test_every_function_says_its_limits_and_rights() -> None:
    assert not without_limits(ROOT)


def test_function_without_limits_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "functions/wiki/function.yml", "handler: x\ntimeout: 3\nlayers: [!Ref A]\n")
    assert len(without_limits(tmp_path)) == 3


def test_handlers_import_nothing_heavy() -> None:
    assert not heavy_imports(_handlers())


def test_heavy_import_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "light.py")
    write(tmp_path, "litellm.py")
    write(tmp_path, "heavy.py", "import litellm\n")
    write(tmp_path, "later.py", "def f():\n    import litellm\n")
    assert heavy_imports(["light", "later"], tmp_path) == {}
    assert heavy_imports(["light", "heavy"], tmp_path) == {"heavy": ["litellm"]}


def test_routers_answer_exactly_what_is_served() -> None:
    model = load_service(ROOT)
    served: dict[str, set[str]] = {}
    for route in model.http_routes:
        served.setdefault(model.function(route.function).key, set()).add(route.key)
    for function, keys in served.items():
        assert not unmatched_routes(keys, _answered(function)), function
    with_routes = {path.parent.name for path in (ROOT / "functions").glob("*/routes.py")}
    urls = {model.function(url.function).key for url in model.urls}
    assert with_routes - urls == set(served) - urls


def test_unmatched_route_is_refused() -> None:
    assert not unmatched_routes({"GET /a"}, {"GET /a"})
    assert len(unmatched_routes({"GET /a", "GET /b"}, {"GET /a", "POST /b"})) == 2


def test_only_login_and_public_facts_need_no_token() -> None:
    public = {route.key for route in load_service(ROOT).http_routes if route.authorizer is None}
    assert public == {
        "POST /auth/login",
        "GET /s/{token}",
        "GET /s/{token}/documents/{document_id}",
        "GET /s/{token}/documents/{document_id}/download",
        "POST /s/{token}",
        "POST /s/{token}/enter",
        "POST /auth/refresh",
        # Whoever comes here shows a challenge, a link's token, or nothing but a wish.
        "POST /auth/login/second-factor",
        "POST /auth/login/enrol",
        "POST /auth/password/forgot",
        "POST /auth/password/reset",
        "POST /auth/verify",
        "POST /auth/verify/resend",
        "POST /auth/email/confirm",
        "POST /auth/register",
        "POST /auth/invitations/accept",
        # The pages behind these links, and their forms.
        "GET /auth/verify",
        "GET /auth/email/confirm",
        "GET /auth/password/reset",
        "GET /auth/invitations/accept",
        "POST /auth/forms/{purpose}",
        "POST /auth/forms/{purpose}/again",
        # Its messages are signed by whoever sends them.
        "POST /hooks/{source_id}",
        "GET /.well-known/jwks.json",
        "GET /auth/oidc/providers",
        "GET /auth/oidc/{provider_id}/start",
        "GET /auth/oidc/callback",
        # It takes a ticket that somebody who is signed in was given.
        "GET /auth/identities/start",
        "POST /auth/oidc/token",
        # The provider signs what it tells.
        "POST /auth/oidc/{provider_id}/backchannel-logout",
        "GET /health",
        "GET /api/v1/endpoints",
        # Their function verifies tokens itself: errors must have OpenAI's shape.
        "GET /v1/models",
        "GET /v1/models/{model}",
        "POST /v1/chat/completions",
        "POST /v1/embeddings",
    }
