"""Ports: take one for good before anything starts, or say who has it."""

from __future__ import annotations

import contextlib
import errno
import socket
from pathlib import Path

from shared.kernel.errors import ConflictError, UnavailableError

HOST = "127.0.0.1"
LISTEN = "0A"  # the state of a listening socket in /proc/net/tcp


def take_port(port: int, *, purpose: str) -> socket.socket:
    """Bind and listen on loopback; 0 takes any free port.

    Raises ConflictError naming the process that holds the port, UnavailableError when the port
    may not be used at all.
    """
    # With the protocol named: asyncio turns Nagle's algorithm off for such sockets only, and under
    # it every answer on a connection that is kept would come 40 ms late.
    taken = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind((HOST, port))
        taken.listen(128)
    except OSError as error:
        taken.close()
        if error.errno == errno.EADDRINUSE:
            raise ConflictError(
                f"{purpose}: port {port} is taken by {_holder(port)}.",
                hint="Stop that program or choose another port.",
            ) from error
        raise UnavailableError(
            f"{purpose}: port {port} cannot be used: {error.strerror or error}.",
            hint="Choose a port above 1023.",
        ) from error
    return taken


def _holder(port: int) -> str:
    """Name the process that listens on ``port`` as well as this system allows."""
    inode = _listening_inode(port)
    if inode is None:
        return "another program"
    for process in Path("/proc").glob("[0-9]*"):
        if _has_open(process, f"socket:[{inode}]"):
            name = (process / "comm").read_text().strip()
            return f"{name} (process {process.name})"
    return "another user's program"


def _has_open(process: Path, target: str) -> bool:
    try:
        descriptors = list((process / "fd").iterdir())
    except OSError:
        return False  # not ours to look into, or gone
    for descriptor in descriptors:
        with contextlib.suppress(OSError):  # closed while we look
            if str(descriptor.readlink()) == target:
                return True
    return False


def _listening_inode(port: int) -> str | None:
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        if not table.exists():
            continue
        for line in table.read_text().splitlines()[1:]:
            words = line.split()
            if words[3] == LISTEN and int(words[1].rpartition(":")[2], 16) == port:
                return words[9]
    return None
