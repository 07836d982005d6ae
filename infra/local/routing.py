"""The routing model: which event reaches which function, whatever file said so.

Functions, queues and buses are named by their CloudFormation logical ids; values that only a
deployment knows stay intrinsics (``{"Ref": …}``) until ``intrinsics`` resolves them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from infra.local.documents import Json, items, table, text
from shared.kernel.errors import InvalidError, NotFoundError

# What a service may declare for itself and the local runtime makes; other kinds (policies,
# alarms, roles) have no effect locally.
SERVED_KINDS = frozenset(
    {
        "AWS::Events::EventBus",
        "AWS::S3::Bucket",
        "AWS::SecretsManager::Secret",
        "AWS::SQS::Queue",
        "AWS::SSM::Parameter",
    }
)


@dataclass(frozen=True, slots=True)
class Function:
    """One Lambda function. ``layers`` are the keys of its layers, in order."""

    logical_id: str
    key: str = field(compare=False)
    name: str
    handler: str
    timeout_s: int
    memory_mb: int
    environment: Mapping[str, Json]
    layers: tuple[str, ...] = ()
    reserved_concurrency: int | None = None


@dataclass(frozen=True, slots=True)
class Authorizer:
    """A function that decides before the route's own. ``identity_sources`` must all be there."""

    name: str = field(compare=False)
    function: str
    identity_sources: tuple[str, ...]
    has_simple_responses: bool = False
    result_ttl_s: int = 0


@dataclass(frozen=True, slots=True)
class HttpRoute:
    """A route of the HTTP API: ``GET /path/{name}``, ``ANY /path/{proxy+}`` or ``$default``."""

    key: str
    function: str
    authorizer: Authorizer | None = None


@dataclass(frozen=True, slots=True)
class SocketRoute:
    """A route of the WebSocket API; ``answers`` sends the function's body back to the client."""

    key: str
    function: str
    authorizer: Authorizer | None = None
    answers: bool = False


@dataclass(frozen=True, slots=True)
class QueueMapping:
    """A queue whose messages a function handles in batches."""

    queue: Json
    function: str
    batch_size: int = 10
    window_s: int = 0
    reports_failures: bool = False
    filters: tuple[str, ...] = ()
    maximum_concurrency: int | None = None
    is_enabled: bool = True


@dataclass(frozen=True, slots=True)
class EventRule:
    """Events of a bus that match ``pattern`` go to a function, state machine or queue."""

    bus: Json
    pattern: Json
    target: str
    is_enabled: bool = True


@dataclass(frozen=True, slots=True)
class Schedule:
    """A function called at a ``rate(…)`` or ``cron(…)``; ``payload`` is its event if given."""

    expression: str
    function: str
    payload: str | None = None
    is_enabled: bool = True


@dataclass(frozen=True, slots=True)
class Cors:
    """What browsers of other origins may do."""

    origins: tuple[str, ...]
    methods: tuple[str, ...]
    headers: tuple[str, ...]
    exposed: tuple[str, ...] = ()
    allows_credentials: bool = False
    max_age_s: int | None = None


@dataclass(frozen=True, slots=True)
class FunctionUrl:
    """A function's own address."""

    function: str
    is_streaming: bool
    needs_signature: bool
    cors: Cors | None = None


@dataclass(frozen=True, slots=True)
class StateMachine:
    """A Step Functions state machine; ``definition`` may hold intrinsics."""

    logical_id: str
    name: str
    kind: str
    definition: Json

    def functions(self) -> frozenset[str]:
        """Return the logical ids of the functions its states call."""
        return frozenset(_called(self.definition))


def _called(value: Json) -> Iterator[str]:
    """Find every ``{"Fn::GetAtt": [id, "Arn"]}`` in a definition."""
    if isinstance(value, list):
        for inner in value:
            yield from _called(inner)
    elif isinstance(value, dict):
        target = value.get("Fn::GetAtt")
        if isinstance(target, list) and target:
            yield str(target[0])
        for inner in value.values():
            yield from _called(inner)


@dataclass(frozen=True, slots=True)
class Resource:
    """A CloudFormation resource the service declares itself."""

    logical_id: str
    kind: str
    properties: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class RoutingModel:
    """Everything the local runtime serves and the deployment must equal."""

    service: str = field(compare=False)
    stage: str = field(compare=False)
    region: str = field(compare=False)
    functions: tuple[Function, ...]
    http_routes: tuple[HttpRoute, ...]
    http_cors: Cors | None
    socket_routes: tuple[SocketRoute, ...]
    socket_selection: str | None
    queues: tuple[QueueMapping, ...]
    rules: tuple[EventRule, ...]
    schedules: tuple[Schedule, ...]
    urls: tuple[FunctionUrl, ...]
    state_machines: tuple[StateMachine, ...]
    resources: tuple[Resource, ...]
    layers: Mapping[str, Path] = field(compare=False)  # key of a layer -> its folder

    def function(self, logical_id: str) -> Function:
        """Return one function. Raises NotFoundError for an unknown id."""
        for function in self.functions:
            if function.logical_id == logical_id:
                return function
        raise NotFoundError(f"The service has no function {logical_id}.")


def rules_of(logical_id: str, properties: Mapping[str, Json]) -> Iterator[EventRule]:
    """Read an ``AWS::Events::Rule`` with a pattern as one rule per target."""
    for value in items(properties.get("Targets"), logical_id):
        arn = table(table(value, logical_id).get("Arn"), f"{logical_id}.Targets.Arn")
        words = arn.get("Ref", arn.get("Fn::GetAtt"))
        if words is None:
            raise InvalidError(f"{logical_id}: a target must be a Ref or a GetAtt.")
        yield EventRule(
            bus=properties.get("EventBusName"),
            pattern=properties.get("EventPattern"),
            target=text(words[0] if isinstance(words, list) else words, logical_id),
            is_enabled=properties.get("State", "ENABLED") == "ENABLED",
        )
