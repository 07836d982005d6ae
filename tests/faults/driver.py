"""The cloud as a test drives it: queue, workflow and schedule deliver at least once, in any order.

Storage, queue and executions are the emulator's, rows are Postgres', handlers run in workers that
are really killed. Only *when* something is delivered is decided here, by a random generator.
"""

from __future__ import annotations

import json
import random
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
from pydantic import SecretStr

from infra.chaos.checking import Expectation, Violation, count_unfinished, find_violations
from infra.local.serverless import load_service
from shared.adapters import aws as clients
from shared.documents import service as documents
from shared.ingestion.intake import Arrival
from shared.kernel.errors import NotFoundError
from shared.kernel.ids import DocumentId
from shared.kernel.settings import read_settings
from shared.realtime import service as realtime
from shared.wiring import App
from tests.faults.states import ExecutionFailedError, Failure, Run, Task, lambda_failure, run
from tests.faults.worker import CREDENTIALS
from tests.functions.conftest import Uploader

ROOT = Path(__file__).parents[2]
MACHINE = json.loads((ROOT / "infra" / "workflows" / "ingest.asl.json").read_text("utf-8"))
MOST_RECEIVES = 8
HEALING_ROUNDS = 12


@dataclass(frozen=True, slots=True)
class Delivered:
    """What came of one delivery: ``outcome`` is ``None`` when the worker was killed."""

    function: str
    points: tuple[str, ...]
    outcome: dict[str, Any] | Failure | None


class Host:
    """The process that forks workers; start it once, it serves every test."""

    def __init__(self, model_dir: Path, endpoint: str) -> None:
        region = read_settings({}).storage_region
        self._folder = Path(tempfile.mkdtemp(prefix="kf-"))
        self._address = str(self._folder / "s")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.worker", self._address, str(model_dir),
             endpoint, region, *sorted(functions_with_effects())],
            cwd=ROOT, stdout=subprocess.PIPE,
        )  # fmt: skip
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"ready\n"

    def stop(self) -> None:
        """End it; workers end with their connections."""
        self._process.terminate()
        self._process.wait(10)
        assert self._process.stdout is not None
        self._process.stdout.close()
        shutil.rmtree(self._folder)

    def worker(self, app: App, *, without_inbox: bool) -> Worker:
        """Fork a worker for one test's App."""
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(self._address)
        return Worker(
            connection, {"environment": _environment(app), "without_inbox": without_inbox}
        )


