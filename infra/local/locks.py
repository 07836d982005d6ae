"""Locks: one owner per folder, by a kernel lock that a killed owner cannot leave behind."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

from shared.kernel.errors import ConflictError, UnavailableError


class FolderLock:
    """An exclusive lock on a folder, held from ``acquire`` to ``release`` or the process's end."""

    def __init__(self, folder: Path, name: str = "lock") -> None:
        self._path = folder / name
        self._descriptor: int | None = None

    def acquire(self, *, purpose: str) -> None:
        """Take the lock and write our process id into its file.

        Raises ConflictError naming the holder, UnavailableError when the folder cannot be used.
        """
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise explain_disk(self._path.parent, error) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
            os.close(descriptor)
            raise ConflictError(
                f"{purpose}: the folder {self._path.parent} is in use by process {holder}.",
                hint=f"Stop that process (kill {holder}) or choose another folder.",
            ) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._descriptor = descriptor

    def release(self) -> None:
        """Give the lock back; without it, nothing happens."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def explain_disk(folder: Path, error: OSError) -> UnavailableError:
    """Put an operating system's refusal to write into ``folder`` into one clear sentence."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return UnavailableError(
            f"The disk that holds {folder} is full.", hint="Free some space and start again."
        )
    return UnavailableError(
        f"The folder {folder} cannot be used: {error.strerror or error}.",
        hint="Choose a folder you may write to (--data or KONTOR_DATA).",
    )
