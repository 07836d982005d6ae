"""A document that hangs, eats memory or kills its parser fails alone, with a reason."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.files.formats import DOCX
from shared.ingestion import isolation
from shared.ingestion.isolation import parse_isolated, stop_readers
from shared.ingestion.parsers.port import Progress, Source, silent
from shared.ingestion.parsers.registry import parser_for
from shared.kernel.errors import InvalidError, UnavailableError, UnsupportedError


@pytest.fixture(autouse=True)
def _no_child_stays() -> Iterator[None]:
    yield
    stop_readers()
    assert isolation._idle == []


@pytest.fixture
def letter(tmp_path: Path) -> Path:
    path = tmp_path / "brief"
    path.write_text("Sehr geehrte Frau Müller,\n\nhiermit kündige ich.", encoding="utf-8")
    return path


def source_of(path: Path, *, media_type: str = "text/plain", progress: Progress = silent) -> Source:
    return Source(
        path=path,
        media_type=media_type,
        filename="brief.txt",
        files=path.parent,
        progress=progress,
    )


def read(
    path: Path,
    *,
    media_type: str = "text/plain",
    memory_mb: int = 512,
    timeout_s: float = 60,
    progress: Progress = silent,
):
    source = source_of(path, media_type=media_type, progress=progress)
    return parse_isolated(source, memory_mb=memory_mb, timeout_s=timeout_s)


def test_a_child_reads_exactly_what_the_parser_reads_here(letter: Path) -> None:
    here = parser_for("text/plain").parse(source_of(letter))
    told: list[tuple[int, int]] = []
    assert read(letter, progress=lambda done, total: told.append((done, total))) == here
    assert told == [(1, 1)]


def test_a_warm_child_serves_the_next_document_too(letter: Path) -> None:
    read(letter)
    first = isolation._idle[0].process.pid
    read(letter)
    assert [child.process.pid for child in isolation._idle] == [first]


def test_a_parsers_refusal_keeps_its_words_and_the_child(letter: Path) -> None:
    letter.write_bytes(b" ")
    with pytest.raises(InvalidError, match=r"“brief\.txt” is empty"):
        read(letter)
    assert len(isolation._idle) == 1


def test_a_type_without_a_parser_is_unsupported(letter: Path) -> None:
    with pytest.raises(UnsupportedError, match="x-unknown cannot be read"):
        read(letter, media_type="application/x-unknown")


def test_too_much_memory_is_a_reason_and_the_next_document_is_read(
    letter: Path, tmp_path: Path
) -> None:
    big = tmp_path / "big"
    big.write_text("Wort und noch ein Wort.\n\n" * 1_000_000, encoding="utf-8")
    with pytest.raises(InvalidError, match="needed more than 64 MB"):
        read(big, memory_mb=64)
    assert read(letter).language == "de"


def test_too_much_time_is_a_reason_and_the_child_is_gone(letter: Path) -> None:
    began = time.monotonic()
    with pytest.raises(InvalidError, match=r"took longer than 0\.05 s"):
        # Loading the Word parser alone takes far longer than that.
        read(letter, media_type=DOCX, timeout_s=0.05)
    assert time.monotonic() - began < 30
    assert isolation._idle == []


def test_a_parser_that_crashes_fails_its_document_only(letter: Path, tmp_path: Path) -> None:
    read(letter)
    pid = isolation._idle[0].process.pid

    def crash(done: int, total: int) -> None:
        os.kill(pid, signal.SIGSEGV)

    page = tmp_path / "seite"
    page.write_text("<h1>Titel</h1>" + "<p>Absatz mit <b>Wort</b>.</p>" * 20_000, encoding="utf-8")
    with pytest.raises(InvalidError, match="damaged or unusual"):
        # The first progress comes long before docling is done with this page.
        read(page, media_type="text/html", memory_mb=2048, progress=crash)
    assert read(letter).title == "brief"


def test_an_idle_child_that_died_is_replaced(letter: Path) -> None:
    read(letter)
    isolation._idle[0].process.kill()
    isolation._idle[0].process.wait()
    assert read(letter).page_count is None


def test_a_child_knows_no_credentials(letter: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "geheim")
    monkeypatch.setenv("DATABASE_URL", "postgresql://kontor")
    read(letter)
    environ = Path(f"/proc/{isolation._idle[0].process.pid}/environ").read_bytes()
    assert b"AWS_" not in environ
    assert b"DATABASE_URL" not in environ


def test_a_parser_that_cannot_be_loaded_is_our_fault_and_not_the_documents() -> None:
    answer = {"error": "unavailable", "exception": "ImportError", "place": "word.py:1"}
    with pytest.raises(UnavailableError, match="could not be loaded"):
        isolation._raise_for(answer, filename="a.docx", memory_mb=1, timeout_s=1)
