"""E-invoices: CII, UBL and ZUGFeRD 1.0 give the same facts; traps and other XML give none."""

from __future__ import annotations

from pathlib import Path

import pytest
from pypdfium2 import PdfDocument

from shared.ingestion.drafting import Draft
from shared.ingestion.parsers.invoices.model import form_fields
from shared.ingestion.parsers.invoices.reading import read_invoice
from shared.ingestion.parsers.invoices.writing import write_invoice, write_notes
from shared.ingestion.parsers.pdf.parser import PdfParser
from shared.ingestion.parsers.port import Source
from tests.unit.ingestion.conftest import Read, hold_together
from tests.unit.ingestion.pictures import scanned_pdf

_NAMESPACES = 'xmlns:rsm="urn:r" xmlns:ram="urn:a" xmlns:udt="urn:u"'
_PARTIES = """
<ram:SellerTradeParty><ram:ID>S1</ram:ID><ram:Name>Lieferant GmbH</ram:Name>
<ram:PostalTradeAddress><ram:PostcodeCode>80333</ram:PostcodeCode>
<ram:LineOne>Weg 20</ram:LineOne><ram:CityName>München</ram:CityName>
<ram:CountryID>DE</ram:CountryID></ram:PostalTradeAddress>
<ram:SpecifiedTaxRegistration><ram:ID schemeID="VA">DE123456789</ram:ID>
</ram:SpecifiedTaxRegistration></ram:SellerTradeParty>
<ram:BuyerTradeParty><ram:Name>Kunden AG</ram:Name></ram:BuyerTradeParty>"""

CII = f"""<?xml version="1.0" encoding="UTF-8"?>
<rsm:CrossIndustryInvoice {_NAMESPACES}>
<rsm:ExchangedDocument><ram:ID>R-7</ram:ID><ram:TypeCode>380</ram:TypeCode>
<ram:IssueDateTime><udt:DateTimeString format="102">20180605</udt:DateTimeString>
</ram:IssueDateTime><ram:IncludedNote><ram:Content>Danke!</ram:Content></ram:IncludedNote>
</rsm:ExchangedDocument>
<rsm:SupplyChainTradeTransaction>
<ram:IncludedSupplyChainTradeLineItem>
<ram:AssociatedDocumentLineDocument><ram:LineID>1</ram:LineID>
</ram:AssociatedDocumentLineDocument>
<ram:SpecifiedTradeProduct><ram:Name>Rasen</ram:Name></ram:SpecifiedTradeProduct>
<ram:SpecifiedLineTradeAgreement><ram:NetPriceProductTradePrice>
<ram:ChargeAmount>411.5000</ram:ChargeAmount></ram:NetPriceProductTradePrice>
</ram:SpecifiedLineTradeAgreement>
<ram:SpecifiedLineTradeDelivery><ram:BilledQuantity unitCode="MTK">3.0000</ram:BilledQuantity>
</ram:SpecifiedLineTradeDelivery>
<ram:SpecifiedLineTradeSettlement>
<ram:ApplicableTradeTax><ram:RateApplicablePercent>19.00</ram:RateApplicablePercent>
</ram:ApplicableTradeTax>
<ram:SpecifiedTradeSettlementLineMonetarySummation>
<ram:LineTotalAmount>1234.50</ram:LineTotalAmount>
</ram:SpecifiedTradeSettlementLineMonetarySummation></ram:SpecifiedLineTradeSettlement>
</ram:IncludedSupplyChainTradeLineItem>
<ram:ApplicableHeaderTradeAgreement>{_PARTIES}</ram:ApplicableHeaderTradeAgreement>
<ram:ApplicableHeaderTradeSettlement><ram:InvoiceCurrencyCode>EUR</ram:InvoiceCurrencyCode>
<ram:SpecifiedTradePaymentTerms><ram:DueDateDateTime>
<udt:DateTimeString format="102">20180704</udt:DateTimeString></ram:DueDateDateTime>
</ram:SpecifiedTradePaymentTerms>
<ram:SpecifiedTradeSettlementHeaderMonetarySummation>
<ram:TaxTotalAmount currencyID="EUR">234.56</ram:TaxTotalAmount>
<ram:GrandTotalAmount>1469.06</ram:GrandTotalAmount>
</ram:SpecifiedTradeSettlementHeaderMonetarySummation></ram:ApplicableHeaderTradeSettlement>
</rsm:SupplyChainTradeTransaction></rsm:CrossIndustryInvoice>"""

