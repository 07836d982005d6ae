"""Arithmetic without a language model and without ``eval``: figures, percentages, money, dates.

Reads what people write in German and English ("19 % von 1.250 €", "2024-01-31 + 3 months"), keeps
units, and refuses what does not add up. Everything is decimal, as money wants it.
"""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal, DecimalException, localcontext
from typing import Literal

from shared.kernel.errors import InvalidError

Spoken = Literal["de", "en"]

LONGEST = 300
_DIGITS = 28
_LARGEST_POWER = 64
_DEEPEST = 30
_MONTHS_A_YEAR = 12
_CURRENCIES = {"€": "EUR", "eur": "EUR", "euro": "EUR", "euros": "EUR", "$": "USD", "usd": "USD",
               "£": "GBP", "gbp": "GBP", "chf": "CHF", "franken": "CHF"}  # fmt: skip
_DAYS = {"tag": 1, "tage": 1, "tagen": 1, "day": 1, "days": 1,
         "woche": 7, "wochen": 7, "week": 7, "weeks": 7}  # fmt: skip
_MONTHS = {"monat": 1, "monate": 1, "monaten": 1, "month": 1, "months": 1,
           "jahr": 12, "jahre": 12, "jahren": 12, "year": 12, "years": 12}  # fmt: skip
