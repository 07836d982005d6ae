"""Letters: every kind in both languages, the same in text and HTML, safe with any name."""

from __future__ import annotations

from html import unescape
from typing import get_args

import pytest

from shared.identity.letters import Letter, LetterKind, words_of, write

KINDS = get_args(LetterKind)
LINK = "https://kontor.example/auth/verify?token=kontor_ln_x"


def test_every_kind_has_words_in_both_languages() -> None:
    assert set(words_of()) == {"de", "en"}
    for words in words_of().values():
        assert set(words) == set(KINDS)


@pytest.mark.parametrize("language", ["de", "en"])
@pytest.mark.parametrize("kind", KINDS)
def test_letter_says_the_same_as_text_and_as_html(kind: LetterKind, language: str) -> None:
    link = LINK if words_of()[language][kind].command else ""
    letter = write(Letter(kind, "ada@acme.example", language, "Acme GmbH & Co. KG", "Ada", link))
    shown = unescape(letter.html)
    assert f'<html lang="{language}">' in letter.html
    assert "Acme GmbH & Co. KG" in letter.text
    for paragraph in letter.text.split("\n\n"):
        if not paragraph.startswith(("Or on", "Oder auf", "-- ")):
            assert paragraph.strip() in shown
    assert letter.text.count("token=") == (1 if link else 0)
    assert "{" not in letter.text + letter.subject


def test_unknown_language_is_written_in_english() -> None:
    assert write(Letter("email_changed", "a@b.example", "fr", "A")).language == "en"


@pytest.mark.parametrize(
    "name",
    [
        "https://evil.example/login", "evil.example", "eve@evil.example", "<img src=x>",
        "{tenant}{0}", "a\r\nBcc: x", "\u202egnp.exe", "x" * 500, "", "javascript:alert(1)",
    ],
)  # fmt: skip
def test_name_of_a_stranger_neither_links_nor_breaks_out(name: str) -> None:
    letter = write(Letter("invitation", "a@b.example", "en", name, name, LINK))
    assert letter.html.count("<a ") == 1
    assert "<img" not in letter.html
    assert len(letter.subject) < 140
    assert letter.subject.isprintable()
    for part in (letter.text.replace(LINK, ""), letter.html.replace(LINK, "")):
        for link in ("://", "evil.example", "eve@evil", "javascript:alert"):
            assert link not in part
