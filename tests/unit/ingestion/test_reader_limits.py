"""The reading process: no network, a bounded result, a bounded folder."""

from __future__ import annotations

import selectors
import subprocess
import sys
import time
from pathlib import Path

import pytest

from shared.files.limits import OVERFLOWED
from shared.ingestion import isolation, reader
from shared.ingestion.model import ParsedDocument
from shared.kernel.errors import TooLargeError

DIALS = """
import socket, sys, urllib.request
from shared.ingestion.reader import _restrain
_restrain()
for name, dial in {
    "name": lambda: urllib.request.urlopen("http://example.invalid/x", timeout=1),
    "address": lambda: socket.create_connection(("127.0.0.1", 9), timeout=1),
    "datagram": lambda: socket.socket(type=socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", 9)),
}.items():
    try:
        dial()
    except OSError as error:
        print(name, "no network" in str(error))
one, other = socket.socketpair()
one.sendall(b"x")
print("pair", other.recv(1) == b"x")
"""

FILLS = """
import sys, time
from pathlib import Path
from shared.ingestion import reader
reader.LARGEST_FOLDER = 1000
reader._FOLDER_CHECK_S = 0.05
folder = Path(sys.argv[1])
with reader._counted(folder):
    (folder / "picture").write_bytes(bytes(2000))
    time.sleep(30)
"""


def _run(code: str, *values: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "ignore", "-c", code, *values]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_a_reader_has_no_network() -> None:
    said = _run(DIALS)
    assert said.stdout.split() == ["name", "True", "address", "True", "datagram", "True",
                                   "pair", "True"], said.stderr  # fmt: skip


def test_a_document_that_fills_the_disk_ends_its_reader_and_is_told(tmp_path: Path) -> None:
    assert _run(FILLS, str(tmp_path)).returncode == OVERFLOWED
    with pytest.raises(isolation.ReaderError, match="fills more than 1 GB") as caught:
        isolation._raise_for({"error": "overflow"}, filename="a.docx", memory_mb=1, timeout_s=1)
    assert caught.value.is_limit


def test_too_many_files_are_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "MOST_FILES", 2)
    for name in "abc":
        (tmp_path / name).write_bytes(b"x")
    with pytest.raises(TooLargeError, match="more pictures"), reader._counted(tmp_path):
        pass


def test_a_result_that_the_parent_could_not_hold_is_a_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "LARGEST_RESULT", 1000)
    document = ParsedDocument(title="", language="en", page_count=None, text="x" * 2000, blocks=())
    target = tmp_path / "result"
    request = reader.Request(path="", media_type="text/plain", filename="a.txt", options={},
                             result=str(target), files="", memory_mb=1)  # fmt: skip
    with pytest.raises(TooLargeError, match="more text"):
        reader._leave(document, request)
    assert not target.exists()


def test_a_child_that_never_ends_its_line_is_a_crash() -> None:
    endless = [sys.executable, "-c", "import sys\nwhile True: sys.stdout.write('x' * 65536)"]
    isolation_child = _child_of(endless)
    try:
        assert isolation_child.next_message(time.monotonic() + 30) == {"error": "crash"}
    finally:
        isolation_child.end()


def _child_of(command: list[str]) -> isolation._Child:
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )
    selector = selectors.DefaultSelector()
    selector.register(process.stdout, selectors.EVENT_READ)
    return isolation._Child(process, selector)
