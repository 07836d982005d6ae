"""How a setting is declared: with its default, its unit, its limits and a sentence."""

from __future__ import annotations

from typing import Any

from pydantic import Field


def setting(default: object, sentence: str, *, unit: str = "", **limits: Any) -> Any:
    """Declare one setting: its default, what it does, its unit and its limits."""
    return Field(default=default, description=sentence, json_schema_extra={"unit": unit}, **limits)
