"""A conversation is a tree of which one branch is shown."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from shared.answering.branches import leaf_below, path_to, shown_branch, siblings_of
from shared.kernel.ids import MessageId


@dataclass(frozen=True)
class Node:
    id: MessageId
    parent_id: MessageId | None
    role: str


def node(number: int, parent: int | None, role: str = "user") -> Node:
    return Node(_id(number), None if parent is None else _id(parent), role)


def _id(number: int) -> MessageId:
    return MessageId(UUID(int=number))


# 1 ─ 2 ─ 3 ─ 4      a question and its answer, twice
#      │   └─ 7      the second answer anew
#      └─ 5 ─ 6      the second question in other words
TREE = [
    node(1, None),
    node(2, 1, "assistant"),
    node(3, 2),
    node(4, 3, "assistant"),
    node(5, 2),
    node(6, 5, "assistant"),
    node(7, 3, "assistant"),
]


def numbers(path: list[Node]) -> list[int]:
    return [each.id.int for each in path]


def test_the_newest_branch_is_shown_unless_another_was_chosen() -> None:
    assert numbers(shown_branch(TREE, None)) == [1, 2, 3, 7]
    assert numbers(shown_branch(TREE, _id(6))) == [1, 2, 5, 6]
    assert numbers(shown_branch(TREE, _id(99))) == [1, 2, 3, 7]
    assert shown_branch([], None) == []


def test_siblings_stand_in_the_same_place() -> None:
    by_number = {each.id.int: each for each in TREE}
    assert [i.int for i in siblings_of(TREE, by_number[3])] == [3, 5]
    assert [i.int for i in siblings_of(TREE, by_number[4])] == [4, 7]
    assert [i.int for i in siblings_of(TREE, by_number[1])] == [1]


def test_a_branch_is_followed_to_its_newest_end() -> None:
    assert leaf_below(TREE, _id(5)) == _id(6)
    assert leaf_below(TREE, _id(3)) == _id(7)
    assert leaf_below(TREE, _id(1)) == _id(6)


@given(st.lists(st.tuples(st.integers(0, 9), st.none() | st.integers(0, 9)), max_size=12))
def test_broken_trees_end(edges: list[tuple[int, int | None]]) -> None:
    tree = [node(number, parent) for number, parent in edges]
    for each in tree:
        assert len(path_to(tree, each.id)) <= len(tree)
        leaf_below(tree, each.id)
    shown_branch(tree, None)
