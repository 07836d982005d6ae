"""Which tests share a worker: a file's do, and files that share something costly.

A pytest plugin. ``pytest-xdist``'s own groups are marks that pytest 9.2 does not let it write into
a test's name any more, so they part without a word; these units are read off the path instead.
Longest first: what starts last should be short, so that no worker waits for another.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from xdist.scheduler import LoadScopeScheduling

# A running server, the emulated cloud, the host of killable workers: started once, for one worker.
TOGETHER = ("tests/journeys/", "tests/faults/", "tests/contract/")
# The rest starts in the order of its names.
LONGEST = (
    *TOGETHER,
    "tests/unit/local/test_runtime.py",
)


def unit_of(nodeid: str) -> str:
    """Name the unit that a test belongs to; its tests run on one worker, in their order."""
    path = nodeid.partition("::")[0]
    return next((folder for folder in TOGETHER if path.startswith(folder)), path)


def longest_first(nodeids: Iterable[str]) -> list[str]:
    """Put the tests of long units before all others, whose order stays."""
    rank = {name: number for number, name in enumerate(LONGEST)}
    return sorted(nodeids, key=lambda nodeid: rank.get(unit_of(nodeid), len(rank)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling | None:
    """Hand out units whole, in the order of collection, where workers were asked for."""
    if config.getoption("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadScopeScheduling

    class Units(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return unit_of(nodeid)

    config.option.loadscopereorder = False
    return Units(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let workers start with what takes longest."""
    place = {nodeid: at for at, nodeid in enumerate(longest_first(item.nodeid for item in items))}
    items.sort(key=lambda item: place[item.nodeid])
