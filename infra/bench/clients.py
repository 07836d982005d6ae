"""Several clients that search at once: a process each, as every instance of a function is one.

Threads of one interpreter would wait for its lock, which no two functions share. Each client opens
a connection of its own and asks a few questions before the clock runs: what a session prepares once
belongs to its start. Beside the searches a second stands what a search cost the processor, client
and database together: on a busy machine that says more.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from threading import BrokenBarrierError

from infra.bench.processes import cpu_ms
from shared.adapters.database import Database
from shared.kernel.errors import UnavailableError

CLIENTS = 8
WARM_UP = 5
Ask = Callable[[Database, Sequence[str]], list[float]]
"""Asks questions one after the other; returns the milliseconds each took."""


@dataclass(frozen=True, slots=True)
class Throughput:
    """What several clients got through, and what a search cost them and the database."""

    per_second: float
    client_cpu_ms: float
    server_cpu_ms: float


def measure_throughput(url: str, questions: Sequence[str], ask: Ask) -> Throughput:
    """Let ``CLIENTS`` processes share the questions out and ask them all at once.

    Raises UnavailableError when a client fails; what went wrong stands on standard error.
    """
    # Forked, so that a client has the model that is loaded here, whatever model that is.
    forks = multiprocessing.get_context("fork")
    ready = forks.Barrier(CLIENTS + 1)
    ends, clients = [], []
    for number in range(CLIENTS):
        ours, theirs = forks.Pipe(duplex=False)
        client = forks.Process(
            target=_search,
            args=(url, questions[number::CLIENTS], ask, ready, theirs),
            daemon=True,
        )
        client.start()
        theirs.close()  # a client that dies is then an end of file here
        ends.append(ours)
        clients.append(client)
    try:
        ready.wait()
        began = time.perf_counter()
        used = [end.recv() for end in ends]
        took_s = time.perf_counter() - began
    except (EOFError, BrokenBarrierError) as error:
        raise UnavailableError("A client that was to search has failed.") from error
    finally:
        for client in clients:
            client.join()
    count = len(questions)
    client_ms, server_ms = (sum(each) / count for each in zip(*used, strict=True))
    return Throughput(count / took_s, client_ms, server_ms)


def _search(
    url: str, questions: Sequence[str], ask: Ask, ready: Barrier, result: Connection
) -> None:
    """Be one client: tell the parent what its questions cost, here and in its backend."""
    database = Database(url)
    try:
        ask(database, questions[:WARM_UP])
        with database.system_transaction() as session:
            backend = session.connection.info.backend_pid
        ready.wait()
        here, there = time.process_time(), cpu_ms(backend)
        ask(database, questions)
        result.send(((time.process_time() - here) * 1000, cpu_ms(backend) - there))
    except BaseException:
        ready.abort()
        raise
    finally:
        database.close()
