"""Web pages: what a reader would see of them, and nothing that is hidden from one."""

from __future__ import annotations

import pytest

from shared.adapters.egress import Fetched
from shared.agents.intents import Intent, find_intent
from shared.agents.model import Page
from shared.agents.pages import page_passages, read_page
from shared.inference.embedding import Embedder


def page(markup: str, kind: str = "text/html", charset: str = "utf-8") -> Page:
    body = markup.encode(charset)
    return read_page(Fetched("https://a.example/", 200, kind, charset, body))


def test_a_page_is_read_as_paragraphs_without_menus_scripts_and_hidden_parts() -> None:
    found = page(
        "<!doctype html><title>A &amp; B</title><style>x</style><nav>Menu</nav><h1>Head</h1>"
        "<p>One<br>two <b>bold</b></p><script>evil()</script><div hidden>h1</div>"
        "<p style='display: NONE'>h2</p><p style='font-size:0'>h3</p><p aria-hidden=true>h4</p>"
        "<!-- h5 --><template>h6</template><img alt='h7'><footer>Foot</footer>"
        "<table><tr><th>A<td>B</table><p>Grüße</p>"
    )
    assert found.title == "A & B"
    assert found.text.split("\n") == ["Head", "One", "two bold", "| A | B", "Grüße"]


def test_a_page_without_head_and_closing_tags_is_read() -> None:
    assert page("<meta charset=utf-8><link rel=x><p>One<p>Two<li>Three").text == "One\nTwo\nThree"


def test_plain_text_and_other_encodings_are_read() -> None:
    assert page("Grüße\n<b>", "text/plain", "latin-1").text == "Grüße\n<b>"


def test_passages_lie_where_they_say_and_the_best_comes_first(embedder: Embedder) -> None:
    lines = [f"Filler line number {n} about gardening and weather. " * 4 for n in range(30)]
    lines[17] = "Lake Baikal is 1,642 metres deep."
    found = Page("https://a.example/", "", "\n".join(lines))
    passages = page_passages("How deep is Lake Baikal?", found, number=3, embedder=embedder)
    assert "1,642" in passages[0].text
    for passage in passages:
        number, _, place = passage.id.partition(":")
        assert number == "3"
        assert found.text[int(place) :].startswith(passage.text)
    assert page_passages("x", Page("u", "", ""), number=0, embedder=embedder) == []


@pytest.mark.parametrize(
    ("task", "intent"),
    [
        (
            "Speichere https://a.example/x im Ordner „Recht/Miete“.",
            Intent("save_page", url="https://a.example/x", folder="Recht/Miete"),
        ),
        ("Please save https://a.example/x", Intent("save_page", url="https://a.example/x")),
        (
            "Nimm https://a.example/x in den Ordner Recht auf",
            Intent("save_page", url="https://a.example/x", folder="Recht"),
        ),
        (
            "Tag the document “Lease 2024” with signed, important and rent",
            Intent("tag_document", title="Lease 2024", tags=("signed", "important", "rent")),
        ),
        (
            "Bitte kennzeichne den Mietvertrag als wichtig",
            Intent("tag_document", title="Mietvertrag", tags=("wichtig",)),
        ),
        (
            "Verschiebe die Datei Rechnung 7 in den Ordner Steuern/2024.",
            Intent("move_document", title="Rechnung 7", folder="Steuern/2024"),
        ),
        ("Move A to folder Staff", Intent("move_document", title="A", folder="Staff")),
        ("Was steht auf https://a.example/x?", None),
        ("Wie verschiebe ich einen Termin in den Mai?", None),
        ("What tags are there?", None),
        ("Speichere das", None),
    ],
)  # fmt: skip
def test_changes_are_told_from_questions(task: str, intent: Intent | None) -> None:
    assert find_intent(task) == intent
