"""The engine of chaos: uploads, breaks, waits for calm, checks.

Faults come from one seeded schedule; what a kill interrupts is left to the operating system, so a
run is not repeatable to the letter. The schedules that are live in tests/faults.
"""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import psycopg
from botocore.exceptions import BotoCoreError, ClientError

from infra.chaos.checking import Expectation, Violation, count_unfinished, find_violations
from infra.chaos.ground import Ground
from infra.chaos.papers import Paper, papers
from infra.chaos.plan import Plan, Report
from infra.chaos.weather import Weather
from infra.chaos.worker import note
from shared.kernel.errors import KontorError, UnavailableError

Progress = Callable[[str], None]
BOUNDARIES_PER_DOCUMENT = 14
AT_BOUNDARIES = 0.5  # share of the kills that workers do to themselves
UPLOADS_AT_ONCE = 3
LOOK_S = 0.5
UPLOAD_PATIENCE_S = 180.0
STORM = Weather(errors=0.4, slow=0.3, delay_s=1.5, kills=True)


@dataclass
class Tally:
    """What has been done so far; several threads count."""

    good: set[UUID] = field(default_factory=set)
    poison: set[UUID] = field(default_factory=set)
    crashes: int = 0
    full_disks: int = 0
    storms: int = 0
    lost: int = 0
    doubled: int = 0
    kills: int = 0


