"""Capacity: queues wait long enough, and all functions together fit the database."""

from __future__ import annotations

import dataclasses
import json

import pytest

from infra.local.postgres import DEFAULTS
from infra.local.routing import Function, QueueMapping, Resource, RoutingModel
from infra.local.serverless import load_service
from shared.kernel.settings import Settings
from tests.house.tree import ROOT

VISIBILITY_TIMES = 6  # AWS's own advice for queues that feed a Lambda
SHARE = 0.8  # the rest is for the operator, migrations and restarts


def hasty_queues(model: RoutingModel) -> list[str]:
    """Complain of queues whose messages come back while they are still worked on."""
    visible = {
        resource.logical_id: resource.properties.get("VisibilityTimeout", 30)
        for resource in model.resources
        if resource.kind == "AWS::SQS::Queue"
    }
    complaints = []
    for mapping in model.queues:
        function = model.function(mapping.function)
        needed = VISIBILITY_TIMES * function.timeout_s
        queue = _queue_id(mapping)
        if int(str(visible[queue])) < needed:
            complaints.append(f"{queue}: VisibilityTimeout is {visible[queue]}, at least {needed}")
    return complaints


def crowd(model: RoutingModel) -> int:
    """Add up how many instances may hold a connection at once; raises ValueError if unlimited."""
    total = 0
    for function in model.functions:
        if function.reserved_concurrency is None:
            raise ValueError(f"{function.key}: set reservedConcurrency in its function.yml")
        total += function.reserved_concurrency
    return total


def starving_queues(model: RoutingModel) -> list[str]:
    """Complain of queues that hand out more at once than their function may run."""
    return [
        f"{function.key}: maximumConcurrency {mapping.maximum_concurrency} is above its "
        f"reservedConcurrency {function.reserved_concurrency}: throttles burn receive counts"
        for mapping in model.queues
        if (function := model.function(mapping.function)).reserved_concurrency is not None
        and (mapping.maximum_concurrency or 1000) > (function.reserved_concurrency or 0)
    ]


def overfull_steps(model: RoutingModel, *, running: int, fan_out: int) -> list[str]:
    """Complain when more workflows may run than can be read, or one alone overfills embedding."""
    places = {f.key: f.reserved_concurrency or 0 for f in model.functions}
    readers = sum(count for key, count in places.items() if key.startswith("parse"))
    complaints = []
    if running > readers:
        complaints.append(f"{running} workflows may run, but {readers} can be read at once")
    if fan_out > places["embed"]:
        complaints.append(f"one workflow embeds {fan_out} batches at once, of {places['embed']}")
    return complaints


def _fan_out() -> int:
    machine = json.loads((ROOT / "infra/workflows/ingest.asl.json").read_text("utf-8"))
    return int(machine["States"]["Embed"]["MaxConcurrency"])


def _queue_id(mapping: QueueMapping) -> str:
    assert isinstance(mapping.queue, dict), mapping.queue
    found = mapping.queue.get("Fn::GetAtt") or [mapping.queue["Ref"]]
    assert isinstance(found, list)
    return str(found[0])


def test_queues_wait_six_times_as_long_as_their_functions() -> None:
    assert not hasty_queues(load_service(ROOT))


def test_all_functions_fit_into_the_database() -> None:
    connections = int(DEFAULTS["max_connections"])
    assert crowd(load_service(ROOT)) <= SHARE * connections


def test_queues_hand_out_no_more_than_their_functions_may_run() -> None:
    assert not starving_queues(load_service(ROOT))


def test_running_workflows_find_room_in_every_step() -> None:
    running = Settings().max_running_workflows
    assert not overfull_steps(load_service(ROOT), running=running, fan_out=_fan_out())


def test_more_workflows_than_room_are_refused() -> None:
    model = load_service(ROOT)
    assert len(overfull_steps(model, running=1000, fan_out=1000)) == 2


def test_there_are_queues_and_functions_to_guard() -> None:
    model = load_service(ROOT)
    assert model.queues
    assert len(model.functions) > 10


def sample(*, timeout_s: int, visibility: int, concurrency: int | None) -> RoutingModel:
    real = load_service(ROOT)
    function = Function("F", "f", "f", "h", timeout_s, 128, {}, (), concurrency)
    queue = Resource("Q", "AWS::SQS::Queue", {"VisibilityTimeout": visibility})
    mapping = QueueMapping({"Fn::GetAtt": ["Q", "Arn"]}, "F", maximum_concurrency=5)
    return dataclasses.replace(
        real, functions=(function,), queues=(mapping,), resources=(queue,), http_routes=()
    )


def test_hasty_queue_is_refused() -> None:
    assert not hasty_queues(sample(timeout_s=10, visibility=60, concurrency=5))
    assert hasty_queues(sample(timeout_s=10, visibility=59, concurrency=5))


def test_unlimited_function_is_refused() -> None:
    with pytest.raises(ValueError, match="reservedConcurrency"):
        crowd(sample(timeout_s=1, visibility=60, concurrency=None))


def test_too_eager_queue_is_refused() -> None:
    assert not starving_queues(sample(timeout_s=1, visibility=60, concurrency=5))
    assert starving_queues(sample(timeout_s=1, visibility=60, concurrency=4))
