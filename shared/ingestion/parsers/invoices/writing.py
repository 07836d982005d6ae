"""An invoice in words: two tables at the end of the document, in the language of its parties."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shared.ingestion.drafting import CellText, Draft
from shared.ingestion.parsers.invoices.model import Invoice, Line, Party, form_fields

_ISO_DATE = 10
# UN/ECE Recommendation 20 and 21, the codes that German invoices use.
_UNITS = {
    "C62": ("Stück", "piece"), "H87": ("Stück", "piece"), "EA": ("Stück", "piece"),
    "XPP": ("Stück", "piece"), "NAR": ("Stück", "article"), "LS": ("pauschal", "flat rate"),
    "SET": ("Satz", "set"), "PR": ("Paar", "pair"), "XPK": ("Packung", "package"),
    "KGM": ("kg", "kg"), "GRM": ("g", "g"), "TNE": ("t", "t"), "LTR": ("l", "l"),
    "MTR": ("m", "m"), "KMT": ("km", "km"), "CMT": ("cm", "cm"), "MMT": ("mm", "mm"),
    "MTK": ("m²", "m²"), "MTQ": ("m³", "m³"), "KWH": ("kWh", "kWh"), "HUR": ("Stunde", "hour"),
    "MIN": ("Minute", "minute"), "DAY": ("Tag", "day"), "WEE": ("Woche", "week"),
    "MON": ("Monat", "month"), "ANN": ("Jahr", "year"), "P1": ("%", "%"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Wording:
    """The words of one language."""

    heading: str
    lines: str
    columns: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    parties: tuple[str, str]
    is_german: bool


_GERMAN = _Wording(
    heading="Daten der E-Rechnung",
    lines="Rechnungspositionen",
    columns=("Position", "Bezeichnung", "Artikelnummer", "Menge", "Einheit", "Nettopreis",
             "Steuersatz", "Nettobetrag"),
    facts=(
        ("number", "Rechnungsnummer"), ("issue_date", "Rechnungsdatum"),
        ("delivery_date", "Lieferdatum"), ("period_start", "Beginn des Abrechnungszeitraums"),
        ("period_end", "Ende des Abrechnungszeitraums"), ("due_date", "Fällig am"),
        ("currency", "Währung"), ("order_reference", "Bestellnummer"),
        ("buyer_reference", "Referenz des Käufers"), ("payment_terms", "Zahlungsbedingungen"),
        ("iban", "IBAN"), ("totals.lines", "Summe der Positionen"),
        ("totals.allowances", "Abschläge"), ("totals.charges", "Zuschläge"),
        ("totals.tax_basis", "Rechnungsbetrag ohne Umsatzsteuer"), ("totals.tax", "Umsatzsteuer"),
        ("totals.grand", "Rechnungsbetrag brutto"), ("totals.prepaid", "Bereits bezahlt"),
        ("totals.due", "Zahlbetrag"),
    ),
    parties=("Verkäufer", "Käufer"),
    is_german=True,
)  # fmt: skip
_ENGLISH = _Wording(
    heading="E-invoice data",
    lines="Invoice lines",
    columns=("Line", "Item", "Article", "Quantity", "Unit", "Net price", "VAT rate", "Net amount"),
    facts=(
        ("number", "Invoice number"), ("issue_date", "Invoice date"),
        ("delivery_date", "Delivery date"), ("period_start", "Start of the period"),
        ("period_end", "End of the period"), ("due_date", "Due date"), ("currency", "Currency"),
        ("order_reference", "Order number"), ("buyer_reference", "Buyer reference"),
        ("payment_terms", "Payment terms"), ("iban", "IBAN"), ("totals.lines", "Sum of the lines"),
        ("totals.allowances", "Allowances"), ("totals.charges", "Charges"),
        ("totals.tax_basis", "Amount without VAT"), ("totals.tax", "VAT"),
        ("totals.grand", "Amount with VAT"), ("totals.prepaid", "Paid already"),
        ("totals.due", "Amount due"),
    ),
    parties=("Seller", "Buyer"),
    is_german=False,
)  # fmt: skip


def write_invoice(draft: Draft, invoice: Invoice) -> None:
    """Add the invoice's facts to the draft: as named fields, and as tables under a heading."""
    draft.fields += form_fields(invoice)
    wording = _GERMAN if invoice.is_german else _ENGLISH
    draft.heading(wording.heading, level=1)
    rows = [
        (label, _said(_value(invoice, name), wording, currency=_currency(invoice, name)))
        for name, label in wording.facts
    ]
    for label, party in zip(wording.parties, (invoice.seller, invoice.buyer), strict=True):
        rows.append((label, _described(party)))
    draft.table(
        [
            CellText(row, column, words, is_header=column == 0)
            for row, pair in enumerate(pair for pair in rows if pair[1])
            for column, words in enumerate(pair)
        ]
    )
    if invoice.lines:
        draft.heading(wording.lines, level=2)
        table = [wording.columns, *(_columns(line, wording) for line in invoice.lines)]
        draft.table(
            [
                CellText(row, column, words, is_header=row == 0)
                for row, cells in enumerate(table)
                for column, words in enumerate(cells)
            ]
        )


def write_notes(draft: Draft, invoice: Invoice) -> None:
    """Add the invoice's free text, which the pages of a PDF say anyway."""
    for note in invoice.notes:
        draft.paragraph(note)


def _value(invoice: Invoice, name: str) -> str:
    holder, _, part = name.rpartition(".")
    return str(getattr(invoice.totals if holder else invoice, part))


def _currency(invoice: Invoice, name: str) -> str:
    return invoice.currency if name.startswith("totals.") else ""


def _columns(line: Line, wording: _Wording) -> Sequence[str]:
    name = " – ".join(filter(None, (line.name, line.description)))
    rate = f"{_said(line.vat_rate, wording)} %" if line.vat_rate else ""
    return (
        line.number, name, line.article, _said(line.quantity, wording), _unit(line.unit, wording),
        _said(line.net_price, wording), rate, _said(line.total, wording),
    )  # fmt: skip


def _unit(code: str, wording: _Wording) -> str:
    words = _UNITS.get(code)
    return code if words is None else words[0 if wording.is_german else 1]


def _described(party: Party) -> str:
    place = " ".join(filter(None, (party.postcode, party.city)))
    parts = (party.name, party.street, place, party.country, party.vat_id or party.tax_number,
             party.contact, party.email, party.phone)  # fmt: skip
    return ", ".join(filter(None, parts))


def _said(value: str, wording: _Wording, *, currency: str = "") -> str:
    """Write a date or a number as the language does; other words stay as they are."""
    is_date = len(value) == _ISO_DATE and value[4:5] == value[7:8] == "-"
    if wording.is_german and is_date:
        year, month, day = value.split("-")
        return f"{day}.{month}.{year}"
    whole, point, places = value.removeprefix("-").partition(".")
    is_number = whole.isdigit() and (places.isdigit() if point else bool(currency))
    if not is_number:
        return value
    sign = "-" if value.startswith("-") else ""
    grouped = (
        f"{int(whole):,}" if wording.is_german is False else f"{int(whole):,}".replace(",", ".")
    )
    mark = "," if wording.is_german else "."
    written = f"{sign}{grouped}{mark}{places}" if point else f"{sign}{grouped}"
    return f"{written} {currency}".rstrip()
