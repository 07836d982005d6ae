"""`kontor read`: one file in every form, and a true exit code and sentence when it fails."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Cli

DOCUMENTS = Path(__file__).parents[2] / "fixtures" / "documents"


def test_a_file_is_shown_as_markdown_text_and_json(cli: Cli, tmp_path: Path) -> None:
    file = str(DOCUMENTS / "rental-agreement.pdf")
    markdown = cli("read", file)
    assert markdown.code == 0
    assert markdown.out.startswith("# Mietvertrag über Wohnraum\n\n## 1 Mietsache\n")
    assert "| Grundmiete | 780 Euro |" in markdown.out
    text = cli("read", file, "--as", "text").out
    assert text.startswith("Mietvertrag über Wohnraum\n\n1 Mietsache")
    out = tmp_path / "document.json"
    assert cli("read", file, "--as", "json", "--out", str(out)).out == ""
    document = json.loads(out.read_text(encoding="utf-8"))
    assert document["text"] + "\n" == text
    assert document["parser"]


def test_a_file_is_shown_as_the_chunks_that_would_be_embedded(cli: Cli) -> None:
    shown = cli("read", str(DOCUMENTS / "rental-agreement.md"), "--as", "chunks")
    chunks = json.loads(shown.out)["chunks"]
    assert chunks[0]["text"].startswith("Mietvertrag über Wohnraum")
    assert all(0 < chunk["tokens"] <= 224 for chunk in chunks)


@pytest.mark.parametrize(
    ("name", "content", "code", "sentence"),
    [
        ("empty.pdf", b"", 65, "“empty.pdf” is empty"),
        ("torn.pdf", b"%PDF-1.7 and nothing more", 65, "“torn.pdf” is damaged"),
        ("run.exe", b"MZ\x90\0\x03" + bytes(range(256)) * 4, 65, "“run.exe” is a program"),
    ],
)
def test_what_cannot_be_read_ends_in_one_sentence_and_its_code(
    cli: Cli, tmp_path: Path, name: str, content: bytes, code: int, sentence: str
) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    done = cli("read", str(file))
    assert (done.code, done.out) == (code, "")
    assert done.err.startswith(f"error: {sentence}")
    assert done.err.count("\n") == 1


def test_a_file_that_is_not_there_is_said_to_be_missing(cli: Cli, tmp_path: Path) -> None:
    done = cli("read", str(tmp_path / "none.pdf"))
    assert done.code == 66
    assert "none.pdf" in done.err
