"""Identifiers as types of their own, so a document id can never be passed for a version id."""

from __future__ import annotations

import os
import threading
import time
from typing import NewType
from uuid import UUID

TenantId = NewType("TenantId", UUID)
UserId = NewType("UserId", UUID)
FolderId = NewType("FolderId", UUID)
DocumentId = NewType("DocumentId", UUID)
VersionId = NewType("VersionId", UUID)
JobId = NewType("JobId", UUID)
ChunkId = NewType("ChunkId", UUID)
ConversationId = NewType("ConversationId", UUID)
MessageId = NewType("MessageId", UUID)
CitationId = NewType("CitationId", UUID)
CollectionId = NewType("CollectionId", UUID)
SavedSearchId = NewType("SavedSearchId", UUID)


class _Clock:
    """Counts 1/4096 ms since 1970 and never says the same twice in one process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0

    def tick(self) -> int:
        milliseconds, rest = divmod(time.time_ns(), 1_000_000)
        now = (milliseconds << 12) | (rest * 4096 // 1_000_000)
        with self._lock:
            self._last = max(now, self._last + 1)
            return self._last


_clock = _Clock()


def new_id() -> UUID:
    """Make a time-ordered UUID, version 7 (RFC 9562): 48 bits of ms, 12 of its fraction, 62 random.

    The fraction (section 6.2, method 3) puts ids of one process in the order they were made in,
    so that keyset paging by the id alone never swaps two rows; time order also keeps B-tree
    inserts at the right edge.
    """
    milliseconds, fraction = divmod(_clock.tick(), 4096)
    random = int.from_bytes(os.urandom(8), "big") >> 2
    return UUID(int=(milliseconds << 80) | (0x7 << 76) | (fraction << 64) | (0x2 << 62) | random)
