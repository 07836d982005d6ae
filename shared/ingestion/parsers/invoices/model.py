"""An electronic invoice as a clerk reads it (the business terms of EN 16931)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

from shared.ingestion.model import FormField

MAX_FIELDS = 20_000


@dataclass(frozen=True, slots=True)
class Party:
    """Seller or buyer."""

    name: str = ""
    id: str = ""
    vat_id: str = ""
    tax_number: str = ""
    street: str = ""
    postcode: str = ""
    city: str = ""
    country: str = ""
    contact: str = ""
    email: str = ""
    phone: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One invoiced item; numbers are decimals as text, without grouping."""

    number: str = ""
    name: str = ""
    description: str = ""
    article: str = ""
    quantity: str = ""
    unit: str = ""
    net_price: str = ""
    vat_rate: str = ""
    total: str = ""


@dataclass(frozen=True, slots=True)
class Totals:
    """The sums of an invoice, in its currency."""

    lines: str = ""
    allowances: str = ""
    charges: str = ""
    tax_basis: str = ""
    tax: str = ""
    grand: str = ""
    prepaid: str = ""
    due: str = ""


@dataclass(frozen=True, slots=True)
class Invoice:
    """A whole invoice; dates are ISO 8601, ``type`` is UNTDID 1001's code (380 is an invoice)."""

    standard: str
    number: str = ""
    type: str = ""
    issue_date: str = ""
    delivery_date: str = ""
    period_start: str = ""
    period_end: str = ""
    due_date: str = ""
    currency: str = ""
    order_reference: str = ""
    buyer_reference: str = ""
    payment_terms: str = ""
    iban: str = ""
    seller: Party = Party()
    buyer: Party = Party()
    lines: tuple[Line, ...] = ()
    totals: Totals = Totals()
    notes: tuple[str, ...] = ()

    @property
    def is_german(self) -> bool:
        """Whether seller or buyer live where German is spoken: how it is worded then."""
        countries = {self.seller.country, self.buyer.country} - {""}
        return not countries or bool(countries & {"DE", "AT", "CH", "LI"})


def form_fields(invoice: Invoice) -> Iterator[FormField]:
    """Yield what the invoice states as named values: ``invoice.number``, ``line.1.total`` …"""
    for name in ("number", "type", "issue_date", "delivery_date", "period_start", "period_end",
                 "due_date", "currency", "order_reference", "buyer_reference"):  # fmt: skip
        yield from _field(f"invoice.{name}", getattr(invoice, name))
    yield from _field("payment.terms", invoice.payment_terms)
    yield from _field("payment.iban", invoice.iban)
    for role, thing in (
        ("seller", invoice.seller), ("buyer", invoice.buyer), ("total", invoice.totals),
    ):  # fmt: skip
        yield from _stated(role, thing)
    for index, line in enumerate(invoice.lines[: MAX_FIELDS // len(fields(Line))], start=1):
        yield from _stated(f"line.{index}", line)


def _stated(prefix: str, thing: Party | Line | Totals) -> Iterator[FormField]:
    for each in fields(thing):
        yield from _field(f"{prefix}.{each.name}", getattr(thing, each.name))


def _field(name: str, value: str) -> Iterator[FormField]:
    if value:
        yield FormField(name, value)
