"""Downloads: attachments of no type, under their own name; only plain pictures show in place."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from shared.kernel.context import working_on
from shared.wiring import App

TENANT = "00000000-0000-7000-8000-000000000001"
KEY = f"uploads/{TENANT}/u"
EVIL = 'a"; filename="b.html\r\nSet-Cookie: x=1'


@pytest.fixture(autouse=True)
def in_the_tenants_name() -> Iterator[None]:
    with working_on(correlation="c", tenant=TENANT):
        yield


def _said(url: str) -> dict[str, str]:
    return {name: value[0] for name, value in parse_qs(urlsplit(url).query).items()}


def test_a_download_is_an_attachment_of_no_type(desk: App) -> None:
    desk.objects.put(KEY, b"<script>alert(1)</script>", media_type="text/html")
    url = desk.objects.presign_download(KEY, filename="Kündigung.html", version="", expires_s=60)
    answer = httpx.get(url)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/octet-stream"
    disposition = answer.headers["content-disposition"]
    assert disposition.startswith("attachment; ")
    assert "filename*=UTF-8''K%C3%BCndigung.html" in disposition


def test_a_name_cannot_leave_its_place(desk: App) -> None:
    url = desk.objects.presign_download(KEY, filename=EVIL, version="", expires_s=60)
    disposition = _said(url)["response-content-disposition"]
    assert disposition.count('"') == 2
    assert "\r" not in disposition
    assert "\n" not in disposition


@pytest.mark.parametrize(
    ("media_type", "is_shown"),
    [("image/png", True), ("image/webp", True), ("image/svg+xml", False), ("text/html", False)],
)
def test_only_plain_pictures_show_in_place(desk: App, media_type: str, is_shown: bool) -> None:
    said = _said(desk.objects.presign_view(KEY, media_type=media_type, expires_s=60))
    assert said["response-content-disposition"].startswith("inline" if is_shown else "attachment")
    shown = media_type if is_shown else "application/octet-stream"
    assert said["response-content-type"] == shown
