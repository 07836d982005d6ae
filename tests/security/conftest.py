"""What the security tests share: hostile files made on the spot, never stored."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

from shared.files.signature_scanner import EICAR
from tests.functions.conftest import aws, desk, served, workflow

__all__ = ["aws", "desk", "served", "workflow"]  # fixtures of whole handlers

PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer<<>>\n%%EOF\n"
EICAR_FILE = EICAR


def zipped(members: Mapping[str, bytes]) -> bytes:
    """Pack members into a zip archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            entry = zipfile.ZipInfo(name)  # no time stamp: test ids must not change
            entry.compress_type = archive.compression
            archive.writestr(entry, data)
    return buffer.getvalue()


def word(**more: bytes) -> bytes:
    """Make the smallest Word document, with further members."""
    body = (
        b'<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">'
        b"<w:body><w:p><w:r><w:t>Guten Tag</w:t></w:r></w:p></w:body></w:document>"
    )
    return zipped({"[Content_Types].xml": b"<Types/>", "word/document.xml": body, **more})
