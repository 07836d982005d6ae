"""Real processes, real faults: workers killed, Postgres crashed, disk full, storage failing."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.chaos.engine import Engine
from infra.chaos.plan import Plan
from infra.cli.bench import surroundings

SIZES = {
    "short": {"documents": 6, "minutes": 0.1, "kills": 4, "crashes": 1, "full_disks": 1},
    "full": {"documents": 60, "minutes": 2, "kills": 40, "crashes": 3, "full_disks": 2},
}


@pytest.mark.timeout(400)
def test_a_server_that_is_broken_in_every_way_keeps_what_it_was_given(
    model_dir: Path, request: pytest.FixtureRequest
) -> None:
    size = SIZES[request.config.getoption("--faults")]
    seed = request.config.getoption("--seed") or 0
    plan = Plan(
        **size,  # type: ignore[arg-type]
        seed=seed,
        storms=1,
        model_dir=model_dir,
        sweep_every_s=4,
        patience_s=180,
    )
    said: list[str] = []
    report = Engine(plan, surroundings(), said.append).run()
    assert report.violations == [], report.line()
    assert report.drained_s is not None, report.line()
    assert report.documents == size["documents"]
    assert report.kills >= size["kills"] // 2
    assert report.crashes == size["crashes"]
    assert report.storms == 1
    assert report.failed == report.poison
