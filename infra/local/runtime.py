"""The local runtime: cloud, functions, pollers, scheduler, gateway; started and stopped as one."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

from infra.local.cloud import Around, EmbeddedCloud, unchanged
from infra.local.environments import LAMBDA_RUNTIME, FunctionSpec
from infra.local.gateway import Gateway
from infra.local.journal import Journal
from infra.local.locks import FolderLock
from infra.local.pollers import QueuePoller, Source
from infra.local.pool import Pool
from infra.local.provision import ACCOUNT, Provisioner
from infra.local.routing import RoutingModel
from infra.local.scheduler import Scheduler
from infra.local.serverless import load_service

logger = logging.getLogger(__name__)

# Built layers hold wheels for the deployed Python; here the environment itself has them.
BUILT = "build"
RELOADED = ("functions", "shared", "layers")
# What an external endpoint takes over; orchestration stays here, where the functions run.
EXTERNAL_SERVICES = frozenset({"s3", "sqs", "secretsmanager", "ssm"})
ORCHESTRATION = ("SFN", "LAMBDA", "EVENTBRIDGE")


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where a running runtime answers. ``names`` gives Ref values by logical id."""

    http: str
    websocket: str
    connections: str
    aws: str
    urls: Mapping[str, str]


@dataclass
class Runtime:
    """Runs the service in ``root`` with its state in ``data``.

    ``environment`` is given to every function and wins over the template (``DATABASE_URL``…).
    ``aws_url`` names an outside endpoint for storage, queues and secrets. Port 0 takes a free one.
    ``program`` and ``around_cloud`` are for chaos: who runs handlers, what weather is.
    """

    root: Path
    data: Path
    http_port: int = 3000
    aws_port: int = 4566
    stage: str = "local"
    environment: Mapping[str, str] = field(default_factory=dict)
    aws_url: str = ""
    aws_credentials: Mapping[str, str] = field(default_factory=dict)
    fires_schedules_at_start: bool = True
    watches_code: bool = True
    model: RoutingModel | None = None
    program: tuple[str, ...] = LAMBDA_RUNTIME
    around_cloud: Around = unchanged

    def __post_init__(self) -> None:
        self.root, self.data = self.root.absolute(), self.data.absolute()
        self._undo: list[Callable[[], None]] = []
        self._endpoints: Endpoints | None = None
        self._pool: Pool | None = None
        self.provisioner: Provisioner | None = None

    @property
    def endpoints(self) -> Endpoints:
        """Where it answers, once started."""
        assert self._endpoints is not None, "start the runtime first"
        return self._endpoints

    @property
    def pool(self) -> Pool:
        """The functions, once started."""
        assert self._pool is not None, "start the runtime first"
        return self._pool

    def start(self) -> None:
        """Start everything; returns when every wire is connected.

        Raises ConflictError or UnavailableError in one clear sentence when a port is taken, the
        folder is in use or the disk is full; then nothing is left running.
        """
        began = time.perf_counter()
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        seconds = round(time.perf_counter() - began, 2)
        logger.info("runtime ready", extra={"seconds": seconds, "http": self.endpoints.http})

    def stop(self) -> None:
        """Stop everything in the reverse order of starting."""
        while self._undo:
            step = self._undo.pop()
            step()
        self._endpoints = self._pool = None

    def client(self, service: str) -> Any:
        """Return a boto3 client for a service of this runtime."""
        return self._clients(service)

    def _start(self) -> None:
        model = self.model or load_service(self.root, self.stage)
        self._lock_folder()
        gateway = Gateway(self.http_port)
        self._undo.append(gateway.stop)
        cloud = self._start_cloud(model)
        self._clients = _client_maker(self, cloud.endpoint, model.region)
        provisioner = self.provisioner = Provisioner(model, self._clients, gateway.websocket_url)
        cloud.connect(_NoDelivery())
        cloud.attach_journal()
        provisioner.make_resources()
        self._endpoints = _endpoints(model, gateway, self.aws_url or cloud.endpoint)
        for url in model.urls:
            address = self._endpoints.urls[model.function(url.function).key]
            provisioner.intrinsics.define(f"{url.function}Url", address, FunctionUrl=address)
        pool = self._pool = self._start_pool(model, provisioner, cloud)
        cloud.connect(_Delivery(pool, cloud, self._clients))
        logger.info("state restored", extra=cloud.restore())
        provisioner.make_wires()
        self._start_pollers(model, provisioner, pool)
        gateway.start(model, pool)
        self._start_scheduler(model, pool)

    def _lock_folder(self) -> None:
        lock = FolderLock(self.data)
        lock.acquire(purpose="The local runtime")
        self._undo.append(lock.release)

    def _start_cloud(self, model: RoutingModel) -> EmbeddedCloud:
        journal = Journal(self.data)
        self._undo.append(journal.close)
        cloud = EmbeddedCloud(
            port=self.aws_port,
            region=model.region,
            journal=None if self.aws_url else journal,
            around=self.around_cloud,
        )
        cloud.start()
        self._undo.append(cloud.stop)
        return cloud

    def _start_pool(
        self, model: RoutingModel, provisioner: Provisioner, cloud: EmbeddedCloud
    ) -> Pool:
        watched = [self.root / name for name in RELOADED] if self.watches_code else []
        common = self._common_environment(cloud)
        cores = os.cpu_count() or 1
        at_once = max(4, 2 * cores)
        # Steps of a workflow compute; more of them at once than cores only get in each other's way.
        steps = {name for machine in model.state_machines for name in machine.functions()}
        specs = [
            FunctionSpec(
                key=function.key,
                name=function.name,
                arn=f"arn:aws:lambda:{model.region}:{ACCOUNT}:function:{function.name}",
                handler=function.handler,
                timeout_s=float(function.timeout_s),
                memory_mb=function.memory_mb,
                environment={**provisioner.environment(function.logical_id), **common},
                layers=tuple(
                    self.root / model.layers[layer]
                    for layer in function.layers
                    if model.layers[layer].parts[:1] != (BUILT,)
                ),
                root=self.root,
                region=model.region,
                concurrency=min(
                    function.reserved_concurrency or at_once,
                    max(2, cores) if function.logical_id in steps else at_once,
                ),
                log=self.data / "logs" / f"{function.key}.log",
                program=self.program,
            )
            for function in model.functions
        ]
        pool = Pool(specs, watched=[folder for folder in watched if folder.is_dir()])
        self._undo.append(pool.close)
        return pool

    def _common_environment(self, cloud: EmbeddedCloud) -> dict[str, str]:
        credentials = self.aws_credentials or {
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
        }
        inner = {f"AWS_ENDPOINT_URL_{name}": cloud.endpoint for name in ORCHESTRATION}
        return {
            **credentials,
            "AWS_ENDPOINT_URL": self.endpoints.aws,
            **(inner if self.aws_url else {}),
            "WEBSOCKET_ENDPOINT": self.endpoints.connections,
            **self.environment,
        }

    def _start_pollers(self, model: RoutingModel, provisioner: Provisioner, pool: Pool) -> None:
        pollers = []
        for mapping in model.queues:
            if not mapping.is_enabled:
                continue
            arn = provisioner.queue_arn(mapping.queue)
            sqs = self._clients("sqs")
            url = sqs.get_queue_url(QueueName=arn.rpartition(":")[2])["QueueUrl"]
            key = model.function(mapping.function).key
            pollers.append(QueuePoller(Source(mapping, key, arn, url, model.region), sqs, pool))

        def stop() -> None:
            for poller in pollers:
                poller.stop()

        def join() -> None:
            for poller in pollers:
                poller.join()

        # Batches under way end when the pool ends their functions, so join comes after that.
        self._undo.insert(self._undo.index(pool.close), join)
        self._undo.append(stop)
        for poller in pollers:
            poller.start()

    def _start_scheduler(self, model: RoutingModel, pool: Pool) -> None:
        keys = {function.logical_id: function.key for function in model.functions}
        scheduler = Scheduler(model.schedules, pool, keys=keys, region=model.region)
        scheduler.start(fires_at_start=self.fires_schedules_at_start)
        self._undo.append(scheduler.stop)


