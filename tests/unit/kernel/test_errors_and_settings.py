"""Errors map to one problem each; settings refuse what is wrong without repeating it."""

from __future__ import annotations

import pytest

from shared.kernel import errors
from shared.kernel.errors import InvalidError, KontorError, LimitedError
from shared.kernel.settings import Settings, read_settings


def _all_errors() -> list[type[KontorError]]:
    return [kind for kind in vars(errors).values() if isinstance(kind, type)
            and issubclass(kind, KontorError) and kind is not KontorError]  # fmt: skip


def test_every_error_has_a_code_and_each_kind_a_status_of_its_own() -> None:
    found = _all_errors()
    assert len({error.code for error in found}) == len(found)
    kinds = [error for error in found if error.__bases__ == (KontorError,)]
    assert len({kind.status for kind in kinds}) == len(kinds) == 10
    assert all(400 <= kind.status < 600 for kind in kinds)


def test_only_errors_that_time_can_heal_are_retryable() -> None:
    assert {kind.code for kind in _all_errors() if kind.is_retryable} == {"limited", "unavailable"}


def test_a_problem_says_what_happened_and_what_to_do() -> None:
    error = InvalidError("The name is empty.", hint="Send one.", fields={"name": "empty"})
    assert error.problem(instance="/x") == {
        "type": "urn:kontor:problem:invalid",
        "title": "Not valid",
        "status": 422,
        "detail": "The name is empty.",
        "hint": "Send one.",
        "fields": {"name": "empty"},
        "instance": "/x",
    }
    assert LimitedError("Slow down.", retry_after_s=3).retry_after_s == 3


def test_defaults_run_offline_and_every_field_says_what_it_is_for() -> None:
    settings = read_settings({})
    assert settings.aws_endpoint_url == ""
    assert settings.llm_model == ""
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert field.description.endswith("."), name


def test_wrong_settings_are_named_without_their_values() -> None:
    with pytest.raises(InvalidError) as raised:
        read_settings({"CHUNK_TOKENS": "plenty", "ACCESS_TOKEN_S": "1", "UNRELATED": "x"})
    assert set(raised.value.fields) == {"CHUNK_TOKENS", "ACCESS_TOKEN_S"}
    assert "plenty" not in raised.value.detail


def test_secrets_never_show_in_a_repr() -> None:
    settings = read_settings({"DATABASE_URL": "postgresql://u:hunter2@h/d", "LLM_API_KEY": "sk-1"})
    assert "hunter2" not in repr(settings)
    assert "sk-1" not in repr(settings)
    assert settings.database_url.get_secret_value().endswith("@h/d")
