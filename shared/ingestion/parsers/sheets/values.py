"""How a spreadsheet's values are written as words: dates as dates, shares as per cents."""

from __future__ import annotations

import datetime as dt
import re

_PERCENT = re.compile(r"%")
_QUOTED = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]')
_TIME = re.compile(r"[hs]", re.IGNORECASE)
_SIGNIFICANT = 15  # digits that Excel keeps


def shown(value: object, number_format: str = "") -> str:
    """Return a cell's value as a person reads it; the format only decides what it is."""
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, int | float):
        return _number(value, number_format)
    if isinstance(value, dt.datetime):
        has_time = bool(_TIME.search(_QUOTED.sub("", number_format))) or value.time() != dt.time()
        return value.isoformat(" ", "seconds") if has_time else value.date().isoformat()
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    return str(value).strip()


def _number(value: float, number_format: str) -> str:
    plain = _QUOTED.sub("", number_format or "")
    if _PERCENT.search(plain):
        return f"{_digits(value * 100)}%"
    return _digits(value)


def _digits(value: float) -> str:
    """Write a number without the noise of binary fractions."""
    if isinstance(value, int):
        return str(value)
    if value != value or value in {float("inf"), float("-inf")}:  # noqa: PLR0124 - not a number
        return ""
    if value.is_integer() and abs(value) < 10**_SIGNIFICANT:
        return str(int(value))
    rounded = f"{value:.{_SIGNIFICANT}g}"
    return str(float(rounded)) if "e" in rounded else rounded