ZUGFERD_1 = (
    CII.replace("CrossIndustryInvoice", "CrossIndustryDocument")
    .replace("rsm:ExchangedDocument>", "rsm:HeaderExchangedDocument>")
    .replace("rsm:SupplyChainTradeTransaction", "rsm:SpecifiedSupplyChainTradeTransaction")
    .replace("ApplicableHeaderTrade", "ApplicableSupplyChainTrade")
    .replace("SpecifiedLineTrade", "SpecifiedSupplyChainTrade")
    .replace("SettlementHeaderMonetary", "SettlementMonetary")
    .replace("SettlementLineMonetary", "SettlementMonetary")
    .replace("RateApplicablePercent", "ApplicablePercent")
)

UBL = """<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"
 xmlns:cac="urn:c" xmlns:cbc="urn:b">
<cbc:ID>R-7</cbc:ID><cbc:IssueDate>2018-06-05</cbc:IssueDate><cbc:DueDate>2018-07-04</cbc:DueDate>
<cbc:InvoiceTypeCode>380</cbc:InvoiceTypeCode><cbc:Note>Danke!</cbc:Note>
<cbc:DocumentCurrencyCode>EUR</cbc:DocumentCurrencyCode>
<cac:AccountingSupplierParty><cac:Party>
<cac:PartyIdentification><cbc:ID>S1</cbc:ID></cac:PartyIdentification>
<cac:PostalAddress><cbc:StreetName>Weg 20</cbc:StreetName><cbc:CityName>München</cbc:CityName>
<cbc:PostalZone>80333</cbc:PostalZone>
<cac:Country><cbc:IdentificationCode>DE</cbc:IdentificationCode></cac:Country></cac:PostalAddress>
<cac:PartyTaxScheme><cbc:CompanyID>DE123456789</cbc:CompanyID>
<cac:TaxScheme><cbc:ID>VAT</cbc:ID></cac:TaxScheme></cac:PartyTaxScheme>
<cac:PartyLegalEntity><cbc:RegistrationName>Lieferant GmbH</cbc:RegistrationName>
</cac:PartyLegalEntity></cac:Party></cac:AccountingSupplierParty>
<cac:AccountingCustomerParty><cac:Party><cac:PartyName><cbc:Name>Kunden AG</cbc:Name>
</cac:PartyName></cac:Party></cac:AccountingCustomerParty>
<cac:TaxTotal><cbc:TaxAmount currencyID="EUR">234.56</cbc:TaxAmount></cac:TaxTotal>
<cac:LegalMonetaryTotal><cbc:TaxInclusiveAmount>1469.06</cbc:TaxInclusiveAmount>
</cac:LegalMonetaryTotal>
<cac:InvoiceLine><cbc:ID>1</cbc:ID><cbc:InvoicedQuantity unitCode="MTK">3</cbc:InvoicedQuantity>
<cbc:LineExtensionAmount>1234.5</cbc:LineExtensionAmount>
<cac:Item><cbc:Name>Rasen</cbc:Name>
<cac:ClassifiedTaxCategory><cbc:Percent>19</cbc:Percent></cac:ClassifiedTaxCategory></cac:Item>
<cac:Price><cbc:PriceAmount>411.50</cbc:PriceAmount></cac:Price></cac:InvoiceLine>
</Invoice>"""

