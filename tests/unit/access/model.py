"""The rules of access in plain Python, for comparing: slow, obvious, and knowing no lists."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

RANKS = {"view": 1, "edit": 2, "manage": 3}


@dataclass
class Node:
    """A folder or a document: what it hangs under, who made it, what was granted on it."""

    owner: UUID
    parent: UUID | None
    grants: dict[str, str] = field(default_factory=dict)
    inside: UUID | None = None  # the document this one came in


@dataclass
class Model:
    """A tree of folders with documents in it, and people in groups."""

    folders: dict[UUID, Node] = field(default_factory=dict)
    documents: dict[UUID, Node] = field(default_factory=dict)
    members: dict[str, set[UUID]] = field(default_factory=dict)

    def said(self, node: Node) -> set[tuple[str, str]] | None:
        """What holds for a thing: everything said on the way down to it, from the first grant on.

        ``None``: nobody has said anything.
        """
        above: set[tuple[str, str]] | None = None
        if node.parent is not None:
            above = self.said(self.folders[node.parent])
        beside = None if node.inside is None else self.documents[node.inside]
        if beside is not None and beside.parent == node.parent:
            said = self.said(beside)
            above = above if said is None else said | (above or set())
        if above is None and not node.grants:
            return None
        return (above or set()) | set(node.grants.items()) | {(f"user:{node.owner}", "own")}

    def rank(self, user: UUID, node: Node) -> int:
        """What a person may do: 0 nothing, 1 view, 2 edit, 3 manage."""
        me = f"user:{user}"
        said = self.said(node)
        if said is None:
            return 3 if node.owner == user else 2
        groups = {name for name, people in self.members.items() if user in people}
        reaching = {(s, level) for s, level in said if s in {me, "everyone", *groups}}
        if (me, "deny") in reaching:
            return 0
        if (me, "own") in reaching:
            return 3
        if any(level == "deny" for _, level in reaching):
            return 0
        granted = max((RANKS[level] for _, level in reaching if level in RANKS), default=0)
        is_open = not any(level in RANKS for _, level in said)
        return max(granted, 2 if is_open else 0)
