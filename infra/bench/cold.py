"""Cold starts: what it costs to bring one function from nothing to its first ``/next``.

Each is started as the local runtime starts it: awslambdaric in a process of its own behind our
Runtime API, with its layers and its environment. Nothing else needs to run for that, since no
function opens a connection before its first event.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass, replace
from pathlib import Path

from infra.bench.measurement import Measurement, Progress
from infra.bench.processes import cpu_ms, require_proc
from infra.local.environments import ExecutionEnvironment, FunctionSpec
from infra.local.routing import Function, RoutingModel
from infra.local.serverless import load_service
from shared.kernel.errors import InvalidError

RUNS = 5
ANSWERING_MS, WORKER_MS, MODEL_MS = 600.0, 400.0, 1000.0
MODEL_LAYER = "model"
BUILT = "build"  # built layers are for the deployed Python; here the environment has them


@dataclass(frozen=True, slots=True)
class ColdStart:
    """One start: time on the clock and on the CPU until the function asks for its first event."""

    wall_ms: float
    cpu_ms: float


def measure_cold_starts(
    root: Path, *, model_dir: Path, logs: Path, progress: Progress, runs: int = RUNS
) -> list[Measurement]:
    """Measure every function of the service in ``root``: median of ``runs`` after a discarded one.

    Functions that carry the model are measured with it loaded as well. Raises UnavailableError
    without /proc or when a function does not initialise.
    """
    require_proc()
    service = load_service(root)
    answering = answering_functions(service)
    found: list[Measurement] = []
    for function in service.functions:
        spec = function_spec(service, function, root=root, model_dir=model_dir, logs=logs)
        at_most = ANSWERING_MS if function.logical_id in answering else WORKER_MS
        progress(f"Cold start of {function.key}.")
        found += _measure(f"cold {function.key}", spec, at_most=at_most, runs=runs)
        if MODEL_LAYER in function.layers:
            progress(f"Cold start of {function.key} with its model.")
            loaded = replace(spec, handler=f"infra.bench.loaded.{function.key}")
            found += _measure(f"cold {function.key} + model", loaded, at_most=MODEL_MS, runs=runs)
    return found


def answering_functions(service: RoutingModel) -> set[str]:
    """Name the functions somebody waits for: HTTP, function URL, WebSocket and authorizers."""

    routes = [
        *((route.function, route.authorizer) for route in service.http_routes),
        *((route.function, route.authorizer) for route in service.socket_routes),
    ]
    found = {function for function, _ in routes}
    found |= {authorizer.function for _, authorizer in routes if authorizer is not None}
    return found | {url.function for url in service.urls}


def function_spec(
    service: RoutingModel, function: Function, *, root: Path, model_dir: Path, logs: Path
) -> FunctionSpec:
    """Describe a function as the local runtime would, without the resources only it makes."""
    return FunctionSpec(
        key=function.key,
        name=function.name,
        arn=f"arn:aws:lambda:{service.region}:000000000000:function:{function.name}",
        handler=function.handler,
        timeout_s=float(function.timeout_s),
        memory_mb=function.memory_mb,
        environment={
            **{k: v for k, v in function.environment.items() if isinstance(v, str)},
            "MODEL_DIR": str(model_dir.absolute()),
        },
        layers=tuple(
            root / service.layers[layer]
            for layer in function.layers
            if service.layers[layer].parts[:1] != (BUILT,)
        ),
        root=root,
        region=service.region,
        concurrency=1,
        log=logs / f"{function.key}.log",
    )


def start_cold(spec: FunctionSpec) -> ColdStart:
    """Start a function, wait for its first ``/next``, end it.

    Raises UnavailableError when it does not get that far.
    """
    environment = ExecutionEnvironment(spec, 0)
    try:
        environment.wait_until_ready()
        return ColdStart(environment.init_ms, cpu_ms(environment.process_id))
    finally:
        environment.close()


def _measure(name: str, spec: FunctionSpec, *, at_most: float, runs: int) -> list[Measurement]:
    if runs < 1:
        raise InvalidError("Measure at least one cold start.")
    start_cold(spec)  # fills the page cache and __pycache__
    starts = [start_cold(spec) for _ in range(runs)]
    cpu = statistics.median(start.cpu_ms for start in starts)
    wall = statistics.median(start.wall_ms for start in starts)
    return [
        Measurement(f"{name} CPU", cpu, "ms", f"median of {runs}", at_most),
        Measurement(f"{name} wall", wall, "ms", "spawn to the first /next"),
    ]