FACTS = {
    "invoice.number": "R-7",
    "invoice.type": "380",
    "invoice.issue_date": "2018-06-05",
    "invoice.due_date": "2018-07-04",
    "invoice.currency": "EUR",
    "seller.name": "Lieferant GmbH",
    "seller.id": "S1",
    "seller.vat_id": "DE123456789",
    "seller.street": "Weg 20",
    "seller.postcode": "80333",
    "seller.city": "München",
    "seller.country": "DE",
    "buyer.name": "Kunden AG",
    "total.tax": "234.56",
    "total.grand": "1469.06",
    "line.1.number": "1",
    "line.1.name": "Rasen",
    "line.1.quantity": "3",
    "line.1.unit": "MTK",
    "line.1.net_price": "411.50",
    "line.1.vat_rate": "19",
    "line.1.total": "1234.50",
}


@pytest.mark.parametrize("xml", [CII, ZUGFERD_1, UBL], ids=["cii", "zugferd-1", "ubl"])
def test_every_form_of_an_invoice_gives_the_same_facts(xml: str) -> None:
    invoice = read_invoice(xml.encode())
    assert invoice is not None
    assert {field.name: field.value for field in form_fields(invoice)} == FACTS
    assert invoice.notes == ("Danke!",)


def test_an_invoice_is_written_as_people_of_its_country_read_it() -> None:
    invoice = read_invoice(CII.encode())
    assert invoice is not None
    draft = Draft()
    write_invoice(draft, invoice)
    write_notes(draft, invoice)
    document = draft.finish(title="", filename="a.xml", parser="t", parser_version="1")
    hold_together(document)
    for words in ("Rechnungsnummer | R-7", "05.06.2018", "1.469,06 EUR", "Danke!",
                  "1 | Rasen | | 3 | m² | 411,50 | 19 % | 1.234,50"):  # fmt: skip
        assert words in document.text
    english = CII.replace(">DE<", ">GB<").encode()
    draft = Draft()
    write_invoice(draft, read_invoice(english) or invoice)
    text = draft.finish(title="", filename="a.xml", parser="t", parser_version="1").text
    assert "Invoice date | 2018-06-05" in text
    assert "1,469.06 EUR" in text


@pytest.mark.parametrize(
    "xml",
    [
        "<a/>",
        "<Invoice><ID>1</ID></Invoice>",
        CII[:900],
        CII.replace("?>", '?><!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>', 1),
        CII.encode("utf-16").decode("latin-1"),
    ],
)
def test_other_broken_and_dangerous_xml_is_no_invoice(xml: str) -> None:
    assert read_invoice(xml.encode()) is None


def test_numbers_that_are_none_are_left_out() -> None:
    odd = CII.replace("1234.50", "NaN").replace("1469.06", "1e999999").replace("234.56", "viel")
    invoice = read_invoice(odd.encode())
    assert invoice is not None
    assert (invoice.lines[0].total, invoice.totals.grand, invoice.totals.tax) == ("", "", "")


def test_an_invoice_as_xml_file_is_read_as_one(read: Read) -> None:
    document = read(UBL, "application/xml", "invoice.xml")
    assert {field.name: field.value for field in document.fields} == FACTS
    assert document.title == "Daten der E-Rechnung R-7"
    assert document.text.endswith("Danke!")


def test_the_invoice_in_a_pdf_becomes_fields_and_tables_behind_its_pages(tmp_path: Path) -> None:
    plain = scanned_pdf(tmp_path / "plain.pdf", ["Rechnung R-7 an die Kunden AG"])
    path = tmp_path / "invoice.pdf"
    with PdfDocument(plain) as pdf:
        pdf.new_attachment("notes.xml").set_data(b"<a/>")
        pdf.new_attachment("factur-x.xml").set_data(CII.encode())
        pdf.save(path)
    source = Source(path=path, media_type="application/pdf", filename="r.pdf", files=tmp_path)
    document = PdfParser().parse(source)
    hold_together(document)
    assert {field.name: field.value for field in document.fields} == FACTS
    assert document.text.startswith("Rechnung R-7 an die Kunden AG\n\nDaten der E-Rechnung")
    assert document.blocks[-1].page is None
    assert "Danke!" not in document.text
