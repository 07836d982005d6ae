"""serverless.yml and functions/*/function.yml, read into the routing model without Node."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from infra.local.documents import (
    Json,
    compact,
    items,
    number,
    one_or_many,
    read_document,
    table,
    text,
)
from infra.local.routing import (
    SERVED_KINDS,
    Authorizer,
    Cors,
    EventRule,
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
from infra.local.variables import Variables
from shared.kernel.errors import InvalidError

CORS_HEADERS = (
    "Content-Type",
    "X-Amz-Date",
    "Authorization",
    "X-Api-Key",
    "X-Amz-Security-Token",
    "X-Amz-User-Agent",
    "X-Amzn-Trace-Id",
)
# osls leaves one header out for function URLs.
URL_CORS_HEADERS = tuple(name for name in CORS_HEADERS if name != "X-Amz-User-Agent")


def load_service(
    root: Path, stage: str = "local", *, environment: Mapping[str, str] | None = None
) -> RoutingModel:
    """Read the service in ``root`` as it would be deployed to ``stage``.

    ``environment`` feeds ``${env:…}``. Raises NotFoundError or InvalidError naming the place.
    """
    raw = table(read_document(root / "serverless.yml"), "serverless.yml")
    variables = Variables(root, raw, options={"stage": stage}, environment=environment or {})
    document = table(variables.resolve(raw), "serverless.yml")
    return _Reader(document, stage).read()


def logical_name(name: str) -> str:
    """Return the Serverless Framework's logical form of a name: ``a-b_c`` is ADashbUnderscorec."""
    spelled = name.replace("-", "Dash").replace("_", "Underscore")
    spelled = re.sub(r"[^0-9A-Za-z]", "", spelled)
    return spelled[:1].upper() + spelled[1:]


def function_id(key: str) -> str:
    """Return the logical id of the function ``key``."""
    return logical_name(key) + "LambdaFunction"


