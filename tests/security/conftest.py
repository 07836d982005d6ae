"""What the security tests share: hostile files made on the spot, never stored."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

import psycopg
import pytest

from shared.adapters import aws as clients
from shared.adapters.database import Database
from shared.files.signature_scanner import EICAR
from shared.identity.keys import SigningKey, ensure_signing_key
from shared.identity.model import Principal
from shared.identity.sealing import ensure_seal
from shared.wiring import App
from tests.functions.conftest import desk, served, workflow
from tests.functions.doors import publish_key, sign_in
from tests.security.api import Api

__all__ = ["desk", "served", "workflow"]  # fixtures of whole handlers

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


@pytest.fixture
def signer(owner_url: str) -> SigningKey:
    """The key that the tokens of the API's callers are signed with."""
    return publish_key(owner_url)


@pytest.fixture
def admin(desk: App, owner_url: str, signer: SigningKey) -> tuple[Principal, Api]:
    """Somebody who may do everything, in a tenant without rate limits."""
    principal, token = sign_in(desk, owner_url, lasts_s=7200, key=signer)
    with psycopg.connect(owner_url) as owner:
        owner.execute("UPDATE kontor.tenants SET plan = 'own'")
        owner.execute("DELETE FROM kontor.rate_limits WHERE plan = 'public'")
    owner_database = Database(owner_url)
    with owner_database.system_transaction() as session:
        ensure_signing_key(session, desk.secrets, desk.settings.signing_secret)
    ensure_seal(desk.secrets, desk.settings.identity_secret)
    queues = clients.client(
        "sqs", region=desk.settings.storage_region, endpoint=desk.settings.aws_endpoint_url
    )
    queues.create_queue(QueueName=desk.settings.media_bucket)
    for queue in ("tenant_queue", "webhook_queue"):
        desk.__dict__[queue] = desk.intake_queue
    owner_database.close()
    return principal, Api(token)
