"""A small disk that can be filled: a file system in memory, where the system allows it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from pathlib import Path

SIZE_MB = 1024
BLOCK = 1 << 20
REFILL_S = 0.1


class SmallDisk:
    """Mounts a file system over ``folder``; ``is_small`` is False where that is not allowed.

    Mounting needs root. Without it the folder lies on the machine's own disk, which is never
    filled.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.is_small = False

    def mount(self) -> None:
        """Make the disk."""
        self.folder.mkdir(parents=True)
        if os.geteuid() != 0:
            return
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m", "kontor-chaos", str(self.folder)],
            capture_output=True,
            check=False,
        )
        self.is_small = done.returncode == 0

    def unmount(self) -> None:
        """Take the disk away with everything on it."""
        if self.is_small:
            subprocess.run(["umount", "-l", str(self.folder)], capture_output=True, check=False)
            self.is_small = False

    def fill(self, seconds: float) -> None:
        """Leave no byte free for so long, also of what is given up meanwhile."""
        filler = self.folder / "filler"
        until = time.monotonic() + seconds
        try:
            with filler.open("wb", buffering=0) as stream:
                while time.monotonic() < until:
                    self._take_all(stream.fileno())
                    time.sleep(REFILL_S)
        finally:
            filler.unlink(missing_ok=True)

    def _take_all(self, descriptor: int) -> None:
        block = BLOCK
        with contextlib.suppress(OSError):  # the disk is full: that was the purpose
            while True:
                free = os.statvfs(self.folder).f_bavail * os.statvfs(self.folder).f_frsize
                if not free:
                    return
                size = os.fstat(descriptor).st_size
                os.posix_fallocate(descriptor, size, min(free, 64 * block))
