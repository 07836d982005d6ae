"""What an e-invoice says, read from the XML it was made from, and how much of it was found.

Independent of the product's own reader of such XML, so that one can check the other: UN/CEFACT
Cross Industry Invoice, the parts a clerk needs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING

from defusedxml.ElementTree import parse

from shared.ingestion.model import ParsedDocument

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element  # only the type: reading is defusedxml's

_PARTIES = ("SellerTradeParty", "BuyerTradeParty")
_TOTALS = ("LineTotalAmount", "TaxBasisTotalAmount", "TaxTotalAmount", "GrandTotalAmount",
           "DuePayableAmount")  # fmt: skip
_DATE_LENGTH = 8


@dataclass(frozen=True, slots=True)
class Fact:
    """One value that the invoice states; ``forms`` are the ways in which it may be printed."""

    name: str
    forms: tuple[str, ...]


def facts_of(path: Path) -> list[Fact]:
    """Return number, dates, seller, buyer, lines and totals of a CII file."""
    root = parse(path).getroot()
    return [fact for fact in _facts(root) if any(fact.forms)]


def found_shares(facts: list[Fact], document: ParsedDocument | None) -> tuple[int, int, int, int]:
    """Return how many facts there are, and how many fields, text and print alone hold."""
    if document is None:
        return len(facts), 0, 0, 0
    values = {_squashed(each.value) for each in document.fields}
    whole = _squashed(document.text)
    printed = _squashed(document.text[: _end_of_print(document)])
    return (
        len(facts),
        sum(any(_squashed(form) in values for form in fact.forms) for fact in facts),
        sum(_is_said(fact, whole) for fact in facts),
        sum(_is_said(fact, printed) for fact in facts),
    )


def _facts(root: Element) -> Iterator[Fact]:
    yield Fact("number", (_text(root, "ExchangedDocument/ID"),))
    dates = {
        _text(element, "")
        for name in ("IssueDateTime", "OccurrenceDateTime", "DueDateDateTime", "StartDateTime",
                     "EndDateTime")
        for holder in root.iter()
        if _name(holder) == name
        for element in holder
    }  # fmt: skip
    for date in sorted(dates):
        if len(date) == _DATE_LENGTH and date.isdigit():
            yield Fact("date", _date_forms(date))
    for party in _PARTIES:
        yield Fact(party, (_text(root, f"{party}/Name"),))
    for line in (e for e in root.iter() if _name(e) == "IncludedSupplyChainTradeLineItem"):
        yield Fact("line name", (_text(line, "SpecifiedTradeProduct/Name"),))
        yield Fact("line quantity", _number_forms(_text(line, "BilledQuantity")))
        yield Fact("line total", _number_forms(_text(line, "LineTotalAmount")))
    for total in _TOTALS:
        amount = _text(root, f"SpecifiedTradeSettlementHeaderMonetarySummation/{total}")
        yield Fact(total, _number_forms(amount))


def _text(element: Element, path: str) -> str:
    """Return the words of the first element at the end of a path of local names."""
    for name in filter(None, path.split("/")):
        found = next((e for e in element.iter() if _name(e) == name and e is not element), None)
        if found is None:
            return ""
        element = found
    return " ".join("".join(element.itertext()).split())


def _name(element: Element) -> str:
    return element.tag.rsplit("}", 1)[-1]


def _date_forms(date: str) -> tuple[str, ...]:
    year, month, day = date[:4], date[4:6], date[6:]
    return f"{day}.{month}.{year}", f"{year}-{month}-{day}"


def _number_forms(amount: str) -> tuple[str, ...]:
    """Return an amount as German and English print it, with as many places as it has or needs."""
    try:
        value = Decimal(amount)
    except InvalidOperation:
        return ()
    forms = set()
    for places in range(5):
        if value == round(value, places):
            english = f"{value:,.{places}f}"
            german = english.translate(str.maketrans(",.", ".,"))
            forms |= {english, german, english.replace(",", ""), german.replace(".", "")}
    return tuple(sorted(forms))


def _is_said(fact: Fact, text: str) -> bool:
    """Whether the text holds one of the forms, not as a part of a longer number or word."""
    return any(
        re.search(rf"(?<![\w.,]){re.escape(_squashed(form))}(?!\w|[.,]\d)", text)
        for form in fact.forms
        if form
    )


def _end_of_print(document: ParsedDocument) -> int:
    """Return where the words end that stand on pages."""
    return max((block.end for block in document.blocks if block.page is not None), default=0)


def _squashed(words: str) -> str:
    return " ".join(words.split()).lower()
