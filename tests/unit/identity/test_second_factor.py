"""Codes after RFC 6238 and RFC 4226, against the documents' own vectors; seals that hold."""

from __future__ import annotations

import pytest

from shared.adapters.secrets import Secrets
from shared.identity.sealing import Seal, ensure_seal, load_seal
from shared.identity.second_factor import code_at, step_of
from shared.kernel.errors import UnavailableError

SECRET = b"12345678901234567890"


@pytest.mark.parametrize(
    ("count", "code"),
    list(enumerate(
        ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871",
         "520489"]
    )),
)  # fmt: skip
def test_code_is_that_of_rfc_4226_appendix_d(count: int, code: str) -> None:
    assert code_at(SECRET, count) == code


@pytest.mark.parametrize(
    ("at_s", "code"),
    [
        (59, "94287082"), (1111111109, "07081804"), (1111111111, "14050471"),
        (1234567890, "89005924"), (2000000000, "69279037"), (20000000000, "65353130"),
    ],
)  # fmt: skip
def test_code_is_that_of_rfc_6238_appendix_b(at_s: int, code: str) -> None:
    """The vectors have eight digits; six digits are their last six."""
    assert code_at(SECRET, at_s // 30) == code[2:]
    assert step_of(SECRET, code[2:], at_s=at_s) == at_s // 30


def test_code_of_a_neighbouring_step_counts_and_no_other() -> None:
    step = 41_152_263
    moment = step * 30.0 + 12
    taken = [step_of(SECRET, code_at(SECRET, step + n), at_s=moment) for n in range(-3, 4)]
    assert taken == [None, None, step - 1, step, step + 1, None, None]


@pytest.mark.parametrize("code", ["", "00000", "1234567", "abcdef", "٣٥٩١٥٢"])
def test_text_that_is_no_code_is_wrong(code: str) -> None:
    assert step_of(SECRET, code, at_s=59) is None


def test_seal_opens_only_for_what_it_was_closed_and_unchanged() -> None:
    seal = Seal(bytes(32))
    sealed = seal.close(b"secret", about="totp:1")
    assert seal.open(sealed, about="totp:1") == b"secret"
    assert seal.close(b"secret", about="totp:1") != sealed
    assert b"secret" not in sealed
    for wrong in (
        lambda: seal.open(sealed, about="totp:2"),
        lambda: seal.open(sealed[:-1] + bytes([sealed[-1] ^ 1]), about="totp:1"),
        lambda: seal.open(b"", about="totp:1"),
        lambda: Seal(b"1" * 32).open(sealed, about="totp:1"),
    ):
        with pytest.raises(UnavailableError):
            wrong()


def test_key_is_made_once_and_a_foreign_one_is_named(secrets: Secrets) -> None:
    with pytest.raises(UnavailableError, match="no secret"):
        load_seal(secrets, "seal")
    ensure_seal(secrets, "seal")
    sealed = load_seal(secrets, "seal").close(b"x", about="y")
    ensure_seal(secrets, "seal")
    assert load_seal(secrets, "seal").open(sealed, about="y") == b"x"
    secrets.keep("seal", "just a word")
    with pytest.raises(UnavailableError, match="256 bits"):
        load_seal(secrets, "seal")
    assert repr(Seal(bytes(32))) == "Seal()"
