"""A cold start is measured on a real function, through the real runtime."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from infra.bench.cold import answering_functions, function_spec, start_cold
from infra.bench.loaded import __getattr__ as load
from infra.cli.target import ROOT
from infra.local.environments import FunctionSpec
from infra.local.routing import RoutingModel
from infra.local.serverless import load_service
from shared.kernel.errors import UnavailableError


@pytest.fixture(scope="module")
def service() -> RoutingModel:
    return load_service(ROOT)


def spec_of(service: RoutingModel, key: str, folder: Path) -> FunctionSpec:
    function = next(each for each in service.functions if each.key == key)
    return function_spec(service, function, root=ROOT, model_dir=folder, logs=folder / "logs")


def test_a_cold_start_takes_time_on_the_clock_and_on_the_cpu(
    service: RoutingModel, tmp_path: Path
) -> None:
    start = start_cold(spec_of(service, "settle", tmp_path))
    assert start.cpu_ms > 10
    assert start.wall_ms > 10


def test_a_function_that_does_not_initialise_is_named_with_its_error(
    service: RoutingModel, tmp_path: Path
) -> None:
    spec = spec_of(service, "settle", tmp_path)
    broken = replace(spec, handler="functions.absent.handler")
    with pytest.raises(UnavailableError, match=r"settle does not initialise.*functions\.absent"):
        start_cold(broken)


def test_only_functions_that_nobody_waits_for_are_workers(service: RoutingModel) -> None:
    answering = answering_functions(service)
    workers = {each.key for each in service.functions if each.logical_id not in answering}
    assert {"intake", "parse", "embed", "index", "settle", "sweep"} <= workers
    assert not {"query", "chat", "chat_stream", "authorizer", "socket"} & workers


def test_a_handler_with_its_model_needs_a_function_of_that_name() -> None:
    with pytest.raises(AttributeError):
        load("app")
