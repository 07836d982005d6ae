"""One typed function per query of runs, steps and actions."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from shared.adapters.database import Session
from shared.adapters.queries import load_queries
from shared.agents.model import (
    Action,
    ActionId,
    ActionState,
    Finish,
    Memory,
    NodeName,
    Proposal,
    Run,
    RunId,
    RunState,
    Step,
    memory_to_json,
)
from shared.kernel.ids import DocumentId, UserId

QUERIES = load_queries("shared.agents")
WITHDRAWN = "A document this run rests on is not shared with you any more."
_MOST_TITLED = 6


@dataclass(frozen=True, slots=True)
class Titled:
    """A document by its title."""

    id: DocumentId
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class After:
    """A run as it is after one of its steps."""

    state: RunState
    next_node: NodeName
    number: int
    memory: Memory | None
    finish: Finish
    detail: str = ""
    seconds: float


def record_run(
    session: Session, run_id: RunId, *, user_id: UserId, memory: Memory, next_node: NodeName
) -> None:
    """Write a run that begins."""
    session.execute(
        QUERIES["record_run"],
        {
            "run_id": run_id,
            "user_id": user_id,
            "task": memory.task,
            "next_node": next_node,
            "memory": json.dumps(memory_to_json(memory)),
        },
    )


def find_run(session: Session, run_id: RunId, *, user_id: UserId) -> Run | None:
    """Return the user's run, or ``None``."""
    params = {"run_id": run_id, "user_id": user_id, "withdrawn": WITHDRAWN}
    return session.find(QUERIES["find_run"], Run, params)


def list_runs(session: Session, *, user_id: UserId, before: UUID | None, limit: int) -> list[Run]:
    """List the user's runs, newest first, without what they remember."""
    params = {"user_id": user_id, "before": before, "limit": limit, "withdrawn": WITHDRAWN}
    return session.all(QUERIES["list_runs"], Run, params)


def take_run(session: Session, run_id: RunId, *, seconds: float) -> bool:
    """Take a run for so long; False when it does not run or somebody else has it."""
    params = {"run_id": run_id, "seconds": seconds}
    return session.execute(QUERIES["take_run"], params) == 1


def release_run(session: Session, run_id: RunId) -> None:
    """Let go of a run."""
    session.execute(QUERIES["release_run"], {"run_id": run_id})


def change_run(session: Session, run_id: RunId, after: After) -> bool:
    """Write a run after a step; False when it was cancelled or went on elsewhere meanwhile."""
    memory = {} if after.memory is None else memory_to_json(after.memory)
    params = {
        "run_id": run_id,
        "state": after.state,
        "next_node": after.next_node,
        "number": after.number,
        "memory": json.dumps(memory),
        "answer": after.finish.text,
        "answer_state": after.finish.state,
        "answerer": after.finish.answerer,
        "citations": json.dumps(list(after.finish.citations), default=str),
        "detail": after.detail,
        "seconds": after.seconds,
    }
    return session.execute(QUERIES["change_run"], params) == 1


def change_state(
    session: Session,
    run_id: RunId,
    state: RunState,
    *,
    allowed: Sequence[RunState],
    detail: str = "",
) -> bool:
    """Change a run's state; False when it is in none of those allowed."""
    params = {"run_id": run_id, "state": state, "allowed": list(allowed), "detail": detail}
    return session.execute(QUERIES["change_state"], params) == 1


def go_on(
    session: Session, run_id: RunId, *, memory: Memory, next_node: NodeName, allowed: RunState
) -> bool:
    """Let a waiting run go on; False when it does not wait like that."""
    params = {
        "run_id": run_id,
        "memory": json.dumps(memory_to_json(memory)),
        "next_node": next_node,
        "allowed": [allowed],
    }
    return session.execute(QUERIES["go_on"], params) == 1


def decline(session: Session, run_id: RunId, *, answer: str) -> None:
    """End a run whose proposal was declined."""
    session.execute(QUERIES["decline"], {"run_id": run_id, "answer": answer})


def record_step(
    session: Session, run_id: RunId, *, number: int, node: str, title: str, took_ms: int
) -> None:
    """Write a step."""
    params = {"run_id": run_id, "number": number, "node": node, "title": title}
    session.execute(QUERIES["record_step"], {**params, "took_ms": took_ms})


def record_sources(session: Session, run_id: RunId, documents: Collection[str]) -> None:
    """Write documents that a run rests on; those known already stay."""
    params = {"run_id": run_id, "document_ids": sorted(set(documents))}
    session.execute(QUERIES["record_sources"], params)


def list_steps(session: Session, run_id: RunId) -> list[Step]:
    """List a run's steps in their order."""
    params = {"run_id": run_id, "withdrawn": WITHDRAWN}
    return session.all(QUERIES["list_steps"], Step, params)


def record_action(session: Session, run_id: RunId, action_id: ActionId, proposal: Proposal) -> None:
    """Write a proposed change; a second time does nothing."""
    session.execute(
        QUERIES["record_action"],
        {
            "run_id": run_id,
            "action_id": action_id,
            "tool": proposal.tool,
            "arguments": json.dumps(dict(proposal.arguments)),
            "title": proposal.title,
        },
    )


def find_action(session: Session, run_id: RunId, action_id: ActionId) -> Action | None:
    """Return one of a run's actions and hold it until the transaction ends."""
    params = {"run_id": run_id, "action_id": action_id}
    return session.find(QUERIES["find_action"], Action, params)


def list_actions(session: Session, run_id: RunId) -> list[Action]:
    """List a run's actions in their order."""
    params = {"run_id": run_id, "withdrawn": WITHDRAWN}
    return session.all(QUERIES["list_actions"], Action, params)


def change_action(
    session: Session,
    action_id: ActionId,
    state: ActionState,
    *,
    before: ActionState,
    decided_by: UserId,
    result: Mapping[str, object] | None = None,
) -> bool:
    """Change an action's state; False when it was not in the one before."""
    params = {
        "action_id": action_id,
        "state": state,
        "before": before,
        "decided_by": decided_by,
        "result": json.dumps(dict(result or {}), default=str),
    }
    return session.execute(QUERIES["change_action"], params) == 1


def list_titled(session: Session, title: str) -> list[Titled]:
    """List documents whose title has these words, those called exactly so first."""
    params = {"title": title, "limit": _MOST_TITLED}
    return session.all(QUERIES["list_titled"], Titled, params)


def erase_document(session: Session, document_id: DocumentId, *, title: str, answer: str) -> None:
    """Take a document's words and title out of all runs and actions."""
    named = {"document_id": str(document_id)}
    session.execute(QUERIES["erase_steps"], {**named, "title": title})
    session.execute(QUERIES["erase_runs"], {**named, "answer": answer})
    session.execute(QUERIES["erase_actions"], {**named, "title": title})
    session.execute(QUERIES["remove_sources"], named)


def remove_old_runs(session: Session, *, days: int) -> int:
    """Delete runs nobody has touched for so many days; returns how many."""
    return session.execute(QUERIES["remove_old_runs"], {"days": days})
