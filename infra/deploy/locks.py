"""Pins every dependency with hashes and without addresses, so any index or mirror can serve it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
LOCKS = ROOT / "infra" / "locks"
OPTIONS = (
    "--universal",
    "--python-version=3.11",
    "--generate-hashes",
    "--no-header",
    "--no-annotate",
    "--quiet",
)

PEERS = ROOT / "infra" / "bench" / "peers" / "requirements.in"
# PyTorch is installed before the peers, from a pin without hash: its builds for processors and for
# graphics cards share a version. What only the latter needs is left out.
NOT_FOR_PEERS = (
    "torch",
    "cuda-bindings",
    "cuda-pathfinder",
    "cuda-toolkit",
    "nvidia-cublas",
    "nvidia-cuda-cupti",
    "nvidia-cuda-nvrtc",
    "nvidia-cuda-runtime",
    "nvidia-cudnn-cu13",
    "nvidia-cufft",
    "nvidia-cufile",
    "nvidia-curand",
    "nvidia-cusolver",
    "nvidia-cusparse",
    "nvidia-cusparselt-cu13",
    "nvidia-nccl-cu13",
    "nvidia-nvjitlink",
    "nvidia-nvshmem-cu13",
    "nvidia-nvtx",
    "triton",
)


def compile_locks() -> None:
    """Resolve once for everything, then cut the smaller sets out of that resolution."""
    project = ROOT / "pyproject.toml"
    everything = LOCKS / "extras.txt"
    _compile(project, everything, "--group=test", "--group=extras")
    _compile(project, LOCKS / "test.txt", "--group=test", f"--constraint={everything}")
    _compile(project, LOCKS / "default.txt", f"--constraint={everything}")
    _compile(None, LOCKS / "ministack.txt", "--group=ministack")
    for wanted in sorted((ROOT / "layers").glob("*/requirements.in")):
        _compile(wanted, wanted.with_suffix(".txt"), f"--constraint={everything}")
    left_out = [f"--no-emit-package={name}" for name in NOT_FOR_PEERS]
    _compile(PEERS, PEERS.with_suffix(".txt"), *left_out)


def _compile(source: Path | None, target: Path, *more: str) -> None:
    command = [sys.executable, "-m", "uv", "pip", "compile", *([str(source)] if source else [])]
    options = [*OPTIONS, f"--output-file={target}", *more]
    subprocess.run([*command, *options], check=True, cwd=ROOT)  # noqa: S603


if __name__ == "__main__":
    compile_locks()
