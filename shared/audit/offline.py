"""Proof of an exported trail by its own lines, without the database that wrote it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from uuid import UUID

from shared.audit.model import START, Verdict, content_hash, link_hash
from shared.kernel.errors import InvalidError
from shared.kernel.ids import TenantId

_NOTHING = Verdict(is_whole=True, checked=0, last_sequence=0, last_hash=START)


def verify_lines(tenant_id: TenantId, lines: Iterable[str]) -> Verdict:
    """Compute the chain of exported lines (JSON, in their order) anew, for one tenant.

    A trail whose oldest entries are gone begins behind entry 1: then the first line is what the
    others are measured by, and nothing vouches for itself. Raises InvalidError for a line that is
    no entry.
    """
    at = _NOTHING
    for number, line in enumerate(filter(str.strip, lines), start=1):
        entry = _read(line, number)
        found = _follow(str(tenant_id), at, entry, is_first=number == 1)
        if not found.is_whole:
            return found
        at = found
    return at


def _read(line: str, number: int) -> Mapping[str, object]:
    try:
        entry = json.loads(line)
        if isinstance(entry["sequence"], int):
            UUID(entry["id"])
            bytes.fromhex(entry["hash"])
            return {**entry, "at": str(entry["at"]), "tier": str(entry["tier"])}
    except (ValueError, KeyError, TypeError) as error:
        raise _no_entry(number) from error
    raise _no_entry(number)


def _no_entry(number: int) -> InvalidError:
    return InvalidError(
        f"Line {number} is no entry of a trail.",
        hint="Give a .jsonl file that `kontor audit export` wrote.",
    )


def _follow(tenant: str, at: Verdict, entry: Mapping[str, object], *, is_first: bool) -> Verdict:
    sequence = int(str(entry["sequence"]))
    said = bytes.fromhex(str(entry["hash"]))
    stands = replace(at, checked=at.checked + 1, last_sequence=sequence, last_hash=said)
    if is_first and sequence > 1:
        return stands
    problem = ""
    if sequence != at.last_sequence + 1:
        problem = "An entry is missing before this one."
    else:
        content = content_hash(tenant, entry).hex()
        made = link_hash(tenant, entry, previous=at.last_hash.hex(), content=content)
        if made != said:
            problem = "This entry, or its place, was changed after it was written."
    if not problem:
        return stands
    return replace(
        at,
        is_whole=False,
        bad_sequence=sequence,
        bad_event=UUID(str(entry["id"])),
        problem=problem,
    )
