"""What a reading process may leave behind, said once for both sides of the wall."""

from __future__ import annotations

import os
from pathlib import Path

LARGEST_FILE = 512 * 1024 * 1024
"""Bytes of one file that a reader writes (a picture, an attachment)."""

LARGEST_RESULT = 128 * 1024 * 1024
"""Bytes of the parsed form: the parent holds it in memory. 800 dense pages take about 30 MB."""

MOST_FILES = 10_000
"""Pictures and attachments of one document."""

LARGEST_FOLDER = 1024 * 1024 * 1024
"""Bytes of all files that are taken out of one document."""

OVERFLOWED = 75
"""Exit code of a reader whose document was filling the disk."""


def measure(folder: Path) -> tuple[int, int]:
    """Return how many files lie in a folder and how many bytes they have together."""
    count = total = 0
    with os.scandir(folder) as entries:
        for entry in entries:
            try:
                total += entry.stat(follow_symlinks=False).st_size
            except FileNotFoundError:
                continue  # taken away by its parser meanwhile
            count += 1
    return count, total
