"""The scheduler: calls functions at their rates and times, as EventBridge rules would."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from infra.local.cron import Cron, Rate, parse_schedule
from infra.local.pool import Pool
from infra.local.provision import ACCOUNT
from infra.local.routing import Schedule
from shared.kernel.clock import now

logger = logging.getLogger(__name__)

FIRST_DELAY_S = 1.0


@dataclass(slots=True)
class _Entry:
    schedule: Schedule
    when: Rate | Cron
    due: datetime | None


class Scheduler:
    """One thread for all enabled schedules; a call that comes late is made once, not caught up."""

    def __init__(
        self, schedules: Iterable[Schedule], pool: Pool, *, keys: dict[str, str], region: str
    ) -> None:
        self._entries = [
            _Entry(schedule, parse_schedule(schedule.expression), None)
            for schedule in schedules
            if schedule.is_enabled
        ]
        self._pool = pool
        self._keys = keys
        self._region = region
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="scheduler", daemon=True)

    def start(self, *, fires_at_start: bool) -> None:
        """Begin; with ``fires_at_start`` every schedule is also called about a second from now."""
        if fires_at_start:
            timer = threading.Timer(FIRST_DELAY_S, self._fire_all)
            timer.daemon = True
            timer.start()
        self._thread.start()

    def stop(self) -> None:
        """Make no more calls."""
        self._stopping.set()
        self._thread.join()

    def _fire_all(self) -> None:
        if not self._stopping.is_set():
            for entry in self._entries:
                self._fire(entry.schedule)

    def _run(self) -> None:
        moment = now()
        for entry in self._entries:
            entry.due = entry.when.next_after(moment)
        while True:
            due = [entry.due for entry in self._entries if entry.due is not None]
            wait_s = (min(due) - now()).total_seconds() if due else 3600.0
            # At most a minute at a time: a sleeping laptop's clock jumps.
            if self._stopping.wait(max(0.0, min(wait_s, 60.0))):
                return
            moment = now()
            for entry in self._entries:
                if entry.due is not None and entry.due <= moment:
                    entry.due = entry.when.next_after(moment)
                    self._fire(entry.schedule)

    def _fire(self, schedule: Schedule) -> None:
        event = schedule.payload or json.dumps(self._event(schedule))
        self._pool.invoke_later(self._keys[schedule.function], event.encode())

    def _event(self, schedule: Schedule) -> dict[str, object]:
        rule = f"arn:aws:events:{self._region}:{ACCOUNT}:rule/{self._keys[schedule.function]}"
        return {
            "version": "0",
            "id": str(uuid4()),
            "detail-type": "Scheduled Event",
            "source": "aws.events",
            "account": ACCOUNT,
            "time": now().isoformat(timespec="seconds").replace("+00:00", "Z"),
            "region": self._region,
            "resources": [rule],
            "detail": {},
        }
