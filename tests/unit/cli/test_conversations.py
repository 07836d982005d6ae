"""`kontor conversations`, `kontor cite` and `kontor ask --continue`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Cli
    from tests.unit.cli.server import FakeKontor

pytestmark = pytest.mark.usefixtures("signed_in")

OLD = "01a21e00-0000-7000-8000-00000000aaaa"
NEW = "01a21f00-0000-7000-8000-00000000bbbb"
CITATION = {
    "id": "c-1",
    "number": 1,
    "title": "BGB",
    "heading_path": ["BGB"],
    "quote": "drei Monate",
}
THREAD = {
    "id": NEW,
    "title": "Frist",
    "messages": [
        {"id": "q", "role": "user", "content": "Wie lang?", "citations": [], "siblings": ["q"]},
        {
            "id": "b",
            "role": "assistant",
            "content": "Drei \x1b[31mMonate [1]",
            "citations": [CITATION],
            "siblings": ["a", "b"],
        },
    ],
}


def conversation(
    identity: str, title: str, day: int, *, is_pinned: bool = False
) -> dict[str, object]:
    at = f"2026-11-{day:02}T10:00:00+00:00"
    return {"id": identity, "title": title, "updated_at": at, "is_pinned": is_pinned}


@pytest.fixture(autouse=True)
def talks(kontor: FakeKontor) -> None:
    items = [
        conversation(OLD, "Frist für Mieter", 3, is_pinned=True),
        conversation(NEW, "Frist", 20),
    ]
    base = "/conversations"
    kontor.answers[("GET", base)] = {"items": items, "next_cursor": None}
    kontor.answers[("GET", f"{base}/{NEW}")] = THREAD
    kontor.answers[("PATCH", f"{base}/{NEW}")] = {"title": "Neu"}
    kontor.answers[("DELETE", f"{base}/{NEW}")] = {}
    kontor.answers[("GET", f"{base}/{NEW}/export")] = {"content": "# Frist\n"}


def test_conversations_are_listed_and_shown(cli: Cli) -> None:
    listed = cli("conversations", "list").out.splitlines()
    assert listed[0].startswith("0000aaaa")
    assert listed[0].endswith("Frist für Mieter (pinned)")
    shown = cli("conversations", "show", "0000bbbb")
    assert "> Wie lang?" in shown.out
    assert "Drei [31mMonate [1]" in shown.out
    assert "(version 2 of 2)" in shown.out
    assert "“drei Monate”" in shown.out


def test_a_name_must_fit_one_conversation(cli: Cli) -> None:
    vague = cli("conversations", "show", "fri")
    assert vague.code == 65
    assert "2 conversations fit" in vague.err
    nothing = cli("conversations", "show", "zebra")
    assert nothing.code == 66
    assert "kontor conversations list" in nothing.err


def test_conversations_are_changed_exported_and_removed(
    cli: Cli, kontor: FakeKontor, tmp_path: Path
) -> None:
    assert "“Neu”" in cli("conversations", "rename", "bbbb", "Neu").out
    assert cli("conversations", "pin", "bbbb").code == 0
    assert cli("conversations", "archive", "bbbb", "--off").code == 0
    sent = [body for method, _, body in kontor.requests if method == "PATCH"]
    assert sent == [{"title": "Neu"}, {"is_pinned": True}, {"is_archived": False}]
    assert cli("conversations", "export", "bbbb").out == "# Frist\n"
    target = tmp_path / "frist.json"
    assert cli("conversations", "export", "bbbb", "--json", "-o", str(target)).code == 0
    assert target.read_text() == "# Frist\n"
    forms = [body.get("form") for _, path, body in kontor.requests if path.endswith("/export")]
    assert forms == ["markdown", "json"]
    assert cli("conversations", "remove", "bbbb").out == "removed it\n"
    assert kontor.requests[-1][0] == "DELETE"


def test_how_long_they_are_kept_is_shown_and_said(cli: Cli, kontor: FakeKontor) -> None:
    kontor.answers[("GET", "/settings/conversations")] = {"keep_days": 0}
    kontor.answers[("PUT", "/settings/conversations")] = {"keep_days": 30}
    assert cli("conversations", "keep").out == "kept for good\n"
    assert cli("conversations", "keep", "30").out == "kept for 30 days after the last question\n"
    assert kontor.requests[-1] == ("PUT", "/settings/conversations", {"keep_days": 30})
    assert cli("conversations", "keep", "--", "-1").code == 2


def test_history_is_searched(cli: Cli, kontor: FakeKontor) -> None:
    found = {
        "conversation_id": NEW,
        "title": "Frist",
        "role": "assistant",
        "snippet": "… drei Monate …",
    }
    kontor.answers[("GET", "/messages")] = {"items": [found], "next_cursor": None}
    said = cli("conversations", "search", "drei", "Monate").out
    assert said == "0000bbbb  Frist\n    told: … drei Monate …\n"
    assert kontor.requests[-1][2]["q"] == "drei Monate"
    kontor.answers[("GET", "/messages")] = {"items": [], "next_cursor": None}
    assert cli("conversations", "search", "x").out == "Nothing of this was said.\n"


def test_asking_goes_on_with_the_conversation_used_last(cli: Cli, kontor: FakeKontor) -> None:
    kontor.stream = [
        ("start", {"conversation_id": NEW, "message_id": "m"}),
        ("condensed", {"query": "Frist für Vermieter", "parts": []}),
        ("passages", {"items": []}),
        ("token", {"text": "Drei Monate."}),
        ("unsupported", {"text": "Drei Monate.", "is_dropped": False}),
        ("done", {"state": "answer", "answerer": "extractive", "confidence": 0.9}),
        ("title", {"conversation_id": NEW, "title": "Fristen"}),
    ]
    done = cli("ask", "--continue", "--json", "Und", "für", "Vermieter?")
    assert json.loads(done.out)["confidence"] == 0.9
    assert kontor.bodies[-1] == {"question": "Und für Vermieter?", "conversation_id": NEW}
    kontor.answers[("GET", "/conversations")] = {"items": [], "next_cursor": None}
    assert cli("ask", "-C", "Und?").code == 66


def test_a_citation_is_followed(cli: Cli, kontor: FakeKontor) -> None:
    document = {"state": "superseded", "cited_version": 1, "current_version": 2, "folder": "Recht"}
    kontor.answers[("GET", "/citations/c-1")] = {
        **CITATION,
        "document": document,
        "before": "Die Frist beträgt",
        "after": "zum Monatsende.",
        "is_exact": True,
        "image": {"page": 3, "url": "http://127.0.0.1/page.webp"},
    }
    done = cli("cite", "c-1")
    assert done.code == 0
    assert "version 1, now 2 in Recht" in done.out
    assert "… Die Frist beträgt»drei Monate«zum Monatsende. …" in done.out
    assert "The document has changed since" in done.out
    assert "page 3: http://127.0.0.1/page.webp" in done.out
    assert cli("cite", "c-9").code == 66
