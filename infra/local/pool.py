"""The pool: every function's execution environments, started on demand and kept warm."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from infra.local.environments import ExecutionEnvironment, FunctionSpec
from infra.local.runtime_api import Invocation, error_document
from shared.kernel.errors import KontorError, NotFoundError, UnavailableError

logger = logging.getLogger(__name__)

RETRY_DELAYS_S = (1.0, 2.0)  # Lambda waits one and two minutes between its three attempts
IDLE_EXPIRY_S = 900.0
WATCH_INTERVAL_S = 1.0
WATCHED = (".py", ".sql", ".json", ".yml")
ASYNC_WORKERS = 32
# A start costs a second of a core: whoever comes meanwhile may well be served by what is starting.
SOON_FREE_S = 0.3  # after its start, the time most first events take
LOOK_S = 0.05


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an invocation came to; ``payload`` is the error document when ``is_error``."""

    payload: bytes
    is_error: bool
    request_id: str

    @property
    def error_type(self) -> str:
        """The error's class name as the function's runtime gave it; empty without error."""
        if not self.is_error:
            return ""
        try:
            return str(json.loads(self.payload).get("errorType", "Unhandled"))
        except (ValueError, AttributeError):
            return "Unhandled"


class _FunctionPool:
    """The environments of one function, at most ``spec.concurrency`` of them."""

    def __init__(self, spec: FunctionSpec, generation: Callable[[], int]) -> None:
        self.spec = spec
        self._generation = generation
        self._slots = threading.BoundedSemaphore(spec.concurrency)
        self._lock = threading.Condition()
        self._idle: list[ExecutionEnvironment] = []
        self._busy: set[ExecutionEnvironment] = set()
        self._is_spawning = False
        self._is_closed = False

    def invoke(self, invocation: Invocation) -> Outcome:
        """Run one event in a warm environment or a new one; waits while all are busy."""
        with self._slots:
            started = time.perf_counter()
            environment, is_cold = self._take()
            if not is_cold:
                started = time.perf_counter()
            try:
                environment.run(invocation)
            finally:
                self._give_back(environment)
            outcome = _outcome(invocation)
            self._report(environment, outcome, is_cold=is_cold, started=started)
            return outcome

    def expire(self) -> None:
        """End idle environments that are outdated, dead or unused for long."""
        horizon = time.monotonic() - IDLE_EXPIRY_S
        with self._lock:
            old = [
                e
                for e in self._idle
                if e.generation != self._generation() or not e.is_usable or e.idle_since < horizon
            ]
            self._idle = [e for e in self._idle if e not in old]
        for environment in old:
            environment.close()

    def close(self) -> None:
        """End every environment, busy ones too."""
        with self._lock:
            self._is_closed = True
            everyone = [*self._idle, *self._busy]
            self._idle.clear()
            self._lock.notify_all()
        for environment in everyone:
            environment.close()

    def _take(self) -> tuple[ExecutionEnvironment, bool]:
        with self._lock:
            while (warm := self._warm()) is None and self._is_one_starting():
                self._lock.wait(LOOK_S)
            if warm is not None:
                return warm, False
            self._is_spawning = True
        try:
            environment = ExecutionEnvironment(self.spec, self._generation())
            with self._lock:
                if not self._is_closed:
                    self._busy.add(environment)
                    return environment, True
        finally:
            with self._lock:
                self._is_spawning = False
        environment.close()
        raise _stopping()

    def _warm(self) -> ExecutionEnvironment | None:
        """Take an idle environment; ``None`` without one. Raises UnavailableError when closed."""
        if self._is_closed:
            raise _stopping()
        while self._idle:
            environment = self._idle.pop()
            if environment.is_usable and environment.generation == self._generation():
                self._busy.add(environment)
                return environment
            environment.close()
        return None

    def _is_one_starting(self) -> bool:
        return self._is_spawning or any(
            each.is_usable and each.generation == self._generation() and each.is_new(SOON_FREE_S)
            for each in self._busy
        )

    def _give_back(self, environment: ExecutionEnvironment) -> None:
        environment.idle_since = time.monotonic()
        with self._lock:
            self._busy.discard(environment)
            if (
                environment.is_usable
                and environment.generation == self._generation()
                and not self._is_closed
            ):
                self._idle.append(environment)
                self._lock.notify()
                return
            self._lock.notify()
        environment.close()

    def _report(
        self,
        environment: ExecutionEnvironment,
        outcome: Outcome,
        *,
        is_cold: bool,
        started: float,
    ) -> None:
        init_ms = environment.init_ms if is_cold else 0.0
        fields = {
            "function": self.spec.key,
            "request_id": outcome.request_id,
            "duration_ms": round((time.perf_counter() - started) * 1000 - init_ms, 2),
            "init_ms": round(init_ms, 2),
            "max_memory_mb": environment.max_memory_mb,
            "error_type": outcome.error_type,
        }
        logger.info("REPORT", extra=fields)


