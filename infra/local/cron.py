"""EventBridge's schedule expressions: when does ``rate(…)`` or ``cron(…)`` fire next?

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html
Six fields (minutes hours day-of-month month day-of-week year), UTC; one of the two days is ``?``.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from shared.kernel.errors import InvalidError

_RATE = re.compile(r"^rate\((\d+) (minute|minutes|hour|hours|day|days)\)$")
_CRON = re.compile(r"^cron\(([^()]+)\)$")
_SECONDS = {"minute": 60, "hour": 3600, "day": 86400}
_MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
_DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
FIRST_YEAR, LAST_YEAR = 1970, 2199


@dataclass(frozen=True, slots=True)
class Rate:
    """A fixed interval."""

    interval: timedelta

    def next_after(self, moment: datetime) -> datetime | None:
        """Return one interval later."""
        return moment + self.interval


@dataclass(frozen=True, slots=True)
class Cron:
    """A calendar pattern; ``is_day`` decides whether a date is one of its days."""

    minutes: frozenset[int]
    hours: frozenset[int]
    months: frozenset[int]
    years: frozenset[int]
    is_day: Callable[[date], bool]

    def next_after(self, moment: datetime) -> datetime | None:
        """Return the first match later than ``moment``, or ``None`` when there is none left."""
        moment = moment.replace(second=0, microsecond=0) + timedelta(minutes=1)
        day = moment.date()
        while day.year <= max(self.years):
            if day.year not in self.years or day.month not in self.months:
                day = _first_of_next_month(day)
                continue
            if self.is_day(day):
                for hour in sorted(self.hours):
                    for minute in sorted(self.minutes):
                        found = moment.replace(
                            year=day.year, month=day.month, day=day.day, hour=hour, minute=minute
                        )
                        if found >= moment:
                            return found
            day += timedelta(days=1)
        return None


def parse_schedule(expression: str) -> Rate | Cron:
    """Read a schedule expression. Raises InvalidError saying which part is wrong."""
    if match := _RATE.match(expression.strip()):
        value, unit = int(match[1]), match[2]
        if value < 1 or (value == 1) == unit.endswith("s"):
            raise _wrong(expression, "write rate(1 minute), rate(5 minutes)")
        return Rate(timedelta(seconds=value * _SECONDS[unit.rstrip("s")]))
    if match := _CRON.match(expression.strip()):
        return _parse_cron(expression, match[1].split())
    raise _wrong(expression, "it is neither rate(value unit) nor cron(six fields)")


def _parse_cron(expression: str, fields: list[str]) -> Cron:
    if len(fields) != 6:  # noqa: PLR2004 - the six fields of the module's docstring
        raise _wrong(expression, "cron takes six fields")
    minutes, hours, day_of_month, month, day_of_week, year = fields
    if (day_of_month == "?") == (day_of_week == "?"):
        raise _wrong(expression, "exactly one of day-of-month and day-of-week must be ?")
    by_week = day_of_month == "?"
    return Cron(
        minutes=_values(expression, minutes, 0, 59),
        hours=_values(expression, hours, 0, 23),
        months=_values(expression, month, 1, 12, names=_MONTHS, first_name=1),
        years=_values(expression, year, FIRST_YEAR, LAST_YEAR),
        is_day=_week_days(expression, day_of_week) if by_week else _days(expression, day_of_month),
    )


def _values(
    expression: str,
    field: str,
    low: int,
    high: int,
    *,
    names: list[str] | None = None,
    first_name: int = 0,
) -> frozenset[int]:
    """Expand lists, ranges, steps and names of one field."""

    def value(word: str) -> int:
        if names and word.upper() in names:
            return names.index(word.upper()) + first_name
        if not word.isdigit() or not low <= int(word) <= high:
            raise _wrong(expression, f"{word} is not between {low} and {high}")
        return int(word)

    found: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        if step and (not step.isdigit() or int(step) < 1):
            raise _wrong(expression, f"{step} is no step")
        first, dash, last = span.partition("-")
        start = low if first == "*" else value(first)
        end = value(last) if dash else high if first == "*" or step else start
        if start > end:
            # A range over the end of the week or the hours wraps around.
            found.update(range(start, high + 1, int(step or 1)))
            start = low
        found.update(range(start, end + 1, int(step or 1)))
    return frozenset(found)


def _days(expression: str, field: str) -> Callable[[date], bool]:
    """Return the test for a day-of-month field: numbers, ``L`` (last), ``15W``, ``LW``."""
    if field.upper() == "L":
        return lambda day: day.day == _length(day)
    if field.upper() == "LW":
        return lambda day: day == _nearest_week_day(day, _length(day))
    if match := re.match(r"^(\d{1,2})W$", field.upper()):
        wanted = int(match[1])
        if not 1 <= wanted <= 31:  # noqa: PLR2004 - days of a month
            raise _wrong(expression, f"{wanted} is no day of a month")
        return lambda day: day == _nearest_week_day(day, wanted)
    numbers = _values(expression, field, 1, 31)
    return lambda day: day.day in numbers


def _week_days(expression: str, field: str) -> Callable[[date], bool]:
    """Return the test for a day-of-week field: 1-7 from Sunday, names, ``6L``, ``2#1``."""
    if match := re.match(r"^(\w+)#([1-5])$", field):
        (wanted,) = _values(expression, match[1], 1, 7, names=_DAYS, first_name=1)
        nth = int(match[2])
        return lambda day: _number(day) == wanted and (day.day - 1) // 7 + 1 == nth
    if field.upper() == "L":
        return lambda day: _number(day) == len(_DAYS)
    if match := re.match(r"^(\d)L$", field.upper()):
        (last,) = _values(expression, match[1], 1, 7)
        return lambda day: _number(day) == last and day.day + 7 > _length(day)
    numbers = _values(expression, field, 1, 7, names=_DAYS, first_name=1)
    return lambda day: _number(day) in numbers


def _number(day: date) -> int:
    return day.isoweekday() % 7 + 1


def _length(day: date) -> int:
    return calendar.monthrange(day.year, day.month)[1]


def _nearest_week_day(day: date, wanted: int) -> date | None:
    """Return the week day nearest to day ``wanted`` of the month, never in another month."""
    if wanted > _length(day):
        return None
    target = day.replace(day=wanted)
    if target.isoweekday() == 6:  # noqa: PLR2004 - Saturday
        return target + timedelta(days=2 if wanted == 1 else -1)
    if target.isoweekday() == 7:  # noqa: PLR2004 - Sunday
        return target + timedelta(days=-2 if wanted == _length(day) else 1)
    return target


def _first_of_next_month(day: date) -> date:
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1)


def _wrong(expression: str, why: str) -> InvalidError:
    return InvalidError(f"The schedule {expression} is wrong: {why}.")
