"""Fixtures for journeys: `kontor up` as a person starts it, and the command line as they use it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.local.ports import take_port

ROOT = Path(__file__).parents[2]
KONTOR = [str(Path(sys.executable).parent / "kontor")]
START_S = 90.0


def free_port() -> int:
    """A port nobody listens on right now."""
    with take_port(0, purpose="a test") as taken:
        return int(taken.getsockname()[1])


class Server:
    """One `kontor up` with a data folder, ports and a model of its own."""

    def __init__(self, folder: Path, model_dir: Path) -> None:
        self.data = folder / "data"
        self.output = folder / "up.log"
        self.http_port, self.aws_port = free_port(), free_port()
        self.openid_port = free_port()
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("AWS_")},  # noqa: TID251
            "HOME": str(folder),
            "MODEL_DIR": str(model_dir),
            "STUCK_AFTER_S": "2",
            "NO_COLOR": "1",
            "OIDC_INSIDE": f"127.0.0.1:{self.openid_port}",
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start and wait until it says that it is ready."""
        self.output.parent.mkdir(parents=True, exist_ok=True)
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [*KONTOR, "up", "--data", str(self.data), "--port", str(self.http_port),
                 "--aws-port", str(self.aws_port), "--no-reload"],
                cwd=ROOT, env=self.environment, stdout=output, stderr=subprocess.STDOUT,
            )  # fmt: skip
        self.wait(lambda: b"Kontor is ready" in self.output.read_bytes(), START_S)

    def wait(self, until: Callable[[], object], seconds: float) -> None:
        """Wait until something holds; fails with the server's output when it does not."""
        deadline = time.monotonic() + seconds
        while not until():
            alive = self.process is not None and self.process.poll() is None
            if not alive or time.monotonic() > deadline:
                pytest.fail(f"waited in vain:\n{self.output.read_text('utf-8')[-4000:]}")
            time.sleep(0.05)

    def kill(self) -> None:
        """End it as a power cut would."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        """End it as Ctrl-C would."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(30)

    @property
    def api(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    def profile(self) -> dict[str, Any]:
        """The login that `kontor up` made."""
        return dict(json.loads((self.data / "profile.json").read_text("utf-8")))

    def kontor(
        self, *words: str, ok: bool = True, typed: str = "", data: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run the command line against this server, or as somebody with a folder of their own."""
        result = subprocess.run(
            [*KONTOR, *words, "--data", str(data or self.data)],
            cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=180,
            check=False, input=typed,
        )  # fmt: skip
        if ok:
            assert result.returncode == 0, result.stdout + result.stderr
        return result

    def client(self, email: str = "", password: str = "", tenant: str = "") -> httpx.Client:
        """An HTTP client that is signed in; by default as the demo administrator."""
        login = self.profile()
        body = {"email": email or login["email"], "password": password or login["password"]}
        if tenant:
            body["tenant"] = tenant
        answer = httpx.post(f"{self.api}/auth/login", json=body, timeout=60)
        assert answer.status_code == 200, answer.text
        token = answer.json()["access_token"]
        return httpx.Client(
            base_url=self.api, headers={"authorization": f"Bearer {token}"}, timeout=60
        )


@pytest.fixture(scope="session")
def make_server(model_dir: Path) -> Iterator[Callable[[], Server]]:
    """Makes servers that are gone, with their folders, when the tests are."""
    made: list[tuple[Server, Path]] = []

    def make() -> Server:
        folder = Path(tempfile.mkdtemp(prefix="kj-"))
        server = Server(folder, model_dir)
        made.append((server, folder))
        return server

    yield make
    for server, folder in made:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def server(make_server: Callable[[], Server]) -> Server:
    """One running server for all journeys that leave it running."""
    running = make_server()
    running.start()
    return running
