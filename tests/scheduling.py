"""Which tests share a worker: a file's do, and files that share something costly.

A pytest plugin. ``pytest-xdist``'s own groups are marks that pytest 9.2 does not let it write into
a test's name any more, so they part without a word; these units are read off the path instead.
Longest first: what starts last should be short, so that no worker waits for another.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from xdist.scheduler import LoadScopeScheduling

# By folder, the fixture of the session whose processes these tests share: started once, for one
# worker, and ended with the last of them, so that nothing goes on working beside other tests.
SHARED = {"tests/journeys/": "make_server", "tests/faults/": "host", "tests/contract/": "cloud"}
TOGETHER = tuple(SHARED)
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


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(
    item: pytest.Item, nextitem: pytest.Item | None
) -> Generator[None, None, None]:
    """End what a unit's tests shared after the last of them."""
    yield
    unit = unit_of(item.nodeid)
    if unit in SHARED and (nextitem is None or unit_of(nextitem.nodeid) != unit):
        manager = item.session._fixturemanager
        for made in manager.getfixturedefs(SHARED[unit], item) or ():
            made.finish(item._request)  # type: ignore[attr-defined]