_TOKEN = re.compile(
    r"\s*(?:(?P<date>\d{4}-\d{2}-\d{2}|\d{1,2}\.\d{1,2}\.\d{4})(?!\d)"
    r"|(?P<number>\d+(?:[.,]\d+|[ \u00a0\u202f'’]\d{3}(?!\d))*)"
    r"|(?P<word>[^\W\d_]+|[€$£%])"
    r"|(?P<sign>\*\*|[-+*/^()×·÷:−–]))"
)
_SIGNS = {"×": "*", "·": "*", "÷": "/", ":": "/", "−": "-", "–": "-", "**": "^"}
_LEADS = re.compile(
    r"^(?:(?:bitte|please)\s+)?(?:was\s+(?:ist|sind|ergibt|macht)|wie\s*viel(?:e)?\s+(?:ist|sind|macht|ergibt)"
    r"|berechne|rechne|what(?:'s|\s+is|\s+are)|how\s+much\s+(?:is|are)|calculate|compute)\b[:\s]*",
    re.IGNORECASE,
)
_TRAILS = re.compile(r"[\s?.!=]*(?:\s(?:aus|zusammen|altogether))?[\s?.!=]*$", re.IGNORECASE)
_BETWEEN = re.compile(
    r"(?:tage|days)\b.*?\b(?:zwischen|between|vom|von|from)\s+(?:dem\s+|the\s+)?(?P<first>[\d.-]{8,10})"
    r"\s+(?:und|and|bis|to|until)\s+(?:zum\s+|dem\s+)?(?P<last>[\d.-]{8,10})",
    re.IGNORECASE,
)
_AFTER = re.compile(
    r"(?P<span>\d+\s+[^\W\d_]+)\s+(?P<way>nach|ab|after|from|vor|before)\s+(?:dem\s+|the\s+)?"
    r"(?P<day>[\d.-]{8,10})",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Quantity:
    """An amount; ``unit`` is a currency's code, ``%``, ``days``, ``months`` or empty."""

    amount: Decimal
    unit: str = ""


Value = Quantity | date


@dataclass(frozen=True, slots=True)
class Reckoning:
    """What was reckoned and what came out, both as the reader writes them."""

    expression: str
    result: str


def find_expression(text: str) -> str | None:
    """Return the arithmetic a question consists of, ``None`` when it asks for something else."""
    text = " ".join(text.split())
    between = _BETWEEN.search(text)
    if between is not None:
        return f"{between['last'].rstrip('.')} - {between['first'].rstrip('.')}"
    after = _AFTER.search(text)
    if after is not None:
        sign = "-" if after["way"].lower() in {"vor", "before"} else "+"
        return f"{after['day'].rstrip('.')} {sign} {after['span']}"
    rest = _TRAILS.sub("", _LEADS.sub("", text))
    if len(rest) > LONGEST or not re.search(r"\d", rest):
        return None
    try:
        tokens = _tokens(rest)
    except InvalidError:
        return None
    does_something = any(
        (kind == "sign" and text not in "()") or (kind == "word" and text in {"von", "of"})
        for kind, text in tokens
    )
    return rest if does_something and len(tokens) > 2 else None  # noqa: PLR2004


def calculate(expression: str, *, language: Spoken) -> Reckoning:
    """Reckon an expression; raises InvalidError saying what does not add up."""
    if len(expression) > LONGEST:
        raise InvalidError(f"An expression has at most {LONGEST} characters.")
    with localcontext() as context:
        context.prec = _DIGITS
        try:
            value = _Reader(_tokens(expression), language).read()
            return Reckoning(expression.strip(), shown(value, language))
        except (DecimalException, OverflowError, ValueError) as error:
            raise InvalidError("This cannot be reckoned.", hint="Check the figures.") from error


def shown(value: Value, language: Spoken) -> str:
    """Write a value as people of that language do."""
    if isinstance(value, date):
        return value.strftime("%d.%m.%Y") if language == "de" else value.isoformat()
    if value.unit in _CURRENCIES.values():
        return f"{_figure(value.amount.quantize(Decimal('0.01')), language)} {value.unit}"
    rounded = round(value.amount, 10)
    whole = rounded.to_integral_value()
    figure = _figure(whole if rounded == whole else rounded.normalize(), language)
    names = {
        "de": {"days": "Tage", "months": "Monate"},
        "en": {"days": "days", "months": "months"},
    }
    unit = names[language].get(value.unit, value.unit)
    return f"{figure} {unit}".strip()


def _figure(amount: Decimal, language: Spoken) -> str:
    text = f"{amount:,f}"
    return text.translate(str.maketrans(",.", ".,")) if language == "de" else text


def _tokens(text: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    at = 0
    text = text.strip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            raise InvalidError(f"“{text[at : at + 20]}” is not arithmetic.")
        kind, said = match.lastgroup, match[match.lastgroup]
        if kind == "word" and not _is_known(said.lower()):
            raise InvalidError(f"“{said}” is not a unit that can be reckoned with.")
        found.append((kind, _SIGNS.get(said, said.lower())))
        at = match.end()
    return found


def _is_known(word: str) -> bool:
    return word in _CURRENCIES or word in _DAYS or word in _MONTHS or word in {"%", "von", "of"}


def _number(text: str, language: Spoken) -> Decimal:
    """Read a figure: with both marks the last one is decimal, with one the language decides."""
    text = re.sub(r"[\s'’ ]", "", text)
    comma, point = text.rfind(","), text.rfind(".")
    if comma >= 0 and point >= 0:
        decimal = "," if comma > point else "."
    else:
        mark = "," if comma >= 0 else "."
        groups = text.split(mark)
        is_grouped = len(groups) > 1 and all(len(group) == 3 for group in groups[1:])  # noqa: PLR2004
        own = "," if language == "de" else "."
        decimal = "" if is_grouped and (mark != own or len(groups) > 2) else mark  # noqa: PLR2004
    whole = text.translate({ord(mark): None for mark in ",." if mark != decimal})
    return Decimal(whole.replace(",", "."))


def _day(text: str) -> date:
    if "-" in text:
        return date.fromisoformat(text)
    day, month, year = text.split(".")
    return date(int(year), int(month), int(day))


class _Reader:
    """Recursive descent over the tokens: sums of products of powers of values."""

    def __init__(self, tokens: list[tuple[str, str]], language: Spoken) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0
        self._language = language

    def read(self) -> Value:
        value = self._sum()
        if self._at < len(self._tokens):
            raise InvalidError(f"“{self._tokens[self._at][1]}” is in the wrong place.")
        return value

    def _peek(self) -> str:
        return self._tokens[self._at][1] if self._at < len(self._tokens) else ""

    def _take(self, *wanted: str) -> str:
        if self._peek() in wanted:
            self._at += 1
            return self._tokens[self._at - 1][1]
        return ""

    def _sum(self) -> Value:
        value = self._product()
        while sign := self._take("+", "-"):
            value = _add(value, self._product(), 1 if sign == "+" else -1)
        return value

    def _product(self) -> Value:
        value = self._power()
        while sign := self._take("*", "/", "von", "of"):
            right = self._power()
            value = _divide(value, right) if sign == "/" else _multiply(value, right)
        return value

    def _power(self) -> Value:
        if self._take("-"):
            return _multiply(Quantity(Decimal(-1)), self._power())
        value = self._value()
        if self._take("^"):
            value = _raise(value, self._power())
        return value

    def _value(self) -> Value:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise InvalidError("Too many brackets.")
        try:
            return self._inner()
        finally:
            self._depth -= 1

    def _inner(self) -> Value:
        if self._take("("):
            value = self._sum()
            if not self._take(")"):
                raise InvalidError("A bracket is not closed.")
            return self._with_unit(value)
        kind, text = self._tokens[self._at] if self._at < len(self._tokens) else ("end", "the end")
        self._at += 1
        if kind == "date":
            return _day(text)
        if kind == "number":
            return self._with_unit(Quantity(_number(text, self._language)))
        if kind == "word" and text in _CURRENCIES:  # "€ 12.50"
            value = self._value()
            return _multiply(value, Quantity(Decimal(1), _CURRENCIES[text]))
        raise InvalidError(f"“{text}” is in the wrong place.")

    def _with_unit(self, value: Value) -> Value:
        word = self._peek()
        if isinstance(value, date) or value.unit:
            return value
        for units, name in ((_DAYS, "days"), (_MONTHS, "months")):
            if word in units:
                self._at += 1
                return Quantity(value.amount * units[word], name)
        if word in _CURRENCIES or word == "%":
            self._at += 1
            return Quantity(value.amount, _CURRENCIES.get(word, "%"))
        return value


def _add(left: Value, right: Value, sign: int) -> Value:
    if isinstance(left, date):
        return _move(left, right, sign)
    if isinstance(right, date):
        raise InvalidError("A date can only stand in front of what is added to it.")
    if right.unit == "%" and left.unit != "%":
        return Quantity(left.amount * (1 + sign * right.amount / 100), left.unit)
    if left.unit != right.unit:
        raise InvalidError(f"{left.unit or 'a plain figure'} and {right.unit or 'a plain figure'}"
                           " cannot be added.")  # fmt: skip
    return Quantity(left.amount + sign * right.amount, left.unit)


def _move(day: date, span: Value, sign: int) -> Value:
    if isinstance(span, date):
        if sign > 0:
            raise InvalidError("Two dates cannot be added.")
        return Quantity(Decimal((day - span).days), "days")
    if span.unit not in {"days", "months"} or span.amount != int(span.amount):
        raise InvalidError("Only whole days, weeks, months or years move a date.")
    amount = sign * int(span.amount)
    if span.unit == "days":
        return day + timedelta(days=amount)
    months = day.year * _MONTHS_A_YEAR + day.month - 1 + amount
    year, month = divmod(months, _MONTHS_A_YEAR)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def _amounts(left: Value, right: Value) -> tuple[Quantity, Quantity]:
    if isinstance(left, date) or isinstance(right, date):
        raise InvalidError("Dates cannot be multiplied.")
    return left, right


def _multiply(left: Value, right: Value) -> Value:
    first, second = _amounts(left, right)
    if "%" in (first.unit, second.unit):
        share, whole = (first, second) if first.unit == "%" else (second, first)
        return Quantity(share.amount / 100 * whole.amount, whole.unit)
    if first.unit and second.unit:
        raise InvalidError(f"{first.unit} times {second.unit} means nothing.")
    return Quantity(first.amount * second.amount, first.unit or second.unit)


def _divide(left: Value, right: Value) -> Value:
    first, second = _amounts(left, right)
    if second.amount == 0:
        raise InvalidError("Nothing can be divided by zero.")
    if second.unit == "%" and first.unit != "%":
        return Quantity(first.amount / (second.amount / 100), first.unit)
    if second.unit and first.unit != second.unit:
        raise InvalidError(f"{first.unit or 'a figure'} by {second.unit} means nothing.")
    return Quantity(first.amount / second.amount, "" if second.unit else first.unit)


def _raise(left: Value, right: Value) -> Value:
    first, second = _amounts(left, right)
    is_small = abs(second.amount) <= _LARGEST_POWER
    if first.unit or second.unit or not is_small:
        raise InvalidError(f"A power is a plain figure of at most {_LARGEST_POWER}.")
    return Quantity(first.amount**second.amount)
