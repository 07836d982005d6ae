"""Execution environments: one warm process per environment, run as Lambda runs it."""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.local.children import Child, end, spawn
from infra.local.runtime_api import Invocation, RuntimeApi, error_document
from shared.kernel.errors import NotFoundError, UnavailableError

INIT_TIMEOUT_S = 60.0  # Lambda allows 10 s; a busy laptop needs longer
WATCH_S = 0.05
LAMBDA_RUNTIME = ("awslambdaric",)
MAX_LOG_BYTES = 16 * 1024 * 1024
PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ", "SSL_CERT_FILE", "LD_LIBRARY_PATH")


@dataclass(frozen=True, slots=True)
class FunctionSpec:
    """Everything needed to run a function here: its model entry with values and folders resolved.

    ``environment`` is complete but for the process's own; ``layers`` are folders, first wins.
    ``program`` is the module that runs the handler, with arguments before the handler's name.
    """

    key: str
    name: str
    arn: str
    handler: str
    timeout_s: float
    memory_mb: int
    environment: Mapping[str, str]
    layers: tuple[Path, ...]
    root: Path
    region: str
    concurrency: int
    log: Path
    program: tuple[str, ...] = LAMBDA_RUNTIME


class ExecutionEnvironment:
    """A process of one function with its Runtime API; serves one event at a time."""

    def __init__(self, spec: FunctionSpec, generation: int) -> None:
        self.spec = spec
        self.generation = generation
        self.idle_since = time.monotonic()
        self._api = RuntimeApi()
        self._started = time.perf_counter()
        spec.log.parent.mkdir(parents=True, exist_ok=True)
        try:
            with spec.log.open("ab") as log:
                if log.tell() > MAX_LOG_BYTES:
                    log.truncate(0)
                self._process = spawn(
                    Child(_command(spec), self._variables(), spec.root, output=log)
                )
        except BaseException:
            self._api.close()
            raise

    @property
    def is_usable(self) -> bool:
        """Whether the process lives and its initialisation did not fail."""
        return self._process.poll() is None and self._api.init_error is None

    @property
    def process_id(self) -> int:
        """The function's process, for those who read its share of /proc."""
        return self._process.pid

    def is_new(self, seconds: float) -> bool:
        """Whether it is initialising still, or was ready for its first event just now."""
        ready_at = self._api.ready_at
        return not ready_at or time.perf_counter() - ready_at < seconds

    @property
    def init_ms(self) -> float:
        """Milliseconds from start to the first ``/next``; 0 before that."""
        return max(0.0, (self._api.ready_at - self._started) * 1000) if self._api.ready_at else 0.0

    @property
    def max_memory_mb(self) -> int:
        """Peak resident memory so far; 0 where the system does not tell."""
        try:
            status = Path(f"/proc/{self._process.pid}/status").read_text()
        except OSError:
            return 0
        found = status.partition("VmHWM:")[2].split()
        return int(found[0]) // 1024 if found else 0

    def run(self, invocation: Invocation) -> None:
        """Run one event to its end: result, error, timeout or death of the process."""
        self._api.give(invocation)
        init_deadline = time.time() + INIT_TIMEOUT_S
        while not invocation.done.wait(WATCH_S):
            if self._api.init_error is not None:
                invocation.finish(error=self._api.init_error)
            elif (status := self._process.poll()) is not None:
                invocation.finish(error=self._exit_error(invocation, status))
            elif time.time() > (invocation.deadline or init_deadline):
                end(self._process)
                invocation.finish(
                    error=error_document(
                        "Sandbox.Timedout",
                        f"RequestId: {invocation.request_id} Error: Task timed out after "
                        f"{invocation.timeout_s:.2f} seconds",
                    )
                )

    def wait_until_ready(self, timeout_s: float = INIT_TIMEOUT_S) -> None:
        """Wait for the first ``/next``.

        Raises UnavailableError when the process ends, fails to initialise or takes too long.
        """
        deadline = time.monotonic() + timeout_s
        while not self._api.ready.wait(WATCH_S):
            if self._process.poll() is not None or time.monotonic() > deadline:
                break
        if not self._api.ready_at:
            words = (self._api.init_error or b"").decode("utf-8", "replace")
            raise UnavailableError(
                f"The function {self.spec.key} does not initialise{f': {words}' if words else '.'}",
                hint=f"Its log is {self.spec.log}.",
            )

    def close(self) -> None:
        """End the process and everything it started."""
        self._api.close()
        end(self._process)

    def _exit_error(self, invocation: Invocation, status: int) -> bytes:
        words = f"exit status {status}" if status >= 0 else f"signal: {-status}"
        return error_document(
            "Runtime.ExitError",
            f"RequestId: {invocation.request_id} Error: Runtime exited with error: {words}",
        )

    def _variables(self) -> dict[str, str]:
        spec = self.spec
        inherited = {
            name: os.environ[name]  # noqa: TID251 - a child needs its search path and locale
            for name in PASSED_ON
            if name in os.environ  # noqa: TID251 - as above
        }
        version = ".".join(platform.python_version_tuple()[:2])
        paths = [str(layer / "python") for layer in spec.layers] + [str(spec.root)]
        return {
            **inherited,
            **spec.environment,
            "PYTHONPATH": os.pathsep.join(paths),
            "PYTHONUNBUFFERED": "1",
            "AWS_LAMBDA_RUNTIME_API": self._api.address,
            "AWS_LAMBDA_FUNCTION_NAME": spec.name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(spec.memory_mb),
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{spec.name}",
            "AWS_LAMBDA_LOG_STREAM_NAME": "local",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_EXECUTION_ENV": f"AWS_Lambda_python{version}",
            "AWS_REGION": spec.region,
            "AWS_DEFAULT_REGION": spec.region,
            "LAMBDA_TASK_ROOT": str(spec.root),
            "_HANDLER": spec.handler,
        }


def _command(spec: FunctionSpec) -> list[str | Path]:
    """Return how the function's process starts, through its exec wrapper if it names one."""
    runtime: list[str | Path] = [sys.executable, "-m", *spec.program, spec.handler]
    wrapper = spec.environment.get("AWS_LAMBDA_EXEC_WRAPPER")
    if not wrapper:
        return runtime
    inside = wrapper.removeprefix("/opt/")
    for layer in spec.layers:
        if (layer / inside).is_file():
            return ["/bin/sh", layer / inside, *runtime]
    raise NotFoundError(
        f"The function {spec.key} wants the wrapper {wrapper}, which none of its layers holds.",
        hint="Add the layer to its function.yml.",
    )
