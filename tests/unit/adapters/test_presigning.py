"""Presigned addresses: for the tenant of the work in hand, for a short time, to be downloaded."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import pytest

from shared.adapters.objects import Objects
from shared.kernel.context import working_on
from shared.kernel.errors import NotFoundError

MINE, OTHERS = str(UUID(int=1)), str(UUID(int=2))


@pytest.fixture
def objects(monkeypatch: pytest.MonkeyPatch) -> Objects:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "local")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")
    return Objects("bucket", region="eu-central-1")


def make_all(objects: Objects, key: str, expires_s: int = 60) -> list[str]:
    """Make an address of every kind."""
    return [
        objects.presign_download(key, filename="a.html", version="", expires_s=expires_s),
        objects.presign_view(key, media_type="image/webp", expires_s=expires_s),
        objects.presign_upload(
            key, size_bytes=1, media_type="text/plain", expires_s=expires_s
        ).fields["key"],
    ]


def test_address_is_made_for_the_tenant_of_the_work_in_hand(objects: Objects) -> None:
    key = f"uploads/{MINE}/{uuid4()}/a.html"
    with working_on(correlation="c", tenant=MINE):
        download, view, upload = make_all(objects, key)
    assert upload == key
    query = parse_qs(urlsplit(download).query)
    assert query["response-content-disposition"] == [
        "attachment; filename=\"a.html\"; filename*=UTF-8''a.html"
    ]
    assert parse_qs(urlsplit(view).query)["response-content-type"] == ["image/webp"]
    assert urlsplit(download).path.endswith(key)


@pytest.mark.parametrize(
    "key",
    [
        f"uploads/{OTHERS}/x/a.pdf",
        f"uploads/{MINE}x/a.pdf",
        f"uploads/{MINE}/../{OTHERS}/a.pdf",
        f"uploads/{MINE}",
        f"uploads/{MINE}/",
        f"{MINE}/a.pdf",
        f"uploads//{MINE}/a.pdf",
        "",
    ],
)
def test_no_address_leads_to_another_tenant(objects: Objects, key: str) -> None:
    for make in range(3):
        with working_on(correlation="c", tenant=MINE), pytest.raises(NotFoundError):
            [
                lambda: objects.presign_download(key, filename="a", version="", expires_s=60),
                lambda: objects.presign_view(key, media_type="image/png", expires_s=60),
                lambda: objects.presign_upload(
                    key, size_bytes=1, media_type="text/plain", expires_s=60
                ),
            ][make]()


def test_no_address_is_made_in_nobodys_name(objects: Objects) -> None:
    with pytest.raises(NotFoundError):
        make_all(objects, f"uploads/{MINE}/x/a.pdf")


@pytest.mark.parametrize("expires_s", [0, -1, 12 * 3600 + 1])
def test_address_lives_for_a_while_only(objects: Objects, expires_s: int) -> None:
    with working_on(correlation="c", tenant=MINE), pytest.raises(ValueError, match="lives"):
        make_all(objects, f"uploads/{MINE}/x/a.pdf", expires_s)
