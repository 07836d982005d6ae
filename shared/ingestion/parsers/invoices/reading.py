"""From XML to an invoice: UN/CEFACT Cross Industry Invoice and OASIS UBL, any profile.

Elements are found by their local names along fixed paths, so that ZUGFeRD 1.0, whose names differ
a little, is read by the same table. Entities and document types are refused (defusedxml).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Any

from shared.files.cleaning import one_line
from shared.ingestion.parsers.invoices.model import Invoice, Line, Party, Totals

MAX_BYTES = 20 * 1024 * 1024
_MOST_LINES = 20_000
_ROOTS = {"CrossIndustryInvoice": "CII", "CrossIndustryDocument": "CII", "Invoice": "UBL",
          "CreditNote": "UBL"}  # fmt: skip
_UBL_NAMESPACE = "urn:oasis:names:specification:ubl:schema:xsd:"
_ROOT = re.compile(
    rb"<(?:[\w.-]+:)?(CrossIndustryInvoice|CrossIndustryDocument|Invoice|CreditNote)\b"
)
_DATE = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)")
_PLAIN_DIGITS = 30


def looks_like_invoice(head: bytes) -> bool:
    """Whether the beginning of an XML file is an invoice's."""
    match = _ROOT.search(head)
    if match is None:
        return False
    is_cii = match.group(1).startswith(b"Cross")
    return is_cii or _UBL_NAMESPACE.encode() in head


def read_invoice(data: bytes) -> Invoice | None:
    """Read an invoice from XML; None when it is something else, broken, unsafe or too large."""
    if len(data) > MAX_BYTES or not looks_like_invoice(data[:65536]):
        return None
    from xml.etree.ElementTree import ParseError  # the error's type alone

    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    try:
        root = fromstring(data, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError):
        return None
    form = _ROOTS.get(_name(root))
    if form == "CII":
        return _from_cii(root)
    if form == "UBL" and _UBL_NAMESPACE in root.tag:
        return _from_ubl(root)
    return None


# -- UN/CEFACT -------------------------------------------------------------------------------------

_TRADE = "SupplyChainTradeTransaction|SpecifiedSupplyChainTradeTransaction"
_AGREEMENT = f"{_TRADE}/ApplicableHeaderTradeAgreement|ApplicableSupplyChainTradeAgreement"
_DELIVERY = f"{_TRADE}/ApplicableHeaderTradeDelivery|ApplicableSupplyChainTradeDelivery"
_SETTLEMENT = f"{_TRADE}/ApplicableHeaderTradeSettlement|ApplicableSupplyChainTradeSettlement"
_SUMS = (
    f"{_SETTLEMENT}/SpecifiedTradeSettlementHeaderMonetarySummation"
    "|SpecifiedTradeSettlementMonetarySummation"
)
_LINE_SETTLEMENT = "SpecifiedLineTradeSettlement|SpecifiedSupplyChainTradeSettlement"


def _from_cii(root: Any) -> Invoice:
    document = "ExchangedDocument|HeaderExchangedDocument"
    settlement = _first(root, _SETTLEMENT)
    terms = _all(settlement, "SpecifiedTradePaymentTerms")
    lines = _all(root, f"{_TRADE}/IncludedSupplyChainTradeLineItem")
    return Invoice(
        standard="UN/CEFACT Cross Industry Invoice",
        number=_text(root, f"{document}/ID"),
        type=_text(root, f"{document}/TypeCode"),
        issue_date=_date(root, f"{document}/IssueDateTime/DateTimeString"),
        delivery_date=_date(
            root, f"{_DELIVERY}/ActualDeliverySupplyChainEvent/OccurrenceDateTime/DateTimeString"
        ),
        period_start=_date(settlement, "BillingSpecifiedPeriod/StartDateTime/DateTimeString"),
        period_end=_date(settlement, "BillingSpecifiedPeriod/EndDateTime/DateTimeString"),
        due_date=next(
            filter(None, (_date(t, "DueDateDateTime/DateTimeString") for t in terms)), ""
        ),
        currency=_text(settlement, "InvoiceCurrencyCode"),
        order_reference=_text(
            root, f"{_AGREEMENT}/BuyerOrderReferencedDocument/IssuerAssignedID|ID"
        ),
        buyer_reference=_text(root, f"{_AGREEMENT}/BuyerReference"),
        payment_terms="; ".join(filter(None, (_text(t, "Description") for t in terms))),
        iban=_text(
            settlement,
            "SpecifiedTradeSettlementPaymentMeans/PayeePartyCreditorFinancialAccount/IBANID",
        ),
        seller=_cii_party(_first(root, f"{_AGREEMENT}/SellerTradeParty")),
        buyer=_cii_party(_first(root, f"{_AGREEMENT}/BuyerTradeParty")),
        lines=tuple(_cii_line(line) for line in lines[:_MOST_LINES]),
        totals=_cii_totals(_first(root, _SUMS)),
        notes=tuple(
            filter(None, (_text(n, "Content") for n in _all(root, f"{document}/IncludedNote")))
        ),
    )


