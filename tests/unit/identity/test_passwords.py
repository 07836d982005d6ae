"""Passwords: what guessers try first is refused, sentences are not, foreign hashes are checked."""

from __future__ import annotations

import bcrypt
import pytest

from shared.identity import passwords
from shared.kernel.errors import InvalidError


@pytest.mark.parametrize(
    "password",
    [
        "password1234", "Password123!", "P@ssw0rd2024!", "passwordpassword", "1234567890123",
        "abcdefghijkl", "987654321098", "aaaaaaaaaaaaa", "qwertzuiopü1",
        "Willkommen2024", "!!!fussball!!!!", "q1w2e3r4t5y6", "abcabcabcabc", "letmein letmein",
        "1qaz2wsx3edc", "administrator1", "correcthorsebatterystaple", "Sommer Sommer",
        "deutschland!!",
    ],
)  # fmt: skip
def test_what_guessers_try_first_is_refused(password: str) -> None:
    with pytest.raises(InvalidError, match="guessers") as refused:
        passwords.hash_new(password)
    assert password not in str(refused.value.problem())


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery", "mein Hund heißt anders", "Der Regen fällt im Juni",
        "tfgjvNq2-xWp9", "ключи лежат под ковром", "zwölf Äpfel 12", "summer of sixty nine",
    ],
)  # fmt: skip
def test_sentence_or_random_text_is_taken_without_rules_of_composition(password: str) -> None:
    assert passwords.is_right(passwords.hash_new(password), password)


def test_words_about_the_person_are_refused_for_them_only() -> None:
    about = ["ada@acme.example", "ada", "lovelace", "acme"]
    for password in ("Ada-Lovelace-1815", "ada@acme.example", "lovelace lovelace", "acme2024acme"):
        assert passwords.is_guessed(password, about=about), password
        assert not passwords.is_guessed("Ada programs engines", about=about)
    assert not passwords.is_guessed("Ada-Lovelace-1815")


def test_three_thousand_commonest_are_known() -> None:
    """ASVS 6.2.4: at least the top 3000; all 349 of those long enough are refused as they are."""
    known = passwords._common()
    assert len(known) > 15_000
    long_enough = [each for each in known if len(each) >= passwords.MIN_CHARACTERS]
    assert len(long_enough) > 300
    assert all(passwords.is_guessed(each) for each in long_enough)


@pytest.mark.parametrize("prefix", [b"2a", b"2b"])
def test_bcrypt_hash_is_checked_and_always_renewed(prefix: bytes) -> None:
    made = bcrypt.hashpw("schön".encode(), bcrypt.gensalt(4, prefix)).decode()
    assert passwords.check_importable(made) == made
    assert passwords.is_right(made, "schön")
    assert not passwords.is_right(made, "schon")
    assert (passwords.rehashed(made, "schön") or "").startswith("$argon2id$")


def test_bcrypt_looked_at_72_bytes_only_and_so_does_the_check() -> None:
    made = bcrypt.hashpw(b"x" * 72, bcrypt.gensalt(4)).decode()
    assert passwords.is_right(made, "x" * 80)
    assert passwords.is_right(passwords.rehashed(made, "x" * 80) or "", "x" * 80)
