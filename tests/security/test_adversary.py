"""Two tenants with the same texts and people with different rights: nobody is told another's."""

from __future__ import annotations

import random

import psycopg
import pytest

from shared.wiring import App
from tests.security.adversary import Adversary, Person
from tests.security.scene import TEXT, Scene, fill, nobody_like, stage

HIDDEN = "NORDLICHT"


@pytest.fixture
def scene(desk: App, owner_url: str) -> Scene:
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


def test_nobody_is_told_anothers_words_or_ids(scene: Scene, pytestconfig: pytest.Config) -> None:
    operations = int(pytestconfig.getoption("--operations"))
    adversary = Adversary(scene, crowd(scene), random.Random(20261128))
    adversary.run(operations)
    assert not adversary.leaks
    assert sum(adversary.tried.values()) == operations
    assert len(adversary.tried) > 0.9 * len(scene.api.by_key)
    assert adversary.statuses[200] > operations / 10, adversary.statuses


def test_the_adversary_sees_a_leak(scene: Scene, owner_url: str) -> None:
    people = crowd(scene)
    with psycopg.connect(owner_url) as connection:
        connection.execute("ALTER TABLE kontor.documents DISABLE ROW LEVEL SECURITY")
        connection.execute(
            "UPDATE kontor.documents SET tenant_id = tenant_id,"
            " title = title || ' ZIMTSTERN' WHERE tenant_id = %s",
            (scene.globex.tenant,),
        )
    adversary = Adversary(scene, people, random.Random(7))
    adversary.run(300)
    assert any(leak.told == "ZIMTSTERN" for leak in adversary.leaks)