def _cii_party(party: Any) -> Party:
    taxes = {
        _first(each, "ID").get("schemeID", ""): _text(each, "ID")
        for each in _all(party, "SpecifiedTaxRegistration")
        if _first(each, "ID") is not None
    }
    address = _first(party, "PostalTradeAddress")
    contact = _first(party, "DefinedTradeContact")
    streets = (_text(address, name) for name in ("LineOne", "LineTwo", "LineThree"))
    return Party(
        name=_text(party, "Name"),
        id=_text(party, "ID") or _text(party, "GlobalID"),
        vat_id=taxes.get("VA", ""),
        tax_number=taxes.get("FC", ""),
        street=", ".join(filter(None, streets)),
        postcode=_text(address, "PostcodeCode"),
        city=_text(address, "CityName"),
        country=_text(address, "CountryID"),
        contact=_text(contact, "PersonName"),
        email=_text(contact, "EmailURIUniversalCommunication/URIID"),
        phone=_text(contact, "TelephoneUniversalCommunication/CompleteNumber"),
    )


def _cii_line(line: Any) -> Line:
    agreement = "SpecifiedLineTradeAgreement|SpecifiedSupplyChainTradeAgreement"
    delivery = "SpecifiedLineTradeDelivery|SpecifiedSupplyChainTradeDelivery"
    quantity = _first(line, f"{delivery}/BilledQuantity")
    sums = (
        f"{_LINE_SETTLEMENT}/SpecifiedTradeSettlementLineMonetarySummation"
        "|SpecifiedTradeSettlementMonetarySummation"
    )
    return Line(
        number=_text(line, "AssociatedDocumentLineDocument/LineID"),
        name=_text(line, "SpecifiedTradeProduct/Name"),
        description=_text(line, "SpecifiedTradeProduct/Description"),
        article=_text(line, "SpecifiedTradeProduct/SellerAssignedID")
        or _text(line, "SpecifiedTradeProduct/GlobalID"),
        quantity=_amount(quantity, "", least_places=0),
        unit=quantity.get("unitCode", "") if quantity is not None else "",
        net_price=_amount(line, f"{agreement}/NetPriceProductTradePrice/ChargeAmount"),
        vat_rate=_amount(
            line,
            f"{_LINE_SETTLEMENT}/ApplicableTradeTax/RateApplicablePercent|ApplicablePercent",
            least_places=0,
        ),
        total=_amount(line, f"{sums}/LineTotalAmount"),
    )


def _cii_totals(sums: Any) -> Totals:
    return Totals(
        lines=_amount(sums, "LineTotalAmount"),
        allowances=_amount(sums, "AllowanceTotalAmount"),
        charges=_amount(sums, "ChargeTotalAmount"),
        tax_basis=_amount(sums, "TaxBasisTotalAmount"),
        tax=_amount(sums, "TaxTotalAmount"),
        grand=_amount(sums, "GrandTotalAmount"),
        prepaid=_amount(sums, "TotalPrepaidAmount"),
        due=_amount(sums, "DuePayableAmount"),
    )


# -- UBL -------------------------------------------------------------------------------------------


