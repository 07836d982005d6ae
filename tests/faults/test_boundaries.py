"""Kill -9 at every boundary between effects, one at a time: nothing is lost, nothing doubled."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from shared.recovery.reconciliation import MAX_ATTEMPTS
from tests.faults.driver import Delivered, World, functions_with_effects, sqs_event
from tests.faults.papers import archive, empty_page, infected, lease
from tests.faults.states import lambda_failure
from tests.house.tree import ROOT, sources


def _clean_run(world: World) -> list[Delivered]:
    before = len(world.delivered)
    world.drain()
    return world.delivered[before:]


def _run_with_kill(world: World, at: int, boundary: int) -> None:
    """Drain, but the worker that gets the ``at``-th delivery is killed at a boundary."""
    before = len(world.delivered)
    while True:
        world.collect()
        waiting = [*world.messages, *world.executions]
        if not waiting:
            break
        kill_at = boundary if len(world.delivered) - before == at else 0
        if world.messages:
            world.receive(world.messages[0], kill_at=kill_at)
        else:
            world.advance(world.executions[0], kill_at=kill_at)


def _boundaries(trace: list[Delivered]) -> list[tuple[int, int]]:
    return [
        (at, number)
        for at, delivered in enumerate(trace)
        for number in range(1, len(delivered.points) + 1)
    ]


def test_a_kill_at_any_boundary_of_a_good_or_bad_file_loses_and_doubles_nothing(
    world: World,
) -> None:
    world.upload("first.txt", lease(0))
    good = _boundaries(_clean_run(world))
    world.upload("empty.md", empty_page(0), poison=True)
    bad = _boundaries(_clean_run(world))
    assert world.violations() == []
    assert len(good) >= 18
    assert len(bad) > 5
    for number, (at, boundary) in enumerate(good, 1):
        world.upload(f"file-{number}.txt", lease(number))
        _run_with_kill(world, at, boundary)
    for number, (at, boundary) in enumerate(bad, 1):
        world.upload(f"empty-{number}.md", empty_page(number), poison=True)
        _run_with_kill(world, at, boundary)
    assert len(world.kills) == len(good) + len(bad)
    world.drain()
    assert world.violations() == []
    KILLED.update(_killed(world))
    # On a slow machine a kill may meet another message than its number meant; as many kills as
    # boundaries were made, so those count that the clean runs passed.
    for delivered in world.delivered:
        KILLED.setdefault(delivered.function, set()).update(delivered.points)


def test_a_kill_at_any_boundary_of_healing_is_healed_next_time(world: World) -> None:
    boundary = 0
    while True:
        boundary += 1
        _set_scene(world, boundary)
        kills = len(world.kills)
        world.sweep(kill_at=boundary)
        was_killed = len(world.kills) > kills
        world.sweep()
        world.drain()
        if not was_killed:
            break
        assert boundary < 40, "a sweep passes ever more boundaries"
    assert boundary > 7
    world.drain()
    assert world.violations() == []
    KILLED.update(_killed(world))


def _set_scene(world: World, number: int) -> None:
    """Leave behind what the sweep mends: lost events, vanished workflows, a full trash."""
    removed = world.upload(f"gone-{number}.txt", lease(5 * number, clauses=1))
    world.receive(world.messages[0])
    world.collect()
    world.end(world.executions[0])
    document_id = world.document_of(removed)
    assert document_id is not None
    world.remove(document_id)
    world.expect_any_end(removed)
    overdue = world.upload(f"overdue-{number}.txt", lease(5 * number + 4, clauses=1))
    world.messages.clear()
    for title, at in (("vanished", 1), ("hopeless", 2)):
        arrival = world.upload(f"{title}-{number}.txt", lease(5 * number + at, clauses=1))
        world.receive(world.messages[0])
        world.collect()
        world.end(world.executions[0])
    world.expect_failure(arrival)
    never = world.uploader.announce(f"never-{number}.txt", 10)
    world.poison.add(never.upload_id)
    world.upload(f"lost-{number}.txt", lease(5 * number + 3, clauses=1))
    world.messages.clear()
    world.expect_failure(overdue)
    world.set_back(
        "UPDATE kontor.uploads SET created_at = now() - interval '1 year'"
        f" WHERE id = '{overdue.upload_id}'",
        f"UPDATE kontor.versions SET attempt = {MAX_ATTEMPTS} WHERE job_id = '{arrival.upload_id}'",
        "UPDATE kontor.uploads SET expires_at = now() - interval '1 hour'"
        f" WHERE id = '{never.upload_id}'",
    )


def test_a_kill_while_an_archive_is_unpacked_or_refused_loses_no_member(world: World) -> None:
    def packed(number: int) -> bytes:
        return archive({f"{number}.txt": lease(number, clauses=1)})

    own = {"parse.announced", "parse.delivered", "intake.quarantined"}
    for name, body, is_poison in (("files", packed, False), ("infected", infected, True)):
        world.upload(f"{name}-0.zip", body(0), poison=is_poison)
        trace = _clean_run(world)
        for number, (at, boundary) in enumerate(_boundaries(trace), 1):
            if trace[at].points[boundary - 1] in own:
                world.upload(f"{name}-{number}.zip", body(number), poison=is_poison)
                _run_with_kill(world, at, boundary)
    assert set(world.kills) == own
    world.adopt_members()
    world.drain()
    assert len(world.either) >= 3
    assert world.violations() == []
    KILLED.update(_killed(world))


@pytest.mark.parametrize(
    ("error", "is_our_wait"), [("UnavailableError", True), ("ZeroDivisionError", False)]
)
def test_a_kill_while_trouble_of_ours_is_settled_changes_nothing(
    world: World, error: str, is_our_wait: bool
) -> None:
    boundary, was_killed = 0, True
    while was_killed:
        boundary += 1
        arrival = world.upload(f"file-{boundary}.txt", lease(boundary, clauses=1))
        if not is_our_wait:
            world.expect_failure(arrival)
        world.receive(world.messages[0])
        world.collect()
        (execution,) = world.executions
        while execution.task.function != "settle":
            execution.task = execution.steps.send(lambda_failure(error, "not now"))
        was_killed = world.advance(execution, kill_at=boundary).outcome is None
        world.drain()
    assert boundary > 1
    assert world.violations() == []
    KILLED.update(_killed(world))


def test_a_kill_while_a_dead_message_is_buried_changes_nothing(world: World) -> None:
    world.expect_failure(world.upload("dead.txt", lease(0)))
    event = sqs_event(world.messages.pop())
    boundary = 1
    while world.deliver("bury", event, kill_at=boundary).outcome is None:
        boundary += 1
    assert boundary > 1
    world.drain()
    assert world.violations() == []
    KILLED.update(_killed(world))


def test_a_kill_while_a_stage_is_announced_is_no_harm(world: World) -> None:
    arrival = world.upload("first.txt", lease(0))
    world.drain()
    detail = {
        "tenant_id": str(arrival.tenant_id), "job_id": str(arrival.upload_id),
        "document_id": None, "version_id": None, "subject": "first.txt", "stage": "completed",
        "progress": 1.0, "detail": "", "step": "settle", "sequence": 1, "at": "",
    }  # fmt: skip
    boundary = 1
    while world.deliver("announce", {"detail": detail}, kill_at=boundary).outcome is None:
        boundary += 1
    assert boundary > 1
    assert world.violations() == []
    KILLED.update(_killed(world))


# Boundaries that no event of these scenes leads to, and why.
ELSEWHERE = {
    "parse.file",  # a text has no pictures to take out
    "dead_letters.redriven",  # an administrator's request over HTTP
    "orphans.removed",  # objects have to be a day old
    "queue.put_back",  # the database has to be away: the soak
    "parse.page_image",  # a text has no pages to draw
    # Somebody has to ask for these; tests/functions/documents, reprocess, tenants and webhooks do,
    # and interrupt them there.
    *(f"erase.{point}" for point in ("hidden", "original", "derived", "rows")),
    "restore.recorded",
    *(f"reprocessing.{point}" for point in ("planned", "restarted", "settled", "swapped")),
    "reprocessing.switched",
    "reparse.recorded",
    "reembed.stored",
    "reindex.recorded",
    *(f"export.{point}" for point in ("part", "position")),
    *(f"tenant_erasure.{point}" for point in ("begun", "files", "slice", "rows")),
    *(f"webhook.{point}" for point in ("recorded", "sent")),
}
# Functions that no scene of these reaches: tested where the boundaries above are; and mail, whose
# one effect lies within its one transaction.
ELSEWHERE_TOO = {"tenant_work", "webhook_fan", "webhook_delivery", "mail"}
KILLED: dict[str, set[str]] = {}  # where the tests above really killed, by function


def _killed(world: World) -> dict[str, set[str]]:
    found = {name: set(points) for name, points in KILLED.items()}
    for delivered in world.delivered:
        if delivered.outcome is None:
            found.setdefault(delivered.function, set()).add(delivered.points[-1])
    return found


@pytest.fixture(autouse=True)
def _every_boundary_is_killed(request: pytest.FixtureRequest) -> Iterator[None]:
    """After the last of this file's tests, in whatever order: no boundary was left out."""
    yield
    RAN.add(request.node.name)
    here = {item.name: item for item in request.session.items if item.path == request.path}
    written = {name for name in vars(request.module) if name.startswith("test_")}
    is_whole = written <= {name.partition("[")[0] for name in here}
    if is_whole and set(here) <= RAN:
        _check_boundaries()


RAN: set[str] = set()


def _check_boundaries() -> None:
    named = {
        str(node.args[0].value)
        for source in sources(ROOT, "shared", "functions")
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "reach"
        and node.args
        and isinstance(node.args[0], ast.Constant)
    }
    missed = named - set().union(*KILLED.values()) - ELSEWHERE
    assert missed == set(), "no scene of this file gets there"
    families = {name.partition("_")[0] for name in functions_with_effects() - ELSEWHERE_TOO}
    assert families - KILLED.keys() == set(), "these name no boundary"
