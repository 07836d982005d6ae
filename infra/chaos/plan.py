"""What a run of chaos is to do, and what it came to."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path

from infra.chaos.checking import CHUNKS, LOST, VECTORS, Violation


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much is uploaded and broken. ``minutes`` is how long faults go on at least.

    Once all is calm, everything must come to rest within ``patience_s``. The sweep runs once a
    minute as it is scheduled; with less than 60 in ``sweep_every_s`` it is also called by hand.
    """

    documents: int = 300
    seed: int = 0
    minutes: float = 5.0
    kills: int = 200
    crashes: int = 6
    full_disks: int = 3
    full_s: float = 3.0
    storms: int = 3
    storm_s: float = 4.0
    lost: float = 0.05
    doubled: float = 0.2
    patience_s: float = 240.0
    sweep_every_s: float = 60.0
    model_dir: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was done to the system, and what it made of it."""

    documents: int
    poison: int
    failed: int
    events: int
    kills: int
    boundaries: dict[str, int]
    crashes: int
    full_disks: int
    storms: int
    lost_messages: int
    doubled_messages: int
    dead_letters: int
    drained_s: float | None
    seed: int
    violations: list[Violation] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        """Whether nothing was lost or doubled, and everything came to rest."""
        return not self.violations and self.drained_s is not None

    def count(self, kind: str) -> int:
        """Count violations of one kind."""
        return sum(found.count for found in self.violations if found.kind == kind)

    def line(self) -> str:
        """Say it in one line."""
        rest = (
            f"drained {self.drained_s:.0f} s after the last fault"
            if self.drained_s is not None
            else "not drained in time"
        )
        poison = "= poison set" if self.failed == self.poison else f"but {self.poison} were poison"
        return (
            f"{self.documents} documents, {self.events} events, {self.kills} kills "
            f"({len(self.boundaries)} boundaries), {self.crashes} Postgres crashes, "
            f"{self.full_disks} full disks, {self.storms} storage storms, "
            f"{self.lost_messages} messages lost, {self.doubled_messages} doubled: "
            f"lost {self.count(LOST)}, duplicated chunks {self.count(CHUNKS)}, "
            f"vectors {self.count(VECTORS)}, failed {self.failed} {poison}, "
            f"dead letters {self.dead_letters}, {rest} (seed {self.seed})"
        )

    def as_json(self) -> dict[str, object]:
        """Say it for programs."""
        return {**asdict(self), "is_good": self.is_good, "line": self.line()}
