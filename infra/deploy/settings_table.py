"""README's settings table, written from ``shared.kernel.settings`` so the two never differ."""

from __future__ import annotations

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from shared.kernel.settings import Settings

NAME = "settings"


def table() -> str:
    """Return the table as Markdown: variable, default, unit, meaning, in the settings' order."""
    lines = ["| Variable | Default | Unit | Meaning |", "|---|---|---|---|"]
    for name, field in Settings.model_fields.items():
        extra = field.json_schema_extra
        unit = str(extra.get("unit", "")) if isinstance(extra, dict) else ""
        meaning = (field.description or "").replace("|", "\\|")
        lines.append(f"| `{name.upper()}` | {_default(field)} | {unit} | {meaning} |")
    return "\n".join(lines)


def _default(field: FieldInfo) -> str:
    value = field.default
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    return f"`{value}`" if value != "" else ""
