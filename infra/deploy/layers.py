"""Builds the Lambda layers: locked wheels for the deployed Python, nothing twice, sizes counted.

Lambda unpacks a function and its layers into at most 250 MiB. What the core layer carries is
left out of the others, and parts no handler loads are cut away.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from infra.deploy.model import ensure_model
from shared.kernel.errors import TooLargeError, UnavailableError

ROOT = Path(__file__).parents[2]
TARGET = ROOT / "build" / "layers"
PYTHON = "3.13"
LIMIT_BYTES = 250 * 1024 * 1024
PIP_OPTIONS = (
    "--quiet",
    "--disable-pip-version-check",
    "--no-compile",
    "--only-binary=:all:",
    "--implementation=cp",
    f"--python-version={PYTHON}",
    "--platform=manylinux_2_28_x86_64",
    "--platform=manylinux2014_x86_64",
    "--platform=manylinux_2_27_x86_64",
    "--require-hashes",
)
# Measured: documents convert without them (scipy serves only OCR and form fields).
UNUSED = (
    "scipy",
    "scipy.libs",
    "numpy/tests",
    "numpy/*/tests",
    "numpy/f2py",
    "numpy/testing",
    "pandas/tests",
    "onnxruntime/transformers",
    "onnxruntime/tools",
    "onnxruntime/quantization",
    "onnxruntime/capi/libonnxruntime.so*",  # the C interface; Python's module holds its own
    "aws_lambda_powertools/event_handler/openapi/swagger_ui/*.js",
    "grpc",  # OpenSearch is spoken to over HTTP
    "hf_xet",  # nothing is downloaded
    "litellm/proxy/_experimental/out",  # the web pages of a server that is not run here
    "litellm/proxy/swagger",
    "boto3",
    "botocore",
    "bin",
    "**/__pycache__",
)
# Layers that lie in the checkout as they are.
STATIC = ("stream", "ocr")
# Layers whose functions count tokens without embedding.
COUNTING = ("parsing", "pages", "legacy")
Progress = Callable[[str], None]


def build_layers(progress: Progress) -> dict[str, int]:
    """Build every layer below ``build/layers``; returns unpacked sizes in bytes by name."""
    shutil.rmtree(TARGET, ignore_errors=True)
    core = _install("core", progress, without=frozenset())
    names = sorted(path.parent.name for path in (ROOT / "layers").glob("*/requirements.txt"))
    for name in names:
        if name != "core":
            _install(name, progress, without=core)
    _place_model(progress)
    built = {path.name: _size(path) for path in sorted(TARGET.iterdir())}
    for name in STATIC:
        built[name] = _size(ROOT / "layers" / name)
    return built


def check_sizes(
    functions: Iterable[tuple[str, tuple[str, ...]]], layers: dict[str, int]
) -> dict[str, int]:
    """Add up what each function unpacks; raises TooLargeError naming the first above 250 MiB."""
    own = _size(ROOT / "functions") + _size(ROOT / "shared")
    total = {name: own + sum(layers[layer] for layer in used) for name, used in functions}
    for name, size in total.items():
        if size > LIMIT_BYTES:
            raise TooLargeError(
                f"Function {name} unpacks to {size / 2**20:.0f} MiB; Lambda allows 250.",
                hint="Move a dependency out of its layers.",
            )
    return total


def _install(name: str, progress: Progress, *, without: frozenset[str]) -> frozenset[str]:
    """Install one layer's lock; returns the distributions it carries, by folder name."""
    progress(f"layer {name}")
    target = TARGET / name / "python"
    requirements = ROOT / "layers" / name / "requirements.txt"
    command = [sys.executable, "-m", "pip", "install", *PIP_OPTIONS]
    result = subprocess.run(  # noqa: S603
        [*command, f"--target={target}", "-r", str(requirements)],
        check=False,
        capture_output=True,
        text=True,
    )
    if result.returncode:
        raise UnavailableError(
            f"Layer {name} could not be installed: {result.stderr.strip().splitlines()[-1]}",
            hint="A package index is needed for packaging.",
        )
    found = frozenset(path.name for path in target.glob("*.dist-info"))
    for distribution in found & without:
        _uninstall(target, distribution)
    for pattern in UNUSED:
        for path in list(target.glob(pattern)):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink()
    return found


def _uninstall(target: Path, distribution: str) -> None:
    """Remove a distribution's files by its own record, then the folders left empty."""
    record = target / distribution / "RECORD"
    paths = [target / line.split(",")[0] for line in record.read_text("utf-8").splitlines()]
    for path in paths:
        path.unlink(missing_ok=True)
    for folder in sorted({path.parent for path in paths}, key=lambda f: -len(f.parts)):
        if folder.is_dir() and folder != target and not any(folder.iterdir()):
            folder.rmdir()


def _place_model(progress: Progress) -> None:
    """Put the model into its layer, and its tokenizer alone beside the parsers, which count."""
    progress("layer model")
    built = ensure_model(TARGET / "model" / "models")
    relative = built.relative_to(TARGET / "model")
    for layer in COUNTING:
        beside = TARGET / layer / relative
        beside.mkdir(parents=True)
        for path in built.iterdir():
            if path.suffix == ".json":
                shutil.copy2(path, beside / path.name)


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
