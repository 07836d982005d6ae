"""Access lists against the plain model: random trees, grants, moves and people."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from uuid import UUID

import pytest

from tests.unit.access.model import Model, Node
from tests.unit.access.world import World

LEVELS = ("view", "edit", "manage", "deny")


@dataclass
class Player:
    """Does the same random things to the database and to the model."""

    world: World
    dice: random.Random
    people: list[UUID]
    groups: list[UUID]
    model: Model = field(default_factory=Model)
    names: count[int] = field(default_factory=count)

    def play(self) -> None:
        moves: list[Callable[[], None]] = [
            self.add_folder, self.add_document, self.add_inside, self.add_inside,
            self.grant, self.grant, self.grant, self.withdraw, self.move_folder,
            self.move_document, self.move_document, self.change_group, self.remove_document,
        ]  # fmt: skip
        self.dice.choice(moves)()

    def _folder(self) -> UUID | None:
        return self.dice.choice([None, *self.model.folders])

    def add_folder(self) -> None:
        owner, parent = self.dice.choice(self.people), self._folder()
        made = self.world.folder(f"f{next(self.names)}", owner, parent)
        self.model.folders[made] = Node(owner, parent)

    def add_document(self) -> None:
        owner, folder = self.dice.choice(self.people), self._folder()
        made = self.world.document(f"d{next(self.names)}", owner, folder)
        self.model.documents[made] = Node(owner, folder)

    def add_inside(self) -> None:
        if not self.model.documents:
            return
        parent = self.dice.choice(list(self.model.documents))
        node = self.model.documents[parent]
        made = self.world.document(f"m{next(self.names)}", node.owner, node.parent, parent)
        self.model.documents[made] = Node(node.owner, node.parent, inside=parent)

    def _thing(self) -> tuple[str, UUID, Node] | None:
        things = [("folder", *each) for each in self.model.folders.items()]
        things += [("document", *each) for each in self.model.documents.items()]
        return self.dice.choice(things) if things else None

    def grant(self) -> None:
        if (thing := self._thing()) is None:
            return
        kind, thing_id, node = thing
        subjects = ["everyone", *self.model.members, *(f"user:{one}" for one in self.people)]
        subject, level = self.dice.choice(subjects), self.dice.choice(LEVELS)
        self.world.grant(kind, thing_id, subject, level)
        node.grants[subject] = level

    def withdraw(self) -> None:
        if (thing := self._thing()) is None:
            return
        kind, thing_id, node = thing
        subject = self.dice.choice([None, *node.grants])
        self.world.withdraw(kind, thing_id, subject)
        node.grants = {s: v for s, v in node.grants.items() if subject not in {None, s}}

    def move_folder(self) -> None:
        if not self.model.folders:
            return
        moved, target = self.dice.choice(list(self.model.folders)), self._folder()
        above = target
        while above is not None:
            if above == moved:
                return
            above = self.model.folders[above].parent
        self.world.run("UPDATE kontor.folders SET parent_id = %s WHERE id = %s", target, moved)
        self.model.folders[moved].parent = target

    def move_document(self) -> None:
        if not self.model.documents:
            return
        # Those with something inside more often: it goes with them, or stays behind.
        holders = [node.inside for node in self.model.documents.values() if node.inside]
        moved, target = self.dice.choice([*self.model.documents, *holders * 3]), self._folder()
        self.world.run("UPDATE kontor.documents SET folder_id = %s WHERE id = %s", target, moved)
        self.model.documents[moved].parent = target

    def change_group(self) -> None:
        group, person = self.dice.choice(self.groups), self.dice.choice(self.people)
        members = self.model.members[f"group:{group}"]
        if person in members:
            members.remove(person)
            self.world.run(
                "DELETE FROM kontor.group_members WHERE group_id = %s AND user_id = %s",
                group,
                person,
            )
        else:
            members.add(person)
            with self.world.transaction() as session:
                self.world.join(session, group, person)

    def remove_document(self) -> None:
        going = [
            one for one in self.model.documents
            if all(node.inside != one for node in self.model.documents.values())
        ]  # fmt: skip
        if going:
            gone = self.dice.choice(going)
            self.world.run("DELETE FROM kontor.documents WHERE id = %s", gone)
            del self.model.documents[gone]

    def compare(self) -> None:
        for person in self.people:
            for kind, nodes in (
                ("folder", self.model.folders),
                ("document", self.model.documents),
            ):
                expected = {one: self.model.rank(person, node) for one, node in nodes.items()}
                seen = self.world.seen_by(person, f"{kind}s")
                assert seen == {one for one, rank in expected.items() if rank > 0}
                ranks = {one: self.world.rank(person, kind, one) for one in nodes}
                assert ranks == expected


@pytest.mark.parametrize("seed", range(4))
def test_database_and_model_agree_about_everybody(world: World, seed: int) -> None:
    people = [world.people[name] for name in ("ada", "bob", "cem")]
    groups = [world.group("staff"), world.group("board")]
    player = Player(world, random.Random(seed), [*people], groups)
    player.model.members = {f"group:{one}": set() for one in groups}
    for _ in range(5):
        player.add_folder()
    for _ in range(10):
        for _ in range(5):
            player.play()
        player.compare()
    everything = set(player.model.documents)
    assert world.seen_by(world.people["amy"]) == everything
