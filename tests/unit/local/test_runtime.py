"""The runtime as a whole: what survives, what is cleaned up, what it says when it cannot start."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from infra.local.journal import Journal
from infra.local.ports import take_port
from infra.local.runtime import Runtime
from shared.kernel.errors import ConflictError, UnavailableError

ROOT = Path(__file__).parents[3]
SERVICE = ROOT / "tests" / "contract" / "service"
SCRIPT = """
import json, pathlib, signal, sys, threading
from infra.local.runtime import Runtime
ended = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: ended.set())
runtime = Runtime(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), http_port=0, aws_port=0,
                  stage="dev", fires_schedules_at_start=False)
runtime.start()
print(json.dumps({"http": runtime.endpoints.http, "aws": runtime.endpoints.aws}), flush=True)
ended.wait()
runtime.stop()
"""


@dataclass
class Running:
    process: subprocess.Popen[str]
    http: str
    aws: str

    def client(self, service: str) -> Any:
        return boto3.client(
            service,  # type: ignore[call-overload]
            endpoint_url=self.aws,
            region_name="eu-central-1",
            aws_access_key_id="x",
            aws_secret_access_key="x",
            config=Config(s3={"addressing_style": "path"}),
        )

    def children(self) -> list[int]:
        """Processes whose parent is the runtime."""
        path = Path(f"/proc/{self.process.pid}/task")
        found: list[int] = []
        for task in path.iterdir():
            with suppress(FileNotFoundError):  # a thread that ended meanwhile
                found += map(int, (task / "children").read_text().split())
        return found


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Callable[[], Running]]:
    processes = []

    def start() -> Running:
        process = subprocess.Popen(
            [sys.executable, "-c", SCRIPT, str(SERVICE), str(tmp_path / "data")],
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        processes.append(process)
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, "the runtime did not start"
        return Running(process, **json.loads(line))

    yield start
    for process in processes:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def until(condition: Callable[[], object], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_kill_leaves_no_process_and_loses_nothing(started: Callable[[], Running]) -> None:
    first = started()
    s3, sqs = first.client("s3"), first.client("sqs")
    versions = [
        s3.put_object(
            Bucket="wires-dev-uploads",
            Key="kept/ä.txt",
            Body=body,
            ContentType="text/plain",
            Metadata={"who": "me"},
        )["VersionId"]
        for body in (b"one", b"two")
    ]
    s3.put_object(Bucket="wires-dev-uploads", Key="gone", Body=b"x")
    s3.put_object(Bucket="wires-dev-evidence", Key="empty", Body=b"")
    s3.delete_object(Bucket="wires-dev-uploads", Key="gone")
    facts = sqs.get_queue_url(QueueName="wires-dev-facts")["QueueUrl"]
    for body in ("waiting", "in flight", "done"):
        sqs.send_message(QueueUrl=facts, MessageBody=body)
    for message in sqs.receive_message(QueueUrl=facts, MaxNumberOfMessages=10)["Messages"]:
        if message["Body"] == "done":
            sqs.delete_message(QueueUrl=facts, ReceiptHandle=message["ReceiptHandle"])
        if message["Body"] == "waiting":
            sqs.change_message_visibility(
                QueueUrl=facts, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
            )
    secrets = first.client("secretsmanager")
    password = secrets.get_secret_value(SecretId="wires-dev-password")
    assert len(password["SecretString"]) == 40

    first.client("lambda").invoke(FunctionName="wires-dev-step", Payload=b"{}")
    children = first.children()
    assert children
    first.process.send_signal(signal.SIGKILL)
    first.process.wait()
    until(lambda: not any(map(is_alive, children)))
    second = started()

    s3, sqs = second.client("s3"), second.client("sqs")
    kept = s3.get_object(Bucket="wires-dev-uploads", Key="kept/ä.txt")
    assert (kept["Body"].read(), kept["VersionId"]) == (b"two", versions[1])
    assert (kept["ContentType"], kept["Metadata"]) == ("text/plain", {"who": "me"})
    old = s3.get_object(Bucket="wires-dev-uploads", Key="kept/ä.txt", VersionId=versions[0])
    assert old["Body"].read() == b"one"
    assert s3.get_object(Bucket="wires-dev-evidence", Key="empty")["Body"].read() == b""
    names = [o["Key"] for o in s3.list_objects_v2(Bucket="wires-dev-uploads")["Contents"]]
    assert names == ["kept/ä.txt"]
    facts = sqs.get_queue_url(QueueName="wires-dev-facts")["QueueUrl"]
    received = sqs.receive_message(QueueUrl=facts, MaxNumberOfMessages=10, AttributeNames=["All"])[
        "Messages"
    ]
    counts = {m["Body"]: m["Attributes"]["ApproximateReceiveCount"] for m in received}
    assert counts == {"waiting": "2", "in flight": "1"}
    again = second.client("secretsmanager").get_secret_value(SecretId="wires-dev-password")
    assert (again["SecretString"], again["ARN"]) == (password["SecretString"], password["ARN"])


def test_a_stop_request_ends_everything(started: Callable[[], Running], tmp_path: Path) -> None:
    running = started()
    second = Runtime(SERVICE, tmp_path / "data", http_port=0, aws_port=0, stage="dev")
    with pytest.raises(ConflictError, match=f"in use by process {running.process.pid}"):
        second.start()
    running.client("lambda").invoke(FunctionName="wires-dev-step", Payload=b"{}")
    children = running.children()
    running.process.terminate()
    assert running.process.wait(30) == 0
    assert children
    assert not any(map(is_alive, children))


def test_a_taken_port_names_its_holder(tmp_path: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        runtime = Runtime(SERVICE, tmp_path, http_port=port, aws_port=0, stage="dev")
        with pytest.raises(ConflictError, match=f"port {port} is taken by .*{os.getpid()}"):
            runtime.start()
    # Nothing was left behind: the same folder can be used at once.
    lock_free = Runtime(SERVICE, tmp_path, http_port=0, aws_port=port, stage="dev")
    with take_port(port, purpose="The test"), pytest.raises(ConflictError, match="AWS endpoint"):
        lock_free.start()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    runtime = Runtime(SERVICE, tmp_path / "file" / "data", http_port=0, aws_port=0, stage="dev")
    with pytest.raises(UnavailableError, match="cannot be used"):
        runtime.start()


def test_a_damaged_journal_is_named(tmp_path: Path) -> None:
    (tmp_path / "journal.sqlite").write_bytes(b"not a database" * 100)
    with pytest.raises(UnavailableError, match="journal"):
        Journal(tmp_path)


def test_bytes_of_an_upload_nobody_recorded_are_swept(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.new_bytes().write(b"half")
    journal.close()
    assert len(list((tmp_path / "objects").rglob("*"))) == 2
    Journal(tmp_path).close()
    assert not [p for p in (tmp_path / "objects").rglob("*") if p.is_file()]
