"""Suggestions: words people can read, titles by any of their words, one slip forgiven."""

from __future__ import annotations

import pytest

from shared.kernel.errors import InvalidError
from shared.search.model import Filters
from shared.search.service import remove_version
from shared.search.suggestions import Suggestion, correct, fold, slips, suggest
from tests.unit.search.library import Library, chunk, some_vectors

GERMAN = "Die Kündigungsfristen der Kündigung betragen drei Monate zum Quartalsende."


def shelve(library: Library, text: str = GERMAN, **columns: object) -> None:
    library.add([chunk(text, language="de")], vectors=some_vectors(1), language="de", **columns)


def texts(library: Library, typed: str, **more: object) -> list[str]:
    with library.database.transaction(library.tenant) as session:
        return [each.text for each in suggest(session, typed, **more)]  # type: ignore[arg-type]


def corrected(library: Library, query: str) -> str:
    with library.database.transaction(library.tenant) as session:
        return correct(session, query)


@pytest.mark.parametrize("typed", ["kündi", "KÜNDI", "kundi", "kuendi"])
def test_words_are_found_whatever_their_case_and_umlauts(library: Library, typed: str) -> None:
    shelve(library)
    assert texts(library, typed) == ["Kündigung", "Kündigungsfristen"]


def test_frequent_words_come_first_and_each_once(library: Library) -> None:
    shelve(library, "Quartalsbericht und Quartal, wieder das Quartal.")
    shelve(library, "Das Quartal endet.")
    assert texts(library, "quart") == ["Quartal", "Quartalsbericht"]


@pytest.mark.parametrize("typed", ["kündgung", "kündiggung", "kündugung", "künidgung"])
def test_one_slip_is_forgiven_and_said_to_be_one(library: Library, typed: str) -> None:
    shelve(library)
    with library.database.transaction(library.tenant) as session:
        found = suggest(session, typed)
    assert [each.text for each in found] == ["Kündigung", "Kündigungsfristen"]
    assert not any(each.is_exact for each in found)


def test_two_slips_are_not(library: Library) -> None:
    shelve(library)
    assert texts(library, "kxndxgung") == []


def test_titles_are_found_by_any_of_their_words(library: Library) -> None:
    shelve(library, title="Mietvertrag Müllerstraße 5")
    for typed in ("miet", "müllerstr", "muellerstrasse 5", "mietvertrag mü"):
        assert texts(library, typed)[0] == "Mietvertrag Müllerstraße 5", typed
    assert texts(library, "vertrag") == []


def test_a_title_names_its_document_and_follows_a_renaming(library: Library) -> None:
    document, _ = library.add([chunk("Text")], vectors=some_vectors(1), title="Alpha")
    with library.database.transaction(library.tenant) as session:
        assert suggest(session, "alp") == [Suggestion("title", "Alpha", document, True)]
        session.connection.execute("UPDATE kontor.documents SET title = 'Beta'")
        assert suggest(session, "alp") == []
        assert [each.text for each in suggest(session, "bet")] == ["Beta"]


def test_the_last_word_of_a_phrase_goes_on(library: Library) -> None:
    shelve(library, title="Other")
    assert texts(library, "drei mon") == ["drei Monate"]
    assert texts(library, "drei ") == ["drei"]


def test_nothing_comes_from_what_may_not_be_seen(library: Library, other_library: Library) -> None:
    shelve(library, title="Geheimakte")
    assert texts(other_library, "kündi") == []
    assert texts(other_library, "geheim") == []
    assert texts(library, "kündi", filters=Filters(media_types=("application/pdf",))) == []
    assert texts(library, "geheim", filters=Filters(media_types=("application/pdf",))) == []
    assert texts(library, "kündi", filters=Filters(media_types=("text/plain",)))


def test_removed_documents_leave_no_words(library: Library) -> None:
    _, version = library.add([chunk(GERMAN, language="de")], vectors=some_vectors(1))
    with library.database.transaction(library.tenant) as session:
        remove_version(session, version)
        session.connection.execute("UPDATE kontor.documents SET removed_at = now()")
        left = session.connection.execute("SELECT count(*) FROM kontor.readable_words").fetchone()
        assert left == (0,)
        assert suggest(session, "kündi") == []
        assert suggest(session, "a doc") == []


def test_signs_are_no_patterns(library: Library) -> None:
    shelve(library)
    for typed in ("%", "_", "____", "%%%%%", "\\", "'; --", "   ", ""):
        assert texts(library, typed) == []


def test_a_list_has_a_length(library: Library) -> None:
    with pytest.raises(InvalidError, match="1 to 10"):
        texts(library, "a", most=11)


def test_misspelt_queries_are_corrected(library: Library) -> None:
    shelve(library)
    library.add([chunk("The quarterly reports are enclosed.")], vectors=some_vectors(1))
    assert corrected(library, "Kündigugsfrist Monate") == "Kündigungsfristen Monate"
    assert corrected(library, "quaterly report") == "quarterly report"


@pytest.mark.parametrize(
    "query", ["Kündigung", "kuendigung", "quantum", "12345", "xyz", "Mond", "", "§ 433"]
)
def test_right_and_unknown_queries_stay(library: Library, query: str) -> None:
    shelve(library)
    assert corrected(library, query) == ""


@pytest.mark.parametrize("text", ["Straße", "ÄÖÜ ẞ", "naïve Ångström", "ﬁn", "Ⅷ İ", "日本語 ça"])
def test_python_folds_as_the_database_does(library: Library, text: str) -> None:
    with library.database.transaction(library.tenant) as session:
        row = session.connection.execute("SELECT kontor.folded(%s)", (text,)).fetchone()
    assert row == (fold(text),)


def test_slips_are_patterns_of_one_edit() -> None:
    assert slips("ab") == ["a", "a_", "a_b"]
    assert "a\\%c" in slips("ac%")