@dataclass
class _Reader:
    document: dict[str, Json]
    stage: str
    functions: list[Function] = field(default_factory=list)
    http_routes: list[HttpRoute] = field(default_factory=list)
    socket_routes: list[SocketRoute] = field(default_factory=list)
    queues: list[QueueMapping] = field(default_factory=list)
    rules: list[EventRule] = field(default_factory=list)
    schedules: list[Schedule] = field(default_factory=list)
    urls: list[FunctionUrl] = field(default_factory=list)
    state_machines: list[StateMachine] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.service = text(self.document.get("service"), "service")
        self.provider = table(self.document.get("provider"), "provider")
        self.http_api = table(self.provider.get("httpApi"), "provider.httpApi")
        self.authorizers = dict(self._authorizers())

    def read(self) -> RoutingModel:
        for key, value in table(self.document.get("functions"), "functions").items():
            self._function(key, table(value, f"functions.{key}"))
        self._state_machines()
        resources = tuple(self._resources())
        selection = self.provider.get("websocketsApiRouteSelectionExpression")
        default_selection = "$request.body.action" if self.socket_routes else None
        return RoutingModel(
            service=self.service,
            stage=self.stage,
            region=text(self.provider.get("region", "us-east-1"), "provider.region"),
            functions=tuple(self.functions),
            http_routes=tuple(self.http_routes),
            http_cors=self._http_cors(),
            socket_routes=tuple(self.socket_routes),
            socket_selection=str(selection) if selection else default_selection,
            queues=tuple(self.queues),
            rules=tuple(self.rules),
            schedules=tuple(self.schedules),
            urls=tuple(self.urls),
            state_machines=tuple(self.state_machines),
            resources=resources,
            layers=dict(self._layers()),
        )

    # -- provider ------------------------------------------------------------------------------

    def _authorizers(self) -> Iterator[tuple[str, Authorizer]]:
        declared = table(self.http_api.get("authorizers"), "provider.httpApi.authorizers")
        for name, value in declared.items():
            where = f"provider.httpApi.authorizers.{name}"
            spec = table(value, where)
            if spec.get("type") != "request":
                raise InvalidError(f"{where}: only authorizers of type request are supported.")
            sources = one_or_many(spec.get("identitySource", "$request.header.Authorization"))
            yield (
                name,
                Authorizer(
                    name=name,
                    function=function_id(text(spec.get("functionName"), f"{where}.functionName")),
                    identity_sources=tuple(text(s, where) for s in sources),
                    has_simple_responses=spec.get("enableSimpleResponses") is True,
                    result_ttl_s=number(spec.get("resultTtlInSeconds", 0), where),
                ),
            )

    def _http_cors(self) -> Cors | None:
        spec = self.http_api.get("cors")
        if not spec:
            return None
        methods = {"OPTIONS"} | {route.key.partition(" ")[0] for route in self.http_routes}
        if methods & {"$default", "ANY"}:
            methods = {"OPTIONS", "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"}
        return _cors(spec, "provider.httpApi.cors", tuple(sorted(methods)))

    # -- functions -----------------------------------------------------------------------------

    def _function(self, key: str, spec: dict[str, Json]) -> None:
        where = f"functions.{key}"
        logical_id = function_id(key)
        provided = table(self.provider.get("environment"), "provider.environment")
        own = table(spec.get("environment"), f"{where}.environment")
        layers = items(spec.get("layers", self.provider.get("layers")), f"{where}.layers")
        concurrency = spec.get("reservedConcurrency")
        self.functions.append(
            Function(
                logical_id=logical_id,
                key=key,
                name=text(spec.get("name", f"{self.service}-{self.stage}-{key}"), where),
                handler=_handler(spec, where),
                timeout_s=number(spec.get("timeout", self.provider.get("timeout", 6)), where),
                memory_mb=number(
                    spec.get("memorySize", self.provider.get("memorySize", 1024)), where
                ),
                environment={**provided, **own},
                layers=tuple(self._layer(layer, where) for layer in layers),
                reserved_concurrency=None if concurrency is None else number(concurrency, where),
            )
        )
        for event in items(spec.get("events"), f"{where}.events"):
            for kind, value in table(event, f"{where}.events").items():
                self._event(kind, value, logical_id, f"{where}.events.{kind}")
        if spec.get("url"):
            self.urls.append(_url(spec["url"], logical_id, f"{where}.url"))

    def _layer(self, value: Json, where: str) -> str:
        """Return the key of a layer this service builds itself."""
        reference = table(value, f"{where}.layers").get("Ref")
        for key in table(self.document.get("layers"), "layers"):
            if reference == logical_name(key) + "LambdaLayer":
                return key
        raise InvalidError(f"{where}.layers: {compact(value)} is no layer of this service.")

    def _event(self, kind: str, value: Json, function: str, where: str) -> None:
        readers = {
            "httpApi": self._http_event,
            "websocket": self._socket_event,
            "sqs": self._queue_event,
            "eventBridge": self._bus_event,
            "schedule": self._schedule_event,
        }
        if kind not in readers:
            raise InvalidError(
                f"{where}: events of the kind {kind} are not served locally.",
                hint=f"Use one of {', '.join(readers)}.",
            )
        readers[kind](value, function, where)

    def _http_event(self, value: Json, function: str, where: str) -> None:
        spec = _http_event_table(value, where)
        path, method = text(spec.get("path"), where), text(spec.get("method", "*"), where)
        key = "$default" if path == "*" else f"{'ANY' if method == '*' else method.upper()} {path}"
        self.http_routes.append(HttpRoute(key, function, self._http_authorizer(spec, where)))

    def _http_authorizer(self, spec: dict[str, Json], where: str) -> Authorizer | None:
        wanted = spec.get("authorizer")
        if wanted is None:
            return None
        name = wanted if isinstance(wanted, str) else table(wanted, where).get("name")
        if not isinstance(name, str) or name not in self.authorizers:
            raise InvalidError(
                f"{where}: there is no authorizer {compact(name)} in provider.httpApi."
            )
        return self.authorizers[name]

    def _socket_event(self, value: Json, function: str, where: str) -> None:
        spec = {"route": value} if isinstance(value, str) else table(value, where)
        authorizer = None
        if wanted := spec.get("authorizer"):
            options = {"name": wanted} if isinstance(wanted, str) else table(wanted, where)
            default = "route.request.header.Auth"
            sources = one_or_many(options.get("identitySource", default))
            name = text(options.get("name"), f"{where}.authorizer.name")
            authorizer = Authorizer(
                name=name,
                function=function_id(name),
                identity_sources=tuple(text(s, where) for s in sources),
            )
        answers = spec.get("routeResponseSelectionExpression") is not None
        route = text(spec.get("route"), f"{where}.route")
        self.socket_routes.append(SocketRoute(route, function, authorizer, answers))

    def _queue_event(self, value: Json, function: str, where: str) -> None:
        is_bare = not isinstance(value, dict) or "arn" not in value
        spec = {"arn": value} if is_bare else table(value, where)
        filters = items(spec.get("filterPatterns"), f"{where}.filterPatterns")
        concurrency = spec.get("maximumConcurrency")
        self.queues.append(
            QueueMapping(
                queue=spec["arn"],
                function=function,
                batch_size=number(spec.get("batchSize", 10), where),
                window_s=number(spec.get("maximumBatchingWindow", 0), where),
                reports_failures=spec.get("functionResponseType") == "ReportBatchItemFailures",
                filters=tuple(compact(pattern) for pattern in filters),
                maximum_concurrency=None if concurrency is None else number(concurrency, where),
                is_enabled=spec.get("enabled", True) is True,
            )
        )

    def _bus_event(self, value: Json, function: str, where: str) -> None:
        spec = table(value, where)
        if "pattern" not in spec:
            raise InvalidError(f"{where}: give a pattern; for a rate use a schedule event.")
        for unserved in ("input", "inputPath", "inputTransformer"):
            if unserved in spec:
                raise InvalidError(f"{where}: {unserved} is not served locally.")
        enabled = spec.get("enabled", True) is True
        self.rules.append(EventRule(spec.get("eventBus"), spec["pattern"], function, enabled))

    def _schedule_event(self, value: Json, function: str, where: str) -> None:
        spec = {"rate": value} if isinstance(value, str) else table(value, where)
        payload = spec.get("input")
        for expression in one_or_many(spec.get("rate")):
            self.schedules.append(
                Schedule(
                    expression=text(expression, f"{where}.rate"),
                    function=function,
                    payload=payload if isinstance(payload, str | None) else compact(payload),
                    is_enabled=spec.get("enabled", True) is True,
                )
            )

    # -- state machines and resources ----------------------------------------------------------

    def _state_machines(self) -> None:
        section = table(self.document.get("stepFunctions"), "stepFunctions")
        machines = table(section.get("stateMachines"), "stepFunctions.stateMachines")
        for key, value in machines.items():
            where = f"stepFunctions.stateMachines.{key}"
            spec = table(value, where)
            name = text(spec.get("name"), f"{where}.name")
            custom = spec.get("id")
            machine = StateMachine(
                logical_id=logical_name(text(custom, where) if custom else name),
                name=name,
                kind=text(spec.get("type", "STANDARD"), where),
                definition=spec.get("definition"),
            )
            table(machine.definition, f"{where}.definition")
            self.state_machines.append(machine)
            for event in items(spec.get("events"), f"{where}.events"):
                self._machine_event(table(event, where), machine.logical_id, where)

    def _machine_event(self, event: dict[str, Json], machine: str, where: str) -> None:
        if set(event) != {"eventBridge"}:
            raise InvalidError(f"{where}.events: only eventBridge is served locally.")
        spec = table(event["eventBridge"], where)
        self.rules.append(EventRule(spec.get("eventBusName"), spec.get("event"), machine))

    def _resources(self) -> Iterator[Resource]:
        for part in one_or_many(self.document.get("resources") or []):
            declared = table(table(part, "resources").get("Resources"), "resources.Resources")
            for logical_id, value in declared.items():
                spec = table(value, f"resources.{logical_id}")
                kind = text(spec.get("Type"), f"resources.{logical_id}.Type")
                properties = table(spec.get("Properties"), f"resources.{logical_id}.Properties")
                if kind == "AWS::Events::Rule" and "EventPattern" in properties:
                    self.rules.extend(rules_of(logical_id, properties))
                if kind in SERVED_KINDS:
                    yield Resource(logical_id, kind, properties)

    def _layers(self) -> Iterator[tuple[str, Path]]:
        for key, value in table(self.document.get("layers"), "layers").items():
            where = f"layers.{key}"
            yield key, Path(text(table(value, where).get("path"), f"{where}.path"))