class Worker:
    """One process that handles deliveries until it is killed or closed."""

    def __init__(self, connection: socket.socket, configured: dict[str, object]) -> None:
        self._connection = connection
        self._stream = connection.makefile("rb")
        self._say(configured)

    def deliver(self, function: str, event: dict[str, Any], *, kill_at: int = 0) -> Delivered:
        """Run a handler; with ``kill_at`` the worker dies at so many boundaries passed."""
        self._say({"function": function, "event": event, "kill_at": kill_at})
        points = []
        while line := self._stream.readline():
            message = json.loads(line)
            if "point" in message:
                points.append(str(message["point"]))
            elif "error" in message:
                failure = lambda_failure(message["error"], message["message"])
                return Delivered(function, tuple(points), failure)
            else:
                return Delivered(function, tuple(points), message["result"])
        return Delivered(function, tuple(points), None)

    def close(self) -> None:
        """Let the worker go."""
        self._stream.close()
        self._connection.close()

    def _say(self, message: dict[str, Any]) -> None:
        self._connection.sendall(json.dumps(message).encode() + b"\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """How often things go wrong; each a probability per delivery."""

    duplicate: float = 0.0
    drop: float = 0.0
    lose_acknowledgement: float = 0.0
    kill: float = 0.0
    most_kills: int = 6
    farthest_boundary: int = 6


@dataclass(slots=True)
class Message:
    """A message of the intake queue."""

    body: str
    receives: int = 0


@dataclass(slots=True)
class Execution:
    """A workflow under way, and the task it waits for."""

    name: str
    steps: Run
    task: Task


@dataclass
class World:
    """One test's cloud. ``seed`` decides everything that is random."""

    app: App
    uploader: Uploader
    owner_url: str
    host: Host
    seed: int = 0
    faults: Faults = field(default_factory=Faults)
    without_inbox: bool = False

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.messages: list[Message] = []
        self.dead: list[Message] = []
        self.executions: list[Execution] = []
        self.good: set[UUID] = set()
        self.poison: set[UUID] = set()
        self.either: set[UUID] = set()
        self.delivered: list[Delivered] = []
        self.kills: list[str] = []
        self._known: set[str] = set()
        self._past: list[Task] = []
        self._worker: Worker | None = None
        options = {
            "region": self.app.settings.storage_region,
            "endpoint": self.app.settings.aws_endpoint_url,
        }
        self._sqs, self._sfn = (
            clients.client(name, **options) for name in ("sqs", "stepfunctions")
        )

    # -- what people do ------------------------------------------------------------------------

    def upload(
        self, filename: str, body: bytes, *, poison: bool = False, **fields: object
    ) -> Arrival:
        """Send a file; S3's announcement is waiting, unless it is lost."""
        arrival = self.uploader.send(filename, body, **fields)
        (self.poison if poison else self.good).add(arrival.upload_id)
        if not self._happens(self.faults.drop):
            self.announce(arrival, size_bytes=len(body))
        return arrival

    def announce(self, arrival: Arrival, *, size_bytes: int) -> None:
        """Put S3's announcement of an object into the queue."""
        item = {"key": arrival.key, "size": size_bytes, "versionId": ""}
        record = {
            "eventSource": "aws:s3",
            "eventName": "ObjectCreated:Post",
            "s3": {"bucket": {"name": self.app.objects.bucket}, "object": item},
        }
        self.messages.append(Message(json.dumps({"Records": [record]})))

    def document_of(self, arrival: Arrival) -> DocumentId | None:
        """Say which document an upload became, once intake has seen it."""
        with self.app.database.transaction(arrival.tenant_id) as session:
            return realtime.find_job(session, arrival.upload_id).document_id

    def remove(self, document_id: DocumentId) -> None:
        """Put a document into the trash, as the HTTP route does."""
        with self.app.database.transaction(self.uploader.tenant) as session:
            for version in documents.remove_document(session, document_id):
                self.app.chunk_index.remove(session, version.id)

    # -- what the cloud does -------------------------------------------------------------------

    def deliver(self, function: str, event: dict[str, Any], *, kill_at: int = 0) -> Delivered:
        """Deliver one event to a warm worker, or to a new one when the last was killed."""
        if self._worker is None:
            self._worker = self.host.worker(self.app, without_inbox=self.without_inbox)
        done = self._worker.deliver(function, event, kill_at=kill_at)
        self.delivered.append(done)
        if done.outcome is None:
            self.kills.append(done.points[-1])
            self._worker.close()
            self._worker = None
        return done

    def step(self) -> bool:
        """Deliver something that waits, chosen at random; False when nothing waits."""
        self.collect()
        waiting: list[Message | Execution] = [*self.messages, *self.executions]
        if not waiting:
            return False
        chosen = self.random.choice(waiting)
        kill_at = 0
        if len(self.kills) < self.faults.most_kills and self._happens(self.faults.kill):
            kill_at = self.random.randint(1, self.faults.farthest_boundary)
        if isinstance(chosen, Message):
            self.receive(chosen, kill_at=kill_at)
        else:
            self.advance(chosen, kill_at=kill_at)
        return True

    def receive(self, message: Message, *, kill_at: int = 0) -> Delivered:
        """Deliver a queue's message; it goes only when it was handled and acknowledged."""
        message.receives += 1
        done = self.deliver("intake", sqs_event(message), kill_at=kill_at)
        is_handled = isinstance(done.outcome, dict) and not done.outcome.get("batchItemFailures")
        is_lost = self._happens(self.faults.lose_acknowledgement)
        if is_handled and not is_lost and not self._happens(self.faults.duplicate):
            self.messages.remove(message)
        elif message.receives >= MOST_RECEIVES:
            self.messages.remove(message)
            if not is_handled:
                self.dead.append(message)
        return done

    def advance(self, execution: Execution, *, kill_at: int = 0) -> Delivered:
        """Deliver a workflow's task and go on with what came of it."""
        if self._past and self._happens(self.faults.duplicate):
            late = self.random.choice(self._past)
            self.deliver(late.function, late.event)
        task = execution.task
        done = self.deliver(task.function, task.event, kill_at=kill_at)
        self._past.append(task)
        outcome = done.outcome
        if outcome is None:
            outcome = lambda_failure("Runtime.ExitError", "Runtime exited with error: signal: 9")
        elif isinstance(outcome, dict) and self._happens(self.faults.lose_acknowledgement):
            outcome = Failure("Lambda.SdkClientException", "the answer was lost")
        try:
            execution.task = execution.steps.send(outcome)
        except (StopIteration, ExecutionFailedError):
            self.end(execution)
        return done

    def end(self, execution: Execution) -> None:
        """Take a workflow off the stage: finished, failed or vanished."""
        self.executions.remove(execution)
        arn = self.app.settings.ingest_workflow.replace(":stateMachine:", ":execution:")
        self._sfn.stop_execution(executionArn=f"{arn}:{execution.name}")

    def sweep(self, *, kill_at: int = 0) -> Delivered:
        """Run the schedule's function as if everything had been silent for long enough."""
        self.set_back(
            "UPDATE kontor.uploads SET created_at = created_at - interval '1 minute'",
            "UPDATE kontor.versions SET updated_at = now() - interval '1 hour'",
            "UPDATE kontor.documents SET removed_at = now() - interval '1 year'"
            " WHERE removed_at IS NOT NULL",
            "UPDATE kontor.outbox SET created_at = created_at - interval '1 minute'",
            "UPDATE kontor.running_workflows SET started_at = now() - interval '1 hour'",
        )
        return self.deliver("sweep", {}, kill_at=kill_at)

    def set_back(self, *statements: str) -> None:
        """Change rows as time would have."""
        with psycopg.connect(self.owner_url) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def adopt_members(self) -> None:
        """Count files that came inside others to those that must end."""
        with psycopg.connect(self.owner_url) as connection:
            rows = connection.execute("SELECT id FROM kontor.jobs").fetchall()
        self.either |= {row[0] for row in rows} - self.good - self.poison

    def expect_any_end(self, arrival: Arrival) -> None:
        """Count an upload to those that must end, one way or the other."""
        self.good.discard(arrival.upload_id)
        self.either.add(arrival.upload_id)

    def expect_failure(self, arrival: Arrival) -> None:
        """Count an upload to those that must fail."""
        self.good.discard(arrival.upload_id)
        self.poison.add(arrival.upload_id)

    def drain(self) -> None:
        """Deliver everything, heal by sweeping, until nothing is left to do."""
        for _ in range(HEALING_ROUNDS):
            while self.step():
                pass
            with psycopg.connect(self.owner_url) as connection:
                if not count_unfinished(connection, self.good | self.poison | self.either):
                    return
            self.sweep()

    def violations(self) -> list[Violation]:
        """Check everything against what was uploaded."""
        with psycopg.connect(self.owner_url) as connection:
            found = find_violations(connection, Expectation(self.good, self.poison, self.either))
        if self.dead:
            found.append(Violation("dead", len(self.dead), "good messages are dead letters"))
        return found

    def close(self) -> None:
        """Let the worker go."""
        if self._worker is not None:
            self._worker.close()

    def collect(self) -> None:
        """Pick up what the product sent: messages the sweep repeated, workflows it started."""
        if self.delivered and self.delivered[-1].function == "sweep":
            self._receive_resent()
        listed = self._sfn.list_executions(
            stateMachineArn=self.app.settings.ingest_workflow, statusFilter="RUNNING"
        )
        for item in sorted(listed["executions"], key=lambda one: str(one["name"])):
            if item["name"] not in self._known:
                self._known.add(item["name"])
                self._begin(item["name"], item["executionArn"])

    def _receive_resent(self) -> None:
        queue = self.app.settings.intake_queue_url
        found = self._sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=0)
        for message in found.get("Messages", []):
            self._sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
            self.messages.append(Message(message["Body"]))

    def _begin(self, name: str, arn: str) -> None:
        data = json.loads(self._sfn.describe_execution(executionArn=arn)["input"])
        steps = run(MACHINE, data, self.random.shuffle)
        execution = Execution(name, steps, next(steps))
        self.executions.append(execution)
        if self._happens(self.faults.drop):
            self.end(execution)

    def _happens(self, probability: float) -> bool:
        return self.random.random() < probability


