"""The tree of a conversation: which messages follow which, and the one branch that is shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

from shared.kernel.ids import MessageId


class Node(Protocol):
    """What a tree is made of; ids are in the order of time."""

    @property
    def id(self) -> MessageId:
        """The message."""
        ...

    @property
    def parent_id(self) -> MessageId | None:
        """The message it follows; ``None`` begins the conversation."""
        ...

    @property
    def role(self) -> str:
        """Who said it."""
        ...


N = TypeVar("N", bound=Node)


def path_to(messages: Sequence[N], end: MessageId | None) -> list[N]:
    """Return the branch that ends in ``end``, oldest first; nothing when there is no such message.

    A parent that is not among ``messages`` (a very long conversation is read from its end) begins
    the branch.
    """
    by_id = {message.id: message for message in messages}
    path: list[N] = []
    while end is not None and end in by_id:
        # Taken out, so that a ring in broken data ends.
        message = by_id.pop(end)
        path.append(message)
        end = message.parent_id
    return path[::-1]


def leaf_below(messages: Sequence[Node], start: MessageId) -> MessageId:
    """Follow the newest child of each message from ``start`` to the end of its branch."""
    newest: dict[MessageId, MessageId] = {}
    for message in messages:
        if message.parent_id is not None and message.parent_id != message.id:
            known = newest.get(message.parent_id)
            newest[message.parent_id] = message.id if known is None else max(known, message.id)
    seen = {start}
    while (child := newest.get(start)) is not None and child not in seen:
        seen.add(child)
        start = child
    return start


def shown_branch(messages: Sequence[N], leaf_id: MessageId | None) -> list[N]:
    """Return the branch to show: the chosen one, else the one with the newest message."""
    if not messages:
        return []
    ids = {message.id for message in messages}
    end = leaf_id if leaf_id in ids else max(ids)
    return path_to(messages, end)


def siblings_of(messages: Sequence[Node], message: Node) -> tuple[MessageId, ...]:
    """List what stands in a message's place in all branches, itself included, oldest first."""
    return tuple(
        sorted(
            other.id
            for other in messages
            if other.parent_id == message.parent_id and other.role == message.role
        )
    )
