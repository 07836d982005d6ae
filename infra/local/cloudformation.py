"""A packaged CloudFormation template (what ``osls package`` writes), read as the routing model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from infra.local.documents import Json, items, number, one_or_many, read_document, table, text
from infra.local.routing import (
    SERVED_KINDS,
    Authorizer,
    Cors,
    Function,
    FunctionUrl,
    HttpRoute,
    QueueMapping,
    Resource,
    RoutingModel,
    Schedule,
    SocketRoute,
    StateMachine,
    rules_of,
)
from shared.kernel.errors import InvalidError

DEPLOYMENT_BUCKET = "ServerlessDeploymentBucket"


def load_template(path: Path) -> RoutingModel:
    """Read the template at ``path``.

    Raises InvalidError naming the resource when it is wired in a way the model does not know.
    """
    return _Template(table(read_document(path), str(path))).read()


class _Template:
    def __init__(self, document: dict[str, Json]) -> None:
        declared = table(document.get("Resources"), "Resources")
        self._resources = {key: table(value, key) for key, value in declared.items()}

    def read(self) -> RoutingModel:
        functions = tuple(self._functions())
        socket_api = next((p for _, p in self._apis("WEBSOCKET")), None)
        http_api = next((p for _, p in self._apis("HTTP")), {})
        selection = socket_api.get("RouteSelectionExpression") if socket_api else None
        return RoutingModel(
            service="",
            stage="",
            region="",
            functions=functions,
            http_routes=tuple(self._http_routes()),
            http_cors=_cors(http_api.get("CorsConfiguration"), "HttpApi"),
            socket_routes=tuple(self._socket_routes()),
            socket_selection=str(selection) if selection else None,
            queues=tuple(self._queues()),
            rules=tuple(
                rule
                for key, p in self._of_kind("AWS::Events::Rule")
                if "EventPattern" in p
                for rule in rules_of(key, p)
            ),
            schedules=tuple(self._schedules()),
            urls=tuple(self._urls()),
            state_machines=tuple(self._state_machines()),
            resources=tuple(self._own_resources()),
            layers={},
        )

    def _of_kind(self, kind: str) -> Iterator[tuple[str, dict[str, Json]]]:
        for key, resource in self._resources.items():
            if resource.get("Type") == kind:
                yield key, table(resource.get("Properties"), key)

    def _apis(self, protocol: str) -> Iterator[tuple[str, dict[str, Json]]]:
        for key, properties in self._of_kind("AWS::ApiGatewayV2::Api"):
            if properties.get("ProtocolType") == protocol:
                yield key, properties

    def _functions(self) -> Iterator[Function]:
        names = {k: p.get("LayerName") for k, p in self._of_kind("AWS::Lambda::LayerVersion")}
        for key, p in self._of_kind("AWS::Lambda::Function"):
            variables = table(table(p.get("Environment"), key).get("Variables"), key)
            concurrency = p.get("ReservedConcurrentExecutions")
            yield Function(
                logical_id=key,
                key=text(p.get("FunctionName"), key),
                name=text(p.get("FunctionName"), key),
                handler=_handler(p, key),
                timeout_s=number(p.get("Timeout", 3), key),
                memory_mb=number(p.get("MemorySize", 128), key),
                environment=variables,
                layers=tuple(
                    text(names.get(target(layer, key)), key)
                    for layer in items(p.get("Layers"), key)
                ),
                reserved_concurrency=None if concurrency is None else number(concurrency, key),
            )

    def _integration(self, route: dict[str, Json], key: str) -> str:
        """Return the function behind a route."""
        integration = target(route.get("Target"), key)
        properties = table(self._resources[integration].get("Properties"), integration)
        return target(properties.get("IntegrationUri"), integration)

    def _authorizer(self, route: dict[str, Json], key: str) -> Authorizer | None:
        if "AuthorizerId" not in route:
            return None
        authorizer = target(route["AuthorizerId"], key)
        p = table(self._resources[authorizer].get("Properties"), authorizer)
        return Authorizer(
            name=text(p.get("Name"), authorizer),
            function=target(p.get("AuthorizerUri"), authorizer),
            identity_sources=tuple(
                text(s, authorizer) for s in one_or_many(p.get("IdentitySource") or [])
            ),
            has_simple_responses=p.get("EnableSimpleResponses") is True,
            result_ttl_s=number(p.get("AuthorizerResultTtlInSeconds", 0), authorizer),
        )

    def _routes(self, protocol: str) -> Iterator[tuple[str, dict[str, Json]]]:
        apis = {key for key, _ in self._apis(protocol)}
        for key, properties in self._of_kind("AWS::ApiGatewayV2::Route"):
            if target(properties.get("ApiId"), key) in apis:
                yield key, properties

    def _http_routes(self) -> Iterator[HttpRoute]:
        for key, p in self._routes("HTTP"):
            route = text(p.get("RouteKey"), key)
            yield HttpRoute(route, self._integration(p, key), self._authorizer(p, key))

    def _socket_routes(self) -> Iterator[SocketRoute]:
        answering = {
            target(p.get("RouteId"), key)
            for key, p in self._of_kind("AWS::ApiGatewayV2::RouteResponse")
        }
        for key, p in self._routes("WEBSOCKET"):
            route = text(p.get("RouteKey"), key)
            function = self._integration(p, key)
            yield SocketRoute(route, function, self._authorizer(p, key), key in answering)

    def _queues(self) -> Iterator[QueueMapping]:
        for key, p in self._of_kind("AWS::Lambda::EventSourceMapping"):
            filters = items(table(p.get("FilterCriteria"), key).get("Filters"), key)
            concurrency = table(p.get("ScalingConfig"), key).get("MaximumConcurrency")
            reports = "ReportBatchItemFailures" in items(p.get("FunctionResponseTypes"), key)
            yield QueueMapping(
                queue=p.get("EventSourceArn"),
                function=target(p.get("FunctionName"), key),
                batch_size=number(p.get("BatchSize", 10), key),
                window_s=number(p.get("MaximumBatchingWindowInSeconds", 0), key),
                reports_failures=reports,
                filters=tuple(text(table(f, key).get("Pattern"), key) for f in filters),
                maximum_concurrency=None if concurrency is None else number(concurrency, key),
                is_enabled=p.get("Enabled", True) is True,
            )

    def _schedules(self) -> Iterator[Schedule]:
        for key, p in self._of_kind("AWS::Events::Rule"):
            if "ScheduleExpression" not in p:
                continue
            for value in items(p.get("Targets"), key):
                called = table(value, key)
                payload = called.get("Input")
                yield Schedule(
                    expression=text(p["ScheduleExpression"], key),
                    function=target(called.get("Arn"), key),
                    payload=None if payload is None else text(payload, key),
                    is_enabled=p.get("State") == "ENABLED",
                )

    def _urls(self) -> Iterator[FunctionUrl]:
        for key, p in self._of_kind("AWS::Lambda::Url"):
            yield FunctionUrl(
                function=target(p.get("TargetFunctionArn"), key),
                is_streaming=p.get("InvokeMode") == "RESPONSE_STREAM",
                needs_signature=p.get("AuthType") == "AWS_IAM",
                cors=_cors(p.get("Cors"), key),
            )

    def _state_machines(self) -> Iterator[StateMachine]:
        for key, p in self._of_kind("AWS::StepFunctions::StateMachine"):
            yield StateMachine(
                logical_id=key,
                name=text(p.get("StateMachineName"), key),
                kind=text(p.get("StateMachineType", "STANDARD"), key),
                definition=_definition(p.get("DefinitionString"), key),
            )

    def _own_resources(self) -> Iterator[Resource]:
        for key, resource in self._resources.items():
            kind = text(resource.get("Type"), key)
            if kind in SERVED_KINDS and key != DEPLOYMENT_BUCKET:
                yield Resource(key, kind, table(resource.get("Properties"), key))


def target(value: Json, where: str) -> str:
    """Return the logical id a Ref, GetAtt or a Join around one of them points at."""
    spec = table(value, where)
    if "Ref" in spec:
        return text(spec["Ref"], where)
    if "Fn::GetAtt" in spec:
        return text(items(spec["Fn::GetAtt"], where)[0], where)
    for part in items(items(spec.get("Fn::Join"), where)[1:2], where):
        for piece in items(part, where):
            if isinstance(piece, dict) and not str(piece.get("Ref", "")).startswith("AWS::"):
                return target(piece, where)
    raise InvalidError(f"{where}: {json.dumps(value)} points at no resource.")


def _handler(properties: dict[str, Json], where: str) -> str:
    if "Handler" in properties:
        return text(properties["Handler"], where)
    image = table(properties.get("ImageConfig"), where)
    return text(items(image.get("Command"), where)[0], where)


def _cors(value: Json, where: str) -> Cors | None:
    if value is None:
        return None
    p = table(value, where)

    def listed(name: str) -> tuple[str, ...]:
        return tuple(text(v, where) for v in items(p.get(name), where))

    age = p.get("MaxAge")
    return Cors(
        origins=listed("AllowOrigins"),
        methods=listed("AllowMethods"),
        headers=listed("AllowHeaders"),
        exposed=listed("ExposeHeaders"),
        allows_credentials=p.get("AllowCredentials") is True,
        max_age_s=None if age is None else number(age, where),
    )


def _definition(value: Json, where: str) -> Json:
    """Return a state machine's definition with its placeholders turned back into intrinsics."""
    names: dict[str, Json] = {}
    if isinstance(value, dict):
        argument = value.get("Fn::Sub")
        if isinstance(argument, list):
            names = table(argument[1], where)
            argument = argument[0]
        value = argument
    definition: Json = json.loads(text(value, where))

    def restore(part: Json) -> Json:
        if isinstance(part, dict):
            return {key: restore(inner) for key, inner in part.items()}
        if isinstance(part, list):
            return [restore(inner) for inner in part]
        if isinstance(part, str) and part.startswith("${") and part[2:-1] in names:
            return names[part[2:-1]]
        return part

    return restore(definition)