class Engine:
    """One run of chaos on a ground of its own."""

    def __init__(self, plan: Plan, surroundings: Mapping[str, str], progress: Progress) -> None:
        self._plan = plan
        self._surroundings = surroundings
        self._progress = progress
        self._random = random.Random(plan.seed)  # noqa: S311 - a fault schedule, not a secret
        self._tally = Tally()
        self._calm = threading.Event()

    def run(self) -> Report:
        """Do everything. Raises UnavailableError when the server does not start or is gone."""
        plan = self._plan
        chance = AT_BOUNDARIES * plan.kills / max(1, plan.documents * BOUNDARIES_PER_DOCUMENT)
        self._progress("Starting a server to break.")
        model_dir = plan.model_dir or _built_model(self._progress)
        with Ground(
            self._surroundings, model_dir=model_dir, kill_chance=chance, seed=plan.seed
        ) as ground:
            self._break(ground)
            self._progress("Calm: waiting until everything has come to rest.")
            drained_s = self._wait_for_rest(ground)
            return self._report(ground, drained_s)

    # -- breaking ------------------------------------------------------------------------------

    def _break(self, ground: Ground) -> None:
        """Upload and break at the same time, until both are done."""
        ground.change_weather(Weather(kills=True))
        with ThreadPoolExecutor(UPLOADS_AT_ONCE + 1) as beside:
            try:
                tampering = beside.submit(self._tamper, ground)
                pace_s = self._plan.minutes * 60 * 0.8 / max(1, self._plan.documents)
                uploads = beside.submit(self._upload_all, ground, pace_s)
                self._schedule(ground, uploads.done)
                uploads.result()
            finally:
                self._calm.set()
                ground.change_weather(Weather())
            tampering.result()

    def _schedule(self, ground: Ground, is_uploaded: Callable[[], bool]) -> None:
        """Do the great faults at their times and small kills in between."""
        began = time.monotonic()
        ends = began + self._plan.minutes * 60
        waiting = sorted(self._great_faults(began, ends), key=lambda one: one[0])
        while waiting or not is_uploaded() or time.monotonic() < ends:
            if waiting and time.monotonic() >= waiting[0][0]:
                waiting.pop(0)[1](ground)
                continue
            left = max(1.0, ends - time.monotonic())
            missing = self._plan.kills - self._count_kills(ground)
            share = max(0.0, missing) * (1 - AT_BOUNDARIES if left > LOOK_S * 20 else 1)
            if self._random.random() < share * LOOK_S / left:
                self._kill_worker(ground)
            self._say(ground)
            time.sleep(LOOK_S)
        while self._count_kills(ground) < self._plan.kills and self._is_busy(ground):
            self._kill_worker(ground)
            self._say(ground)
            time.sleep(LOOK_S)

    def _great_faults(
        self, began: float, ends: float
    ) -> Iterator[tuple[float, Callable[[Ground], None]]]:
        faults: list[Callable[[Ground], None]] = []
        faults += [self._crash_postgres] * self._plan.crashes
        faults += [self._fill_disk] * self._plan.full_disks
        faults += [self._storm] * self._plan.storms
        self._random.shuffle(faults)
        step = (ends - began) * 0.9 / max(1, len(faults))
        for number, fault in enumerate(faults):
            yield began + (number + 0.2 + 0.6 * self._random.random()) * step, fault

    def _crash_postgres(self, ground: Ground) -> None:
        """End Postgres as a power cut would: immediate shutdown, or SIGKILL."""
        process_id = ground.postmaster()
        if process_id is not None:
            number = self._random.choice((signal.SIGQUIT, signal.SIGKILL))
            with suppress(ProcessLookupError):
                os.kill(process_id, number)
                self._tally.crashes += 1

    def _fill_disk(self, ground: Ground) -> None:
        if ground.disk.is_small:
            ground.disk.fill(self._plan.full_s)
            self._tally.full_disks += 1

    def _storm(self, ground: Ground) -> None:
        ground.change_weather(STORM)
        self._calm.wait(self._plan.storm_s)
        ground.change_weather(Weather(kills=True))
        self._tally.storms += 1

    def _kill_worker(self, ground: Ground) -> None:
        workers = ground.workers()
        if not workers:
            return
        chosen = self._random.choice(workers)
        with suppress(ProcessLookupError):
            os.kill(chosen.id, signal.SIGKILL)
            note(ground.folder, "anywhere")

    def _count_kills(self, ground: Ground) -> int:
        return len(ground.kills_log.read_text("utf-8").splitlines())

    def _is_busy(self, ground: Ground) -> bool:
        try:
            with ground.connect() as connection:
                return count_unfinished(connection, self._tally.good) > 0
        except psycopg.Error:
            return True

    # -- uploading and tampering ---------------------------------------------------------------

    def _upload_all(self, ground: Ground, pace_s: float) -> None:
        """Send every file, spread over the time of the faults."""
        began = time.monotonic()
        with ThreadPoolExecutor(UPLOADS_AT_ONCE) as pool:
            sent = []
            for number, paper in enumerate(papers(self._plan.documents, self._plan.seed)):
                time.sleep(max(0.0, began + number * pace_s - time.monotonic()))
                sent.append(pool.submit(self._upload, ground, paper))
            for one in sent:
                one.result()

    def _upload(self, ground: Ground, paper: Paper) -> None:
        """Send one file until the server says that it has it."""
        until = time.monotonic() + UPLOAD_PATIENCE_S
        while True:
            try:
                answer = ground.client.call(
                    "POST",
                    "/api/v1/assets",
                    params={"filename": paper.name},
                    content=paper.content,
                    headers={"content-type": "text/plain"},
                )
            except KontorError as error:
                if time.monotonic() > until:
                    raise UnavailableError(f"{paper.name} cannot be uploaded: {error}") from error
                time.sleep(LOOK_S)
            else:
                job_id = UUID(str(answer["job_id"]))
                (self._tally.poison if paper.is_poison else self._tally.good).add(job_id)
                return

    def _tamper(self, ground: Ground) -> None:
        """Take messages out of the queues: some are lost, some sent on twice."""
        chance = random.Random(self._plan.seed + 1)  # noqa: S311 - as above
        while not self._calm.wait(0.1):
            try:
                for url in ground.queues(are_dead_letters=False):
                    self._tamper_with(ground, url, chance)
            except (ClientError, BotoCoreError):
                continue  # the cloud has troubles of its own just now

    def _tamper_with(self, ground: Ground, url: str, chance: random.Random) -> None:
        got = ground.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=1, WaitTimeSeconds=0)
        for message in got.get("Messages", []):
            if chance.random() >= self._plan.lost * 2:
                copies = 2 if chance.random() < self._plan.doubled * 2 else 1
                for _ in range(copies):
                    ground.sqs.send_message(QueueUrl=url, MessageBody=message["Body"])
                self._tally.doubled += copies - 1
            else:
                self._tally.lost += 1
            ground.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    # -- looking -------------------------------------------------------------------------------

    def _wait_for_rest(self, ground: Ground) -> float | None:
        """Return how long it took until nothing was under way; ``None`` when it took too long."""
        began = time.monotonic()
        known = self._tally.good | self._tally.poison
        swept = began
        while time.monotonic() - began < self._plan.patience_s:
            if time.monotonic() - swept >= self._plan.sweep_every_s:
                swept = time.monotonic()
                ground.sweep()
            with suppress(psycopg.Error), ground.connect() as connection:
                left = count_unfinished(connection, known)
                if not left:
                    return time.monotonic() - began
                self._progress(f"Calm: {left} jobs and announcements are under way.")
            time.sleep(LOOK_S)
        return None

    def _report(self, ground: Ground, drained_s: float | None) -> Report:
        tally, known = self._tally, self._tally.good | self._tally.poison
        expected = Expectation(tally.good, tally.poison)
        with ground.connect() as connection:
            found = find_violations(connection, expected)
            row = connection.execute(
                "SELECT (SELECT count(*) FROM kontor.job_events),"
                " (SELECT count(*) FROM kontor.jobs WHERE stage = 'failed' AND id = ANY(%s))",
                (list(known),),
            ).fetchone()
        assert row is not None
        points = Counter(ground.kills_log.read_text("utf-8").splitlines())
        dead = self._dead_letters(ground)
        if dead:
            found.append(Violation("dead letters", dead, f"{dead} messages are dead letters"))
        return Report(
            documents=len(known),
            poison=len(tally.poison),
            failed=int(str(row[1])),
            events=int(str(row[0])),
            kills=sum(points.values()),
            boundaries={point: count for point, count in points.items() if point != "anywhere"},
            crashes=tally.crashes,
            full_disks=tally.full_disks,
            storms=tally.storms,
            lost_messages=tally.lost,
            doubled_messages=tally.doubled,
            dead_letters=dead,
            drained_s=drained_s,
            seed=self._plan.seed,
            violations=found,
        )

    def _dead_letters(self, ground: Ground) -> int:
        return sum(
            int(
                ground.sqs.get_queue_attributes(
                    QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"]
                )["Attributes"]["ApproximateNumberOfMessages"]
            )
            for url in ground.queues(are_dead_letters=True)
        )

    def _say(self, ground: Ground) -> None:
        tally = self._tally
        sent = len(tally.good) + len(tally.poison)
        self._progress(
            f"{sent} of {self._plan.documents} uploaded, {self._count_kills(ground)} kills, "
            f"{tally.crashes} Postgres crashes, {tally.full_disks} full disks, "
            f"{tally.storms} storms, {tally.lost} messages lost, {tally.doubled} doubled"
        )


def _built_model(progress: Progress) -> Path:
    from infra.cli.target import ROOT
    from infra.deploy.model import ensure_model

    folder = ROOT / "build" / "models"
    ensure_model(folder, progress=progress)
    return folder