def _from_ubl(root: Any) -> Invoice:
    sums = _first(root, "LegalMonetaryTotal|RequestedMonetaryTotal")
    lines = _all(root, "InvoiceLine|CreditNoteLine")
    return Invoice(
        standard="OASIS UBL",
        number=_text(root, "ID"),
        type=_text(root, "InvoiceTypeCode|CreditNoteTypeCode"),
        issue_date=_date(root, "IssueDate"),
        delivery_date=_date(root, "Delivery/ActualDeliveryDate"),
        period_start=_date(root, "InvoicePeriod/StartDate"),
        period_end=_date(root, "InvoicePeriod/EndDate"),
        due_date=_date(root, "DueDate") or _date(root, "PaymentMeans/PaymentDueDate"),
        currency=_text(root, "DocumentCurrencyCode"),
        order_reference=_text(root, "OrderReference/ID"),
        buyer_reference=_text(root, "BuyerReference"),
        payment_terms=_text(root, "PaymentTerms/Note"),
        iban=_text(root, "PaymentMeans/PayeeFinancialAccount/ID"),
        seller=_ubl_party(_first(root, "AccountingSupplierParty/Party")),
        buyer=_ubl_party(_first(root, "AccountingCustomerParty/Party")),
        lines=tuple(_ubl_line(line) for line in lines[:_MOST_LINES]),
        totals=Totals(
            lines=_amount(sums, "LineExtensionAmount"),
            allowances=_amount(sums, "AllowanceTotalAmount"),
            charges=_amount(sums, "ChargeTotalAmount"),
            tax_basis=_amount(sums, "TaxExclusiveAmount"),
            tax=_amount(root, "TaxTotal/TaxAmount"),
            grand=_amount(sums, "TaxInclusiveAmount"),
            prepaid=_amount(sums, "PrepaidAmount"),
            due=_amount(sums, "PayableAmount"),
        ),
        notes=tuple(filter(None, (_text(note, "") for note in _all(root, "Note")))),
    )


def _ubl_party(party: Any) -> Party:
    taxes = {
        _text(each, "TaxScheme/ID"): _text(each, "CompanyID")
        for each in _all(party, "PartyTaxScheme")
    }
    address = _first(party, "PostalAddress")
    streets = (_text(address, name) for name in ("StreetName", "AdditionalStreetName"))
    return Party(
        name=_text(party, "PartyLegalEntity/RegistrationName") or _text(party, "PartyName/Name"),
        id=_text(party, "PartyIdentification/ID"),
        vat_id=taxes.get("VAT", ""),
        tax_number=next((value for key, value in taxes.items() if key != "VAT"), ""),
        street=", ".join(filter(None, streets)),
        postcode=_text(address, "PostalZone"),
        city=_text(address, "CityName"),
        country=_text(address, "Country/IdentificationCode"),
        contact=_text(party, "Contact/Name"),
        email=_text(party, "Contact/ElectronicMail"),
        phone=_text(party, "Contact/Telephone"),
    )


def _ubl_line(line: Any) -> Line:
    quantity = _first(line, "InvoicedQuantity|CreditedQuantity")
    return Line(
        number=_text(line, "ID"),
        name=_text(line, "Item/Name"),
        description=_text(line, "Item/Description"),
        article=_text(line, "Item/SellersItemIdentification/ID")
        or _text(line, "Item/StandardItemIdentification/ID"),
        quantity=_amount(quantity, "", least_places=0),
        unit=quantity.get("unitCode", "") if quantity is not None else "",
        net_price=_amount(line, "Price/PriceAmount"),
        vat_rate=_amount(line, "Item/ClassifiedTaxCategory/Percent", least_places=0),
        total=_amount(line, "LineExtensionAmount"),
    )


# -- elements --------------------------------------------------------------------------------------


def _all(element: Any, path: str) -> list[Any]:
    """Return the elements at the end of a path of local names; ``a|b`` is either."""
    found = [] if element is None else [element]
    for step in filter(None, path.split("/")):
        names = step.split("|")
        found = [child for parent in found for child in _named(parent, names)]
    return found


def _named(parent: Any, names: list[str]) -> Iterator[Any]:
    return (child for child in parent if _name(child) in names)


def _first(element: Any, path: str) -> Any:
    return next(iter(_all(element, path)), None)


def _name(element: Any) -> str:
    # Comments and processing instructions have a function as their tag.
    return element.tag.rsplit("}", 1)[-1] if isinstance(element.tag, str) else ""


def _text(element: Any, path: str) -> str:
    found = _first(element, path)
    return one_line("".join(found.itertext()))[:2000] if found is not None else ""


def _date(element: Any, path: str) -> str:
    """Return a date in ISO 8601, from ``20180605`` as from ``2018-06-05``."""
    match = _DATE.match(_text(element, path))
    return "-".join(match.groups()) if match else ""


def _amount(element: Any, path: str, *, least_places: int = 2) -> str:
    """Return a number without needless zeros, with at least so many places; empty if none."""
    try:
        value = Decimal(_text(element, path))
    except InvalidOperation:
        return ""
    if not value.is_finite() or abs(value.adjusted()) > _PLAIN_DIGITS:
        return ""
    digits = f"{value.normalize():f}"
    whole, _, places = digits.partition(".")
    places = places.ljust(least_places, "0")
    return f"{whole}.{places}" if places else whole