class _NoDelivery:
    """Where moto's events go while resources are made: nowhere, there are none."""

    def invoke(self, name: str, event: bytes) -> tuple[bytes, bool]:
        raise RuntimeError(f"{name} was called before the functions were there")

    def invoke_later(self, name: str, event: bytes) -> None:
        raise RuntimeError(f"{name} was called before the functions were there")

    def deliver(self, arn: str, event: bytes) -> None:
        raise RuntimeError(f"{arn} got an event before it was there")

    def object_changed(self, bucket: str, name: str) -> None:
        raise RuntimeError(f"{bucket}/{name} changed before the journal was open")


class _Delivery:
    """Connects moto's events with the pool and the other services."""

    def __init__(self, pool: Pool, cloud: EmbeddedCloud, clients: Callable[[str], Any]) -> None:
        self._pool = pool
        self._cloud = cloud
        self._clients = clients

    def invoke(self, name: str, event: bytes) -> tuple[bytes, bool]:
        outcome = self._pool.invoke(name, event)
        return outcome.payload, outcome.is_error

    def invoke_later(self, name: str, event: bytes) -> None:
        self._pool.invoke_later(name, event)

    def deliver(self, arn: str, event: bytes) -> None:
        self._pool.submit(lambda: self._deliver(arn, event))

    def _deliver(self, arn: str, event: bytes) -> None:
        service = arn.split(":")[2]
        if service == "sqs":
            sqs = self._clients("sqs")
            url = sqs.get_queue_url(QueueName=arn.rpartition(":")[2])["QueueUrl"]
            sqs.send_message(QueueUrl=url, MessageBody=event.decode())
        elif service == "states":
            self._clients("stepfunctions").start_execution(
                stateMachineArn=arn, name=str(uuid4()), input=event.decode()
            )
        else:
            logger.error("event target not served", extra={"arn": arn})

    def object_changed(self, bucket: str, name: str) -> None:
        self._cloud.record_object(bucket, name)


def _client_maker(runtime: Runtime, inner: str, region: str) -> Callable[[str], Any]:
    credentials = runtime.aws_credentials

    @cache
    def client(service: str) -> Any:
        import boto3
        from botocore.config import Config

        is_external = bool(runtime.aws_url) and service in EXTERNAL_SERVICES
        session = boto3.session.Session(
            aws_access_key_id=credentials.get("AWS_ACCESS_KEY_ID", "local"),
            aws_secret_access_key=credentials.get("AWS_SECRET_ACCESS_KEY", "local"),
            aws_session_token=credentials.get("AWS_SESSION_TOKEN"),
            region_name=region,
        )
        return session.client(
            service,  # type: ignore[call-overload,unused-ignore]
            endpoint_url=runtime.aws_url if is_external else inner,
            config=Config(
                connect_timeout=5,
                read_timeout=30,
                max_pool_connections=32,
                retries={"total_max_attempts": 2, "mode": "standard"},
                s3={"addressing_style": "path"},
            ),
        )

    return client


def _endpoints(model: RoutingModel, gateway: Gateway, aws: str) -> Endpoints:
    urls = {
        model.function(
            url.function
        ).key: f"{gateway.http_url}/_url/{model.function(url.function).key}"
        for url in model.urls
    }
    return Endpoints(gateway.http_url, gateway.websocket_url, gateway.http_url, aws, urls)
