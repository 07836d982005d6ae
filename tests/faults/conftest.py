"""Fixtures of the fault suite: the host of killable workers, and worlds to break."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shared.wiring import App
from tests.faults.driver import Faults, Host, World
from tests.functions.conftest import Uploader, uploader, wired

__all__ = ["uploader", "wired"]  # the wired App is these tests' too


@pytest.fixture(scope="session")
def host(model_dir: Path, aws: str) -> Iterator[Host]:
    """Forks workers that have everything loaded."""
    started = Host(model_dir, aws)
    yield started
    started.stop()


@pytest.fixture
def make_world(
    wired: App, uploader: Uploader, owner_url: str, host: Host
) -> Iterator[Callable[..., World]]:
    """Makes worlds over one App; their workers are let go afterwards."""
    made: list[World] = []

    def make(*, seed: int = 0, faults: Faults | None = None, without_inbox: bool = False) -> World:
        world = World(
            wired, uploader, owner_url, host,
            seed=seed, faults=faults or Faults(), without_inbox=without_inbox,
        )  # fmt: skip
        made.append(world)
        return world

    yield make
    for world in made:
        world.close()


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    """A world in which nothing goes wrong by itself."""
    return make_world()
