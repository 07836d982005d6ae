"""Seeded schedules: what may go wrong goes wrong, in an order that a seed repeats.

A failure prints its seed and its options; ``pytest tests/faults --seed N`` replays exactly it.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.faults.driver import Faults, World, try_remove
from tests.faults.papers import empty_page, lease, program

FAULTS = Faults(duplicate=0.25, drop=0.1, lose_acknowledgement=0.15, kill=0.2)
SEEDS = {"short": 2, "full": 100}
MUTANT_SEEDS = {"short": 3, "full": 20}


def _play(world: World) -> None:
    """Four good files, two bad ones, a new version racing the old, a removal half-way."""
    shift = 1000 * world.seed
    arrivals = [world.upload(f"file-{n}.txt", lease(shift + n)) for n in range(4)]
    world.upload("empty.md", empty_page(shift), poison=True)
    world.upload("program.txt", program(shift), poison=True)
    for _ in range(world.random.randint(6, 14)):
        world.step()
    raced, removed = (world.document_of(arrival) for arrival in arrivals[:2])
    if raced is not None:
        world.upload("newer.txt", lease(shift + 100), document_id=raced)
    for _ in range(world.random.randint(4, 12)):
        world.step()
    if removed is not None:
        try_remove(world, removed)
        world.expect_any_end(arrivals[1])
    world.drain()


def _seeds(request: pytest.FixtureRequest, how_many: dict[str, int]) -> list[int]:
    only = request.config.getoption("--seed")
    return (
        [only] if only is not None else list(range(how_many[request.config.getoption("--faults")]))
    )


def test_no_schedule_loses_or_doubles_anything(
    make_world: Callable[..., World], request: pytest.FixtureRequest
) -> None:
    kills = 0
    for seed in _seeds(request, SEEDS):
        world = make_world(seed=seed, faults=FAULTS)
        _play(world)
        found = [violation.sentence for violation in world.violations()]
        assert found == [], f"replay with --seed {seed}; {FAULTS}; killed at {world.kills}"
        kills += len(world.kills)
        world.close()
    assert kills > 0


def test_without_receipts_the_suite_goes_red(
    make_world: Callable[..., World], request: pytest.FixtureRequest
) -> None:
    for seed in _seeds(request, MUTANT_SEEDS):
        world = make_world(seed=seed, faults=FAULTS, without_inbox=True)
        _play(world)
        is_red = world.violations() != []
        world.close()
        if is_red:
            return
    pytest.fail("nobody would notice if receipts were neither left nor found")
