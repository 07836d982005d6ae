"""Settings: defaults run offline, mistakes are named without their values, secrets stay hidden."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from shared.kernel.errors import InvalidError
from shared.kernel.settings import read_settings


def test_defaults_are_valid_and_reach_for_nothing() -> None:
    settings = read_settings({})
    assert settings.database_url.get_secret_value() == ""
    assert settings.llm_model == ""
    assert settings.max_direct_bytes <= settings.max_upload_bytes


def test_variables_are_the_field_names_in_capitals() -> None:
    settings = read_settings({"STAGE": "test", "ACCESS_TOKEN_S": "60", "OTHER": "ignored"})
    assert (settings.stage, settings.access_token_s) == ("test", 60)


def test_every_wrong_variable_is_named_without_its_value() -> None:
    wrong = {"ACCESS_TOKEN_S": "secret-1", "DENSE_WEIGHT_EN": "7", "LOG_LEVEL": "secret-2"}
    with pytest.raises(InvalidError) as refused:
        read_settings(wrong)
    assert set(refused.value.fields) == set(wrong)
    assert "secret" not in str(refused.value.problem())


def test_secrets_do_not_show() -> None:
    settings = read_settings({"DATABASE_URL": "postgresql://u:hunter2@h/d", "LLM_API_KEY": "k3y"})
    assert "hunter2" not in repr(settings)
    assert "k3y" not in settings.model_dump_json()


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        read_settings({}).stage = "other"  # type: ignore[misc]
