"""Pictures inside documents: kept as files beside the parsed form, within limits."""

from __future__ import annotations

import hashlib
from io import BytesIO
from pathlib import Path
from typing import Any

from shared.files.cleaning import one_line
from shared.ingestion.drafting import Draft
from shared.ingestion.model import Figure

MAX_PICTURES = 200
MAX_BYTES = 50 * 1024 * 1024
LEAST_PIXELS = 32
_MAX_PIXELS = 100_000_000
_KEPT_AS_IS = {"PNG": "png", "JPEG": "jpeg", "GIF": "gif", "WEBP": "webp"}


class Pictures:
    """Takes the pictures of one document out of it: each file once, small ornaments left."""

    def __init__(self, folder: Path, draft: Draft) -> None:
        self._folder = folder
        self._draft = draft
        self._bytes = 0
        self._known: dict[bytes, Figure] = {}
        self._is_full = False

    def keep(self, data: bytes, *, description: str = "", caption: int | None = None) -> None:
        """Keep a picture that stands at the draft's present place.

        A picture nobody could show (a broken one, a vector drawing) is left out.
        """
        digest = hashlib.sha256(data).digest()
        known = self._known.get(digest)
        if known is None:
            known = self._stored(data, digest)
            if known is None:
                return
            self._known[digest] = known
        if len(self._draft.figures) < MAX_PICTURES:
            self._draft.figures.append(
                Figure(
                    file=known.file,
                    media_type=known.media_type,
                    width_px=known.width_px,
                    height_px=known.height_px,
                    page=self._draft.page,
                    block=caption,
                    description=one_line(description)[:500],
                )
            )

    def _stored(self, data: bytes, digest: bytes) -> Figure | None:
        opened = _opened(data)
        if opened is None or min(opened.size) < LEAST_PIXELS:
            return None
        if len(self._known) >= MAX_PICTURES or self._bytes + len(data) > MAX_BYTES:
            if not self._is_full:
                self._is_full = True
                self._draft.warnings.append(
                    f"Only the first {len(self._known)} pictures were taken out of the file."
                )
            return None
        kind = _KEPT_AS_IS.get(str(opened.format), "")
        content = data if kind else _as_png(opened)
        if not content:
            return None
        self._bytes += len(content)
        name = f"picture-{len(self._known) + 1:03d}-{digest.hex()[:12]}.{kind or 'png'}"
        (self._folder / name).write_bytes(content)
        return Figure(name, f"image/{kind or 'png'}", *opened.size)


def _opened(data: bytes) -> Any:
    """Return the picture, its pixels still unread, or None."""
    from PIL import Image

    try:
        picture = Image.open(BytesIO(data))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    return picture if picture.width * picture.height <= _MAX_PIXELS else None


def _as_png(picture: Any) -> bytes:
    buffer = BytesIO()
    try:
        picture.convert("RGBA" if "A" in picture.getbands() else "RGB").save(buffer, "PNG")
    except (OSError, ValueError, SyntaxError, KeyError):
        # A vector drawing (WMF, EMF) or a broken picture: nothing here can draw it.
        return b""
    return buffer.getvalue()
