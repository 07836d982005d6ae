"""Two tenants with the same texts and people with different rights: nobody is told another's."""

from __future__ import annotations

import random
from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest

from shared.adapters import aws as clients
from shared.adapters.sockets import Sockets
from shared.wiring import App
from tests.functions.callbacks import Callbacks, listening
from tests.security import lines
from tests.security.adversary import EXPORTS, HIDDEN, NEWS, UNTRIED, Adversary, Person
from tests.security.lines import Lines
from tests.security.scene import TEXT, Scene, fill, nobody_like, stage


@pytest.fixture
def callbacks() -> Iterator[Callbacks]:
    with listening() as made:
        yield made


@pytest.fixture
def scene(desk: App, owner_url: str, aws: str, callbacks: Callbacks) -> Scene:
    desk.__dict__["sockets"] = Sockets(callbacks.url, region="eu-central-1")
    sqs = clients.client("sqs", region=desk.settings.storage_region, endpoint=aws)
    for queue in (desk.tenant_queue, desk.webhook_queue):
        queue.url = sqs.create_queue(QueueName=f"t-{uuid4().hex[:12]}")["QueueUrl"]
    made = stage(desk, owner_url)
    for side in (made.acme, made.globex):
        fill(made.api, side)
    return made


def crowd(scene: Scene) -> list[Person]:
    """Three people of one tenant, one of whom is kept from a folder, and three of the other."""
    api, acme, globex = scene.api, scene.acme, scene.globex
    folder = api.call("POST /api/v1/folders", acme.ada, body={"path": "Vorstand"}).body["id"]
    acme.pipeline.put(TEXT.format(canary=HIDDEN), "board.md", folder="Vorstand")
    only_ada = {"subject": f"user:{acme.ada.user_id}", "level": "manage"}
    shut = api.call(
        "PUT /api/v1/folders/{folder_id}/access",
        acme.ada,
        values={"folder_id": folder},
        body={"grants": [only_ada]},
    )
    assert shut.status == 200, shut.body
    reader = nobody_like(globex.ben, "documents:read", "search", "chat")
    return [
        Person(acme.ada, acme),
        Person(acme.ben, acme, {HIDDEN}),
        Person(acme.admin, acme),
        Person(globex.admin, globex, {HIDDEN}),
        Person(globex.ada, globex, {HIDDEN}),
        Person(reader, globex, {HIDDEN}),
    ]


def test_nobody_is_told_anothers_words_or_ids(
    desk: App, scene: Scene, callbacks: Callbacks, pytestconfig: pytest.Config
) -> None:
    operations = int(pytestconfig.getoption("--operations"))
    dice = random.Random(20261128)
    adversary = Adversary(scene, Lines(desk, scene, callbacks), crowd(scene), dice)
    adversary.run(operations)
    assert not adversary.leaks
    assert sum(adversary.tried.values()) == operations
    every = {*scene.api.by_key, *lines.streamed_routes(), NEWS} - UNTRIED
    every |= {f"frame {action}" for action in lines.actions()}
    assert len(every - set(adversary.tried) - EXPORTS) < 0.1 * len(every)
    assert adversary.statuses[200] > operations / 10, adversary.statuses
    heard = {"progress", "start", "done", "error", "subscribed", "pong"}
    assert heard <= set(adversary.frames), adversary.frames
    assert adversary.fetched


def test_the_adversary_sees_a_leak(
    desk: App, scene: Scene, callbacks: Callbacks, owner_url: str
) -> None:
    people = crowd(scene)
    with psycopg.connect(owner_url) as connection:
        connection.execute("ALTER TABLE kontor.documents DISABLE ROW LEVEL SECURITY")
        connection.execute(
            "UPDATE kontor.documents SET tenant_id = tenant_id,"
            " title = title || ' ZIMTSTERN' WHERE tenant_id = %s",
            (scene.globex.tenant,),
        )
    adversary = Adversary(scene, Lines(desk, scene, callbacks), people, random.Random(7))
    adversary.run(300)
    assert any(leak.told == "ZIMTSTERN" for leak in adversary.leaks)


def test_the_adversary_hears_what_connections_should_not_get(
    desk: App, scene: Scene, callbacks: Callbacks, owner_url: str
) -> None:
    people = crowd(scene)
    with psycopg.connect(owner_url) as connection:
        connection.execute(
            "CREATE OR REPLACE FUNCTION kontor.would_see(p_viewer text, p_document uuid,"
            " p_upload uuid) RETURNS boolean LANGUAGE sql STABLE AS 'SELECT true'"
        )
    adversary = Adversary(scene, Lines(desk, scene, callbacks), people, random.Random(7))
    adversary.put_in(people[0], is_hidden=True)
    told = {(leak.route, leak.told) for leak in adversary.leaks}
    assert told == {("frame progress", HIDDEN)}
