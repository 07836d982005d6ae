"""Hostile files at the gate and in the reader: a quick reason, and the next file is read."""

from __future__ import annotations

import io
import os
import stat
import time
import warnings
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from infra.cli.sift import LIMIT, READ, REFUSED, _outcome
from shared.ingestion.isolation import stop_readers
from tests.security.conftest import EICAR_FILE, PDF, word, zipped

BOMB = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><x>&b;</x>'


@pytest.fixture(scope="module", autouse=True)
def _no_child_stays() -> Iterator[None]:
    yield
    stop_readers()


def link_archive() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        entry = zipfile.ZipInfo("notes.txt")
        entry.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(entry, "/etc/passwd")
    return buffer.getvalue()


def twin_archive() -> bytes:
    buffer = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w") as archive:
        warnings.simplefilter("ignore")
        archive.writestr("a.txt", "harmless")
        archive.writestr("a.txt", "not what you saw")
    return buffer.getvalue()


def end_saying(comment: bytes) -> bytes:
    """Pack an archive whose comment makes it end like another format."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("x", "y")
        archive.comment = comment
    return buffer.getvalue()


def overlapping_archive() -> bytes:
    """Let two entries of the directory share one member's bytes (Fifield, zip bombs 2019)."""
    whole = bytearray(zipped({"a.txt": b"a" * 9000, "b.txt": b"a" * 9000}))
    second = whole.index(b"PK\x01\x02", whole.index(b"PK\x01\x02") + 4)
    whole[second + 42 : second + 46] = bytes(4)
    return bytes(whole)


def crowded_archive() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number in range(10_001):
            archive.writestr(f"{number}", b"")
    return buffer.getvalue()


def nested_archive() -> bytes:
    data = b"Guten Tag"
    for level in range(5):
        data = zipped({f"{level}.zip": data})
    return data


def locked_archive() -> bytes:
    whole = bytearray(zipped({"a.txt": b"Guten Tag"}))
    whole[6] |= 1
    whole[whole.index(b"PK\x01\x02") + 8] |= 1
    return bytes(whole)


# What takes long to make is made by the test that sends it: every worker reads this module.
OUTSIDE = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>'
HOSTILE: dict[str, tuple[bytes | Callable[[], bytes], str]] = {
    "overlap.zip": (overlapping_archive, "archive bombs"),
    "crowded.zip": (crowded_archive, "more than 10,000 files"),
    "nested.zip": (nested_archive, "nested more than 3"),
    "locked.zip": (locked_archive, "protected by a password"),
    "bomb.docx": (lambda: word(**{"word/media/x.xml": b"0" * 200_000_000}), "archive bombs"),
    "entities.docx": (word(**{"word/footnotes.xml": BOMB}), "declares entities"),
    "wide.docx": (word(**{"word/footnotes.xml": BOMB.decode().encode("utf-16")}), "entities"),
    "named.docx": (word(**{"word/odd.bin": BOMB}), "declares entities"),
    "split.docx": (
        lambda: word(**{"word/x.xml": b"<x>" + os.urandom((1 << 20) - 7) + BOMB[21:]}),
        "declares entities",
    ),
    "laughs.xml": (BOMB, "declares entities"),
    "outside.xml": (OUTSIDE, "declares entities"),
    "quadratic.xml": (
        b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "' + b"a" * 5000 + b'">]><x/>',
        "declares entities",
    ),
    "hidden.pdf": (PDF + end_saying(b"%%EOF\n"), "at once"),
    "traversal.zip": (zipped({"../../etc/cron.d/x": b"x"}), "outside the archive"),
    "absolute.zip": (zipped({"/etc/cron.d/x": b"x"}), "outside the archive"),
    "drive.zip": (zipped({"C:\\Windows\\x": b"x"}), "outside the archive"),
    "link.zip": (link_archive(), "a link to another place"),
    "twins.zip": (twin_archive(), "two files of the same name"),
    "post.docx": (word(**{"word/embeddings/a.bin": EICAR_FILE}), "malware was found"),
    "invoice.pdf": (b"MZ" + bytes(600), "is a program"),
    "setup.exe": (b"MZ" + bytes(600), "is a program"),
    "both.pdf": (PDF + zipped({"x": b"y"}), "at once"),
    "page.gif": (b"GIF89a/*" + bytes(60) + b"*/<script>alert(1)</script>", "at once"),
    "paper.jpg": (b"\xff\xd8\xff\xe0" + bytes(99) + zipped({"x": b"y"}), "at once"),
    "tail.docx": (word() + b"MZ" + bytes(10_000), "after its end"),
    "cut.docx": (word()[:-40], "damaged"),
    "noise.pdf": (bytes(range(256)) * 9, "named like a PDF but its contents are not"),
    "noise.dat": (bytes(range(256)) * 9, "is in a format that is not known here"),
    "cut.pdf": (b"%PDF-1.7\n1 0 obj\n<<", "damaged"),
    "nul.txt": (b"\0" * 5000, "is empty"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_with_its_reason(name: str, tmp_path: Path) -> None:
    data, words = HOSTILE[name]
    path = tmp_path / name
    path.write_bytes(data if isinstance(data, bytes) else data())
    outcome, said = _outcome(path, timeout_s=20, memory_mb=512)
    assert (outcome, words in said) == (REFUSED, True), said


def test_a_document_that_takes_too_long_stops_at_the_limit_and_the_next_is_read(
    tmp_path: Path,
) -> None:
    slow = tmp_path / "slow.md"
    slow.write_text("# Titel\n\n" + "Wort *fett* und [Link](x).\n\n" * 100_000)
    began = time.monotonic()
    outcome, said = _outcome(slow, timeout_s=0.5, memory_mb=1024)
    assert outcome == LIMIT, said
    assert time.monotonic() - began < 30
    fine = tmp_path / "fine.md"
    fine.write_text("# Titel\n\nWorte.")
    assert _outcome(fine, timeout_s=20, memory_mb=512)[0] == READ