def _handler(spec: dict[str, Json], where: str) -> str:
    """Return the handler; for an image the command that names it, as local processes run that."""
    if "handler" in spec:
        return text(spec["handler"], f"{where}.handler")
    command = items(table(spec.get("image"), f"{where}.image").get("command"), f"{where}.image")
    if not command:
        raise InvalidError(f"{where}: give a handler, or an image with a command.")
    return text(command[0], f"{where}.image.command")


def _http_event_table(value: Json, where: str) -> dict[str, Json]:
    if not isinstance(value, str):
        return table(value, where)
    if value == "*":
        return {"method": "*", "path": "*"}
    method, _, path = value.partition(" ")
    return {"method": method, "path": path}


def _cors(
    spec: Json, where: str, methods: tuple[str, ...], headers: tuple[str, ...] = CORS_HEADERS
) -> Cors:
    options = {} if spec is True else table(spec, where)

    def listed(name: str, default: tuple[str, ...]) -> tuple[str, ...]:
        given = options.get(name)
        return default if given is None else tuple(text(v, where) for v in one_or_many(given))

    age = options.get("maxAge")
    return Cors(
        origins=listed("allowedOrigins", ("*",)),
        methods=listed("allowedMethods", methods),
        headers=listed("allowedHeaders", headers),
        exposed=listed("exposedResponseHeaders", ()),
        allows_credentials=options.get("allowCredentials") is True,
        max_age_s=None if age is None else number(age, where),
    )


def _url(value: Json, function: str, where: str) -> FunctionUrl:
    options = {} if value is True else table(value, where)
    cors = options.get("cors")
    return FunctionUrl(
        function=function,
        is_streaming=options.get("invokeMode") == "RESPONSE_STREAM",
        needs_signature=options.get("authorizer") == "aws_iam",
        cors=_cors(cors, f"{where}.cors", ("*",), URL_CORS_HEADERS) if cors else None,
    )
