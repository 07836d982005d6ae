"""The e-invoice inside a PDF (Factur-X, ZUGFeRD): an XML file among its attachments."""

from __future__ import annotations

from typing import Any

from shared.ingestion.parsers.invoices.model import Invoice
from shared.ingestion.parsers.invoices.reading import MAX_BYTES, read_invoice

_MOST_ATTACHMENTS = 100


def embedded_invoice(document: Any) -> Invoice | None:
    """Return the invoice that a PDF carries as XML, the first that can be read."""
    import pypdfium2 as pdfium

    for index in range(min(document.count_attachments(), _MOST_ATTACHMENTS)):
        try:
            attachment = document.get_attachment(index)
            if not attachment.get_name().lower().endswith(".xml"):
                continue
            data = bytes(attachment.get_data())
        except (pdfium.PdfiumError, UnicodeDecodeError, ValueError):
            # A broken attachment is no reason to refuse the pages.
            continue
        invoice = read_invoice(data) if len(data) <= MAX_BYTES else None
        if invoice is not None:
            return invoice
    return None