class Pool:
    """All functions by key and by deployed name."""

    def __init__(self, specs: Iterable[FunctionSpec], *, watched: Iterable[Path] = ()) -> None:
        self._watched = tuple(watched)
        self._state = self._fingerprint()
        self._generation = 0
        self._functions = {
            spec.key: _FunctionPool(spec, lambda: self._generation) for spec in specs
        }
        self._keys = {pool.spec.name: key for key, pool in self._functions.items()}
        self._stopping = threading.Event()
        self._workers = ThreadPoolExecutor(ASYNC_WORKERS, thread_name_prefix="invoke")
        self._watcher = threading.Thread(target=self._watch, name="pool-watch", daemon=True)
        self._watcher.start()

    def spec(self, name: str) -> FunctionSpec:
        """Return a function by key, deployed name or ARN. Raises NotFoundError."""
        return self._find(name).spec

    def invoke(
        self, name: str, event: bytes, *, on_chunk: Callable[[bytes], None] | None = None
    ) -> Outcome:
        """Run a function and wait for its outcome, which may be an error of the function's.

        Raises NotFoundError for an unknown function, UnavailableError while stopping.
        """
        function = self._find(name)
        spec = function.spec
        return function.invoke(Invocation(event, spec.timeout_s, spec.arn, on_chunk))

    def invoke_later(self, name: str, event: bytes) -> None:
        """Run a function in the background, up to three times until it succeeds."""
        self._find(name)
        self._workers.submit(self._attempt, name, event)

    def submit(self, work: Callable[[], None]) -> None:
        """Run other background work on the same threads."""
        self._workers.submit(work)

    def close(self) -> None:
        """Stop watching, drop what waits in the background, end every process."""
        self._stopping.set()
        self._workers.shutdown(wait=False, cancel_futures=True)
        for function in self._functions.values():
            function.close()
        self._workers.shutdown(wait=True)
        self._watcher.join()

    def _find(self, name: str) -> _FunctionPool:
        key = name.split(":")[6] if name.startswith("arn:") else name
        key = self._keys.get(key, key)
        if key not in self._functions:
            raise NotFoundError(f"The service has no function {name}.")
        return self._functions[key]

    def _attempt(self, name: str, event: bytes) -> None:
        for delay_s in (*RETRY_DELAYS_S, None):
            try:
                outcome = self.invoke(name, event)
            except KontorError as error:
                logger.warning("invocation dropped", extra={"function": name, "reason": str(error)})
                return
            if not outcome.is_error:
                return
            if delay_s is None or self._stopping.wait(delay_s):
                break
        logger.error(
            "asynchronous invocation failed",
            extra={"function": name, "error_type": outcome.error_type},
        )

    # -- reload on change ----------------------------------------------------------------------

    def _fingerprint(self) -> tuple[int, int]:
        newest = count = 0
        for folder in self._watched:
            for path in folder.rglob("*"):
                if path.suffix in WATCHED and path.is_file():
                    count += 1
                    newest = max(newest, path.stat().st_mtime_ns)
        return newest, count

    def _watch(self) -> None:
        while not self._stopping.wait(WATCH_INTERVAL_S):
            try:
                state = self._fingerprint()
            except OSError:
                continue  # a file vanished while we looked; look again
            if state != self._state:
                self._state = state
                self._generation += 1
                logger.info("code changed, functions restart", extra={"files": state[1]})
            for function in self._functions.values():
                function.expire()


def _stopping() -> UnavailableError:
    return UnavailableError("The local runtime is stopping.")


def _outcome(invocation: Invocation) -> Outcome:
    if invocation.error is not None:
        return Outcome(invocation.error, is_error=True, request_id=invocation.request_id)
    if invocation.result is None:
        payload = error_document("Runtime.Unknown", "The invocation ended without an outcome.")
        return Outcome(payload, is_error=True, request_id=invocation.request_id)
    return Outcome(invocation.result, is_error=False, request_id=invocation.request_id)
