"""Malware scanners outside this process: clamd over its stream protocol, GuardDuty by its tags."""

from __future__ import annotations

import socket
import struct
from pathlib import Path
from typing import Protocol

from shared.adapters.objects import Objects
from shared.kernel.errors import TooLargeError, UnavailableError

GUARDDUTY_TAG = "GuardDutyMalwareScanStatus"
_PIECE = 1 << 18
_TIMEOUT_S = 30.0
_LONGEST_REPLY = 4096


class Scanner(Protocol):
    """Looks for malware in bytes that have arrived and that nobody has read yet."""

    def scan(self, path: Path, *, key: str, version: str) -> str:
        """Return the name of what was found, empty when the file is clean.

        ``path`` holds the bytes of the stored object ``key`` in its ``version``. Raises
        UnavailableError when no verdict can be had yet: the file waits.
        """
        ...


class ClamdScanner:
    """Asks clamd (INSTREAM in clamd(8)): bytes go over the socket, files are not shared."""

    def __init__(self, address: str) -> None:
        self._address = address

    def scan(self, path: Path, *, key: str, version: str) -> str:
        """Stream the file to clamd; raises TooLargeError past its StreamMaxLength."""
        try:
            with self._connected() as connection:
                reply = _ask(connection, path)
        except OSError as error:
            raise UnavailableError("The malware scanner does not answer.") from error
        verdict = reply.removeprefix("stream: ")
        if verdict == "OK":
            return ""
        if verdict.endswith(" FOUND"):
            return verdict.removesuffix(" FOUND")
        if "size limit exceeded" in verdict:
            raise TooLargeError(
                "The malware scanner takes no file this large.", hint="Split it into several."
            )
        raise UnavailableError("The malware scanner could not look into the file.")

    def _connected(self) -> socket.socket:
        if self._address.startswith("/"):
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connection.settimeout(_TIMEOUT_S)
            try:
                connection.connect(self._address)
            except OSError:
                connection.close()
                raise
            return connection
        host, _, port = self._address.rpartition(":")
        return socket.create_connection((host, int(port)), timeout=_TIMEOUT_S)


def _ask(connection: socket.socket, path: Path) -> str:
    """Send a file in pieces, each with its length before it, and read the one-line verdict."""
    connection.sendall(b"zINSTREAM\0")
    try:
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                connection.sendall(struct.pack("!L", len(piece)) + piece)
        connection.sendall(struct.pack("!L", 0))
    except (BrokenPipeError, ConnectionResetError) as error:
        # clamd hangs up on a stream that is too long, after saying so.
        reply = _reply(connection)
        if reply:
            return reply
        raise OSError("clamd closed the connection") from error
    return _reply(connection)


def _reply(connection: socket.socket) -> str:
    received = b""
    while b"\0" not in received and len(received) < _LONGEST_REPLY:
        piece = connection.recv(_LONGEST_REPLY)
        if not piece:
            break
        received += piece
    return received.partition(b"\0")[0].decode("utf-8", "replace").strip()


class GuardDutyScanner:
    """Reads what GuardDuty Malware Protection for S3 has written on the object.

    It scans by itself when an object arrives and tags it; until then the file waits.
    """

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def scan(self, path: Path, *, key: str, version: str) -> str:
        """Return what the tag says; a file GuardDuty cannot look into counts as clean."""
        status = self._objects.tags(key, version=version).get(GUARDDUTY_TAG, "")
        if status in {"NO_THREATS_FOUND", "UNSUPPORTED"}:
            return ""
        if status == "THREATS_FOUND":
            return "found by GuardDuty"
        raise UnavailableError("The file has not been scanned for malware yet.")
