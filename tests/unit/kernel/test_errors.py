"""The error tree: every branch has its status, its code and its way to the caller."""

from __future__ import annotations

import pytest

from shared.kernel import errors
from shared.kernel.errors import InvalidError, KontorError, LimitedError, UnavailableError

TREE = {
    value
    for value in vars(errors).values()
    if isinstance(value, type) and issubclass(value, KontorError) and value is not KontorError
}


def test_statuses_and_codes_are_told_apart() -> None:
    assert len({error.status for error in TREE}) == len({error.code for error in TREE}) == len(TREE)
    assert all(400 <= error.status < 600 and error.title for error in TREE)


def test_only_temporary_errors_are_retried() -> None:
    assert {error for error in TREE if error.is_retryable} == {LimitedError, UnavailableError}


def test_problem_names_what_the_caller_needs_and_nothing_empty() -> None:
    full = InvalidError("It is wrong.", hint="Mend it.", fields={"a.b": "too long"})
    assert full.problem(instance="/x") == {
        "type": "urn:kontor:problem:invalid",
        "title": "Not valid",
        "status": 422,
        "detail": "It is wrong.",
        "hint": "Mend it.",
        "fields": {"a.b": "too long"},
        "instance": "/x",
    }
    assert set(InvalidError("It is wrong.").problem()) == {"type", "title", "status", "detail"}


@pytest.mark.parametrize("error", sorted(TREE, key=lambda error: error.code))
def test_error_says_its_detail_as_text(error: type[KontorError]) -> None:
    more = {"retry_after_s": 3} if error is LimitedError else {}
    assert str(error("What happened.", **more)) == "What happened."  # type: ignore[arg-type]
