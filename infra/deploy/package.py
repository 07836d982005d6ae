"""Packages the service for AWS with osls, lints the template and pins it as the golden one.

Node is needed here and only here. The golden template lets every checkout prove, without Node,
that local routing equals what would be deployed; the hash beside it notices when it is stale.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from infra.deploy.layers import build_layers, check_sizes
from infra.local.model import load_service
from shared.kernel.errors import InvalidError, UnavailableError

ROOT = Path(__file__).parents[2]
PACKAGED = ROOT / "infra" / "deploy" / "packaged"
GOLDEN = PACKAGED / "template.json"
SOURCES_HASH = PACKAGED / "sources.sha256"
STAGE = "golden"
_TEMPLATE = ROOT / ".serverless" / "cloudformation-template-update-stack.json"
_SOURCES = (
    "serverless.yml",
    "functions/*/function.yml",
    "layers/*/layer.yml",
    "infra/resources/*.yml",
    "infra/workflows/*.json",
)
_VOLATILE = re.compile(r"\b\d{13}-\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Packaged:
    """What came out: unpacked bytes per layer and per function, and the template's resources."""

    layers: dict[str, int]
    functions: dict[str, int]
    resource_count: int
    warnings: int


def sources_hash(root: Path = ROOT) -> str:
    """Hash every file the template is made from, names included."""
    digest = hashlib.sha256()
    for pattern in _SOURCES:
        for path in sorted(root.glob(pattern)):
            digest.update(f"{path.relative_to(root)}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def package(progress: Progress) -> Packaged:
    """Build layers, run osls, lint, and write the golden template with its hash.

    Raises UnavailableError without Node or a package index, InvalidError when cfn-lint finds an
    error, TooLargeError when a function exceeds Lambda's 250 MiB.
    """
    if shutil.which("npx") is None:
        raise UnavailableError("Node is not installed.", hint="Install Node 20 or newer.")
    layers = build_layers(progress)
    model = load_service(ROOT, STAGE)
    used = ((function.key, function.layers) for function in model.functions)
    functions = check_sizes(used, layers)
    progress("osls package")
    _run_osls()
    progress("cfn-lint")
    warnings = _lint()
    text = _VOLATILE.sub("0000000000000-1970-01-01T00:00:00.000Z", _TEMPLATE.read_text("utf-8"))
    template = json.loads(text)
    PACKAGED.mkdir(exist_ok=True)
    GOLDEN.write_text(json.dumps(template, indent=1, sort_keys=True) + "\n", "utf-8")
    SOURCES_HASH.write_text(sources_hash() + "\n", "utf-8")
    return Packaged(layers, functions, len(template["Resources"]), warnings)


def _run_osls() -> None:
    """Run osls offline: it asks CloudFormation about layers, and an emulator answers."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    environment = {
        "PATH": f"{ROOT / 'node_modules' / '.bin'}:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(Path.home()),
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "SLS_NOTIFICATIONS_MODE": "off",
        "SLS_TELEMETRY_DISABLED": "1",
    }
    try:
        result = subprocess.run(  # noqa: S603
            ["npx", "osls", "package", "--stage", STAGE],  # noqa: S607
            cwd=ROOT,
            env=environment,
            check=False,
            capture_output=True,
            text=True,
        )
    finally:
        server.stop()
    if result.returncode:
        raise InvalidError(f"osls could not package:\n{result.stdout}{result.stderr}")


def _lint() -> int:
    """Run cfn-lint; returns how many warnings it has, raises InvalidError for any error."""
    result = subprocess.run(  # noqa: S603
        [str(Path(sys.executable).parent / "cfn-lint"), "--format", "json", "-t", str(_TEMPLATE)],
        check=False,
        capture_output=True,
        text=True,
    )
    found = json.loads(result.stdout or "[]")
    errors = [f"{f['Rule']['Id']} {f['Message']}" for f in found if f["Level"] == "Error"]
    if errors or (result.returncode and not found):
        raise InvalidError("cfn-lint found errors:\n" + "\n".join(errors) + result.stderr)
    return len(found)
