"""A claim is supported by words that say it, and by nothing that only sounds like it."""

from __future__ import annotations

import pytest

from shared.inference.embedding import Embedder
from shared.understanding.service import Grounds
from tests.unit.understanding import statements, statements_more

PAIRS_FOR = [*statements.SUPPORTED, *statements_more.SUPPORTED]
PAIRS_AGAINST = [*statements.UNSUPPORTED, *statements_more.UNSUPPORTED]
# Near enough to the truth for readers, too far for these checks.
TOO_FREE = {"Der volle Anspruch auf Urlaub entsteht erstmals nach sechs Monaten."}
TOO_LIKE = {"Die Kaution beträgt drei Monatsmieten."}


@pytest.fixture(scope="module")
def grounds(embedder: Embedder) -> Grounds:
    return Grounds(embedder)


def test_supported_claims_find_the_words_that_say_them(grounds: Grounds) -> None:
    missed = {
        claim
        for passage, language, claim in PAIRS_FOR
        if grounds.find_support(claim, passage, language=language) is None
    }
    assert missed <= TOO_FREE


def test_claims_that_only_sound_alike_find_nothing(grounds: Grounds) -> None:
    passed = {
        claim
        for passage, language, claim in PAIRS_AGAINST
        if grounds.find_support(claim, passage, language=language) is not None
    }
    assert passed <= TOO_LIKE
    assert len(PAIRS_FOR) + len(PAIRS_AGAINST) >= 60


def test_support_is_whole_sentences_of_the_passage(grounds: Grounds) -> None:
    for passage, language, claim in PAIRS_FOR:
        span = grounds.find_support(claim, passage, language=language)
        if span is not None:
            assert passage[slice(*span)][-1] == "."
            assert span[0] == 0 or passage[span[0] - 2 : span[0]] == ". "


def test_a_quotation_must_stand_there_word_for_word(grounds: Grounds) -> None:
    passage = statements.P_LEASE
    for words, is_there in [("bedarf der Schriftform", True), ("bedarf der Textform", False)]:
        claim = f"Im Vertrag steht „Die Kündigung {words}“."
        found = grounds.find_support(claim, passage, language="de")
        assert (found is not None) is is_there


def test_names_may_stand_in_the_title(grounds: Grounds) -> None:
    claim = "The ACME Handbook says that expense reports are due within 14 days."
    passage = statements.P_BOOK
    assert grounds.find_support(claim, passage, language="en") is None
    title = "ACME Handbook"
    assert grounds.find_support(claim, passage, language="en", context=title) is not None


@pytest.mark.parametrize("claim", ["", "   ", "\n"])
def test_nothing_claims_nothing(grounds: Grounds, claim: str) -> None:
    assert grounds.find_support(claim, statements.P_BOOK, language="en") is None
