"""Schedule expressions: the examples of AWS's own documentation, and their edges."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from infra.local.cron import parse_schedule
from shared.kernel.errors import InvalidError


def moments(expression: str, start: str, count: int = 3) -> list[str]:
    moment: datetime | None = datetime.fromisoformat(start).replace(tzinfo=UTC)
    found = []
    for _ in range(count):
        assert moment is not None
        moment = parse_schedule(expression).next_after(moment)
        found.append("never" if moment is None else moment.strftime("%Y-%m-%d %H:%M"))
        if moment is None:
            break
    return found


@pytest.mark.parametrize(
    ("expression", "start", "expected"),
    [
        ("rate(1 minute)", "2026-01-01 00:00:30", ["2026-01-01 00:01"]),
        ("rate(5 minutes)", "2026-01-01 00:00", ["2026-01-01 00:05", "2026-01-01 00:10"]),
        ("rate(7 days)", "2026-01-01 00:00", ["2026-01-08 00:00"]),
        ("cron(0 10 * * ? *)", "2026-01-01 10:00", ["2026-01-02 10:00"]),
        ("cron(15 12 * * ? *)", "2026-01-01 12:14:59", ["2026-01-01 12:15"]),
        ("cron(0 18 ? * MON-FRI *)", "2026-11-20 18:00", ["2026-11-23 18:00"]),
        ("cron(0 8 1 * ? *)", "2026-01-31 00:00", ["2026-02-01 08:00", "2026-03-01 08:00"]),
        ("cron(0/15 * * * ? *)", "2026-01-01 00:07", ["2026-01-01 00:15", "2026-01-01 00:30"]),
        ("cron(0/5 8-17 ? * MON-FRI *)", "2026-11-20 17:55", ["2026-11-23 08:00"]),
        ("cron(0 9 ? * 2#1 *)", "2026-11-20 00:00", ["2026-12-07 09:00"]),
        ("cron(0 9 ? * 6L *)", "2026-11-20 00:00", ["2026-11-27 09:00"]),
        ("cron(0 9 L * ? *)", "2028-02-01 00:00", ["2028-02-29 09:00"]),
        ("cron(0 9 LW * ? *)", "2026-05-01 00:00", ["2026-05-29 09:00"]),
        ("cron(0 9 1W * ? *)", "2026-07-31 10:00", ["2026-08-03 09:00"]),
        ("cron(0 0 29 2 ? *)", "2026-01-01 00:00", ["2028-02-29 00:00"]),
        ("cron(0 0 ? * L *)", "2026-11-20 00:00", ["2026-11-21 00:00"]),
        ("cron(0 22 ? * FRI-MON *)", "2026-11-20 22:00", ["2026-11-21 22:00"]),
        ("cron(0 0 1 1 ? 2030)", "2026-01-01 00:00", ["2030-01-01 00:00", "never"]),
        ("cron(30 3 * JAN,MAR ? *)", "2026-01-31 04:00", ["2026-03-01 03:30"]),
    ],
)
def test_it_fires_when_eventbridge_would(expression: str, start: str, expected: list[str]) -> None:
    assert moments(expression, start, len(expected)) == expected


@pytest.mark.parametrize(
    "expression",
    [
        "rate(0 minutes)",
        "rate(1 minutes)",
        "rate(5 minute)",
        "rate(5 weeks)",
        "cron(0 3 * * *)",
        "cron(0 3 * * * *)",
        "cron(0 3 ? * ? *)",
        "cron(60 3 * * ? *)",
        "cron(0 24 * * ? *)",
        "cron(0 3 32 * ? *)",
        "cron(0 3 ? * 8 *)",
        "cron(0/0 3 * * ? *)",
        "every day",
    ],
)
def test_a_wrong_expression_is_refused_with_a_reason(expression: str) -> None:
    with pytest.raises(InvalidError, match="is wrong"):
        parse_schedule(expression)
