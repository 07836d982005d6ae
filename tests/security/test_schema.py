"""What the OpenAPI file says, held against every operation by schemathesis, over real HTTP."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from infra.deploy.openapi import describe
from shared.identity.model import Principal
from shared.wiring import App
from tests.security.api import Api
from tests.security.doorway import doorway
from tests.security.test_input import admin

__all__ = ["admin"]


def test_schema(
    desk: App,
    admin: tuple[Principal, Api],
    request: pytest.FixtureRequest,
    tmp_path: Path,
) -> None:
    _, api = admin
    document = describe()
    (tmp_path / "openapi.json").write_text(json.dumps(document))
    tool = Path(sys.executable).parent / "schemathesis"
    with doorway(document) as (address, functions):
        import os
        done = subprocess.run(
            [tool, f"--config-file={Path(__file__).parent / 'schemathesis.toml'}", "run", tmp_path / "openapi.json", f"--url={address}",
             f"--header=Authorization: Bearer {api.token}", "--no-color",
             *os.environ["ARGS"].split()],
            cwd=tmp_path, capture_output=True, text=True, check=False,
        )
    Path("/tmp/f-out.txt").write_text(done.stdout + done.stderr)
    Path("/tmp/f-fail.txt").write_text("\n\n".join(functions.failures))
    print(done.stdout[-3000:])
    assert done.returncode == 0
