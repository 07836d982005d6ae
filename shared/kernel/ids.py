"""Identifiers as types of their own, so a document id can never be passed for a version id."""

from __future__ import annotations

import os
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


def new_id() -> UUID:
    """Make a time-ordered UUID, version 7 (RFC 9562, section 5.7): 48 bits of ms, 74 random.

    Time order keeps B-tree inserts at the right edge and lets keyset paging use the id alone.
    """
    milliseconds = time.time_ns() // 1_000_000
    value = (milliseconds << 80) | int.from_bytes(os.urandom(10), "big")
    value = (value & ~(0xF << 76)) | (0x7 << 76)
    value = (value & ~(0x3 << 62)) | (0x2 << 62)
    return UUID(int=value)