@contextmanager
def closing(world: World) -> Iterator[World]:
    """Let a world's worker go at the end."""
    try:
        yield world
    finally:
        world.close()


def functions_with_effects() -> set[str]:
    """Name the functions that events reach: by queue, workflow, schedule or bus."""
    model = load_service(ROOT)
    steps = {name for machine in model.state_machines for name in machine.functions()}
    found = {mapping.function for mapping in model.queues}
    found |= {schedule.function for schedule in model.schedules}
    found |= {rule.target for rule in model.rules}
    names = {function.logical_id for function in model.functions}
    return {model.function(name).key for name in (steps | found) & names}


def try_remove(world: World, document_id: DocumentId) -> None:
    """Remove a document unless somebody did before."""
    try:
        world.remove(document_id)
    except NotFoundError:
        return


def _environment(app: App) -> dict[str, str]:
    given = {}
    for name in app.settings.model_fields_set:
        value = getattr(app.settings, name)
        given[name.upper()] = (
            value.get_secret_value() if isinstance(value, SecretStr) else str(value)
        )
    return {
        **given,
        **CREDENTIALS,
        "LOG_LEVEL": "CRITICAL",
    }


def sqs_event(message: Message) -> dict[str, Any]:
    """Write the event a function gets with one message of a queue."""
    record = {
        "messageId": uuid4().hex,
        "receiptHandle": "handle",
        "body": message.body,
        "attributes": {"ApproximateReceiveCount": str(message.receives)},
        "messageAttributes": {},
        "md5OfBody": "",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-central-1:123456789012:intake",
        "awsRegion": "eu-central-1",
    }
    return {"Records": [record]}
