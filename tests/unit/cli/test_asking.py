"""`kontor ask` and `search`: answers stream in, sources are numbered, hits are marked."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from infra.cli.answers import read_events
from infra.cli.search import snippet
from tests.unit.cli.server import problem

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Cli
    from tests.unit.cli.server import FakeKontor

pytestmark = pytest.mark.usefixtures("signed_in")

CITATION = {
    "id": "c-1",
    "number": 1,
    "title": "BGB",
    "heading_path": ["BGB", "§ 573c Fristen"],
    "page": 12,
    "quote": "Die Kündigung ist\nspätestens am dritten Werktag zulässig.",
}
ANSWER: list[tuple[str, object]] = [
    ("start", {"conversation_id": "conv-1", "message_id": "m-1"}),
    ("token", {"text": "Am dritten "}),
    ("token", {"text": "Werktag \x1b[31m[1]."}),
    ("citation", CITATION),
    ("done", {"state": "answer", "answerer": "extractive"}),
]


def test_an_answer_streams_with_its_numbered_sources(cli: Cli, kontor: FakeKontor) -> None:
    kontor.stream = list(ANSWER)
    done = cli("ask", "Bis", "wann", "kündigen?", "--folder", "/Recht/", "--type", "pdf")
    assert done.code == 0, done.err
    assert done.out.splitlines()[0] == "Am dritten Werktag [31m[1]."
    assert "[1] BGB › § 573c Fristen, p. 12" in done.out
    assert "“Die Kündigung ist spätestens am dritten Werktag zulässig.”" in done.out
    assert kontor.bodies == [
        {
            "question": "Bis wann kündigen?",
            "filters": {"folder": "Recht", "media_types": ["application/pdf"]},
        }
    ]


def test_json_has_the_shape_of_the_buffered_answer(cli: Cli, kontor: FakeKontor) -> None:
    kontor.stream = list(ANSWER)
    streamed = json.loads(cli("ask", "Frist?", "--json", "-c", "conv-1").out)
    kontor.has_stream = False
    whole = json.loads(cli("ask", "Frist?", "--json").out)
    assert streamed.keys() == whole.keys()
    assert streamed["citations"] == whole["citations"] == [CITATION]
    assert streamed["answer"] == whole["answer"] == "Am dritten Werktag \x1b[31m[1]."
    assert kontor.bodies[0]["conversation_id"] == "conv-1"


def test_an_answer_that_breaks_off_is_an_error(cli: Cli, kontor: FakeKontor) -> None:
    kontor.stream = list(ANSWER[:2])
    done = cli("ask", "Frist?")
    assert done.code == 75
    assert done.err == "error: The answer broke off. — Ask again.\n"


def test_an_error_in_the_stream_is_the_servers_own(cli: Cli, kontor: FakeKontor) -> None:
    body = json.loads(bytes(problem(429, "limited", "Too many questions.", "Wait.").body))
    kontor.stream = [ANSWER[0], ("error", body)]
    done = cli("ask", "Frist?")
    assert done.code == 75
    assert done.err == "error: Too many questions. — Wait.\n"


def test_the_stream_renews_an_expired_login(cli: Cli, kontor: FakeKontor) -> None:
    kontor.stream = list(ANSWER)
    assert cli("ask", "Frist?").code == 0
    kontor.tokens.clear()
    assert cli("ask", "Frist?").code == 0


def test_search_prints_a_line_per_passage(cli: Cli, kontor: FakeKontor) -> None:
    kontor.results = [
        {
            "title": "Mietvertrag",
            "heading_path": ["§ 4 Kaution"],
            "page": 2,
            "text": "Die Kaution beträgt drei Monatsmieten.",
            "highlights": [[4, 11]],
            "score": 0.91234,
        }
    ]
    done = cli("search", "Kaution", "-k", "3", "--after", "2026-01-01", "--threshold", "0.2")
    assert done.out.splitlines()[0] == (
        "0.912\tMietvertrag › § 4 Kaution, p. 2\tDie Kaution beträgt drei Monatsmieten."
    )
    assert kontor.bodies == [
        {
            "query": "Kaution",
            "k": 3,
            "filters": {"created_after": "2026-01-01T00:00:00+00:00"},
            "threshold": 0.2,
        }
    ]
    assert json.loads(cli("search", "Kaution", "--json").out)["results"] == kontor.results


def test_nothing_found_is_said_and_is_no_error(cli: Cli) -> None:
    done = cli("search", "Einhorn")
    assert (done.code, done.out) == (0, "Nothing found (12 ms).\n")


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [("--type", "exe", "There is no type 'exe'."), ("--after", "gestern", "not a day")],
)
def test_a_wrong_filter_is_refused_before_anything_is_asked(
    cli: Cli, kontor: FakeKontor, option: str, value: str, said: str
) -> None:
    done = cli("search", "x", option, value)
    assert done.code == 65
    assert said in done.err
    assert kontor.calls("POST", "/api/v1/search") == 0


def test_a_long_passage_is_cut_where_most_was_found() -> None:
    text = "Vorrede. " * 80 + "Die Kaution beträgt drei Monatsmieten. " + "Nachrede. " * 80
    start = text.index("Kaution")
    cut = snippet({"text": text, "highlights": [[start, start + 7], "quatsch", [9999, 10050]]})
    assert cut.plain.startswith("…")
    assert cut.plain.endswith("…")
    assert "Die Kaution beträgt" in cut.plain
    assert len(cut.plain) < 290
    marked = [cut.plain[s.start : s.end] for s in cut.spans if s.style == "bold yellow"]
    assert marked == ["Kaution"]


def test_events_may_have_several_data_lines_and_comments() -> None:
    lines = [": hello", "event: token", 'data: {"text":', 'data: "a"}', "", "", "data: {}", ""]
    events = list(read_events(lines))
    assert [(e.kind, e.body) for e in events] == [("token", {"text": "a"}), ("message", {})]
