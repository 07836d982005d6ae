"""Pictures of pages: what a citation's boxes are shown on, and a thumbnail of the first page.

They are drawn in processes that serve nobody: a hostile PDF must not reach one that does. A page of
a law takes about 10 ms to draw and 25 ms to compress (2.5 GHz Xeon), twice what reading its words
takes; so reading a document leaves its thumbnail, and a page is drawn when somebody first looks.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.kernel.errors import InvalidError, NotFoundError

if TYPE_CHECKING:
    from PIL.Image import Image

    from shared.adapters.objects import Objects
    from shared.documents.model import Version

FOLDER = "pages"
"""Where parsers leave them, below the folder for what they take out."""
THUMBNAIL = "thumbnail.webp"
WIDTH_PX, THUMBNAIL_PX = 960, 320
_MOST_PIXELS = 4_000_000
# WebP knows no longer side.
_LONGEST_PX = 16_000
_PDF = "application/pdf"
_PDF_WITHIN = 1024
_QUALITY, _METHOD = 60, 0
_SPARE_BYTES = 512 * 1024 * 1024


def page_name(number: int) -> str:
    """Return the file name of a page's picture."""
    return f"{number:04d}.webp"


class PageImages:
    """Keeps a thumbnail of a document's first page, and so many pages, while it is read."""

    def __init__(self, files: Path, *, most: int) -> None:
        self._folder = files / FOLDER
        self._most = most

    def draw(self, page: Any, number: int) -> None:
        """Draw a pdfium page; one that cannot be drawn has no picture."""
        import pypdfium2 as pdfium

        if number > max(1, self._most):
            return
        try:
            image = _drawn(page, WIDTH_PX if number <= self._most else THUMBNAIL_PX)
        except (pdfium.PdfiumError, ValueError):
            # The words have been read; a picture is an extra.
            return
        self.keep(image, number)

    def keep(self, image: Image, number: int) -> None:
        """Keep a picture as that of a page, reduced to its width."""
        if number > max(1, self._most):
            return
        self._folder.mkdir(exist_ok=True)
        if number <= self._most:
            image = _reduced(image, WIDTH_PX)
            _save(image, self._folder / page_name(number))
        if number == 1:
            _save(_reduced(image, THUMBNAIL_PX), self._folder / THUMBNAIL)


def ensure_page_image(objects: Objects, version: Version, prefix: str, page: int) -> str:
    """Return the key of a page's picture, drawing and keeping it if nobody has looked before.

    ``prefix`` is the version's folder of derived files. Raises NotFoundError when there is no
    such page or pages of this format have no pictures, InvalidError when it cannot be drawn.
    """
    key = f"{prefix}{FOLDER}/{page_name(page)}"
    if objects.describe(key) is not None:
        return key
    if version.media_type != _PDF and not version.media_type.startswith("image/"):
        raise NotFoundError("Only pages of PDFs and pictures can be shown as images.")
    with tempfile.TemporaryDirectory(prefix="kontor-") as folder:
        path = Path(folder) / "original"
        objects.download(version.object_key, path, version=version.object_version)
        objects.put(key, draw_page(path, page), media_type="image/webp")
    return key


def draw_page(path: Path, page: int, *, width: int = WIDTH_PX, timeout_s: float = 30) -> bytes:
    """Draw one page of a PDF or a picture in a process of its own; returns WebP.

    Raises NotFoundError when there is no such page, InvalidError when it cannot be drawn within
    the time and half a gigabyte.
    """
    with tempfile.NamedTemporaryFile(prefix="kontor-page-", suffix=".webp") as out:
        request = {"path": str(path.resolve()), "page": page, "width": width, "out": out.name}
        command = [
            sys.executable,
            "-m",
            "shared.ingestion.parsers.page_images",
            json.dumps(request),
        ]
        environment = {"PYTHONPATH": ":".join(entry for entry in sys.path if entry)}
        try:
            done = subprocess.run(  # noqa: S603 - our own module, its request as one argument
                command,
                env=environment,
                timeout=timeout_s,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise InvalidError(f"Drawing page {page} took longer than {timeout_s:g} s.") from error
        if done.returncode == _NO_PAGE:
            raise NotFoundError(f"There is no page {page}.")
        data = Path(out.name).read_bytes()
    if done.returncode or not data:
        raise InvalidError(f"Page {page} cannot be drawn.")
    return data


_NO_PAGE = 3


def _drawn(page: Any, width: int) -> Image:
    """Render a page at a width, its height kept within bounds."""
    across, down = page.get_size()
    across, down = max(across, 1.0), max(down, 1.0)
    scale = min(width / across, (_MOST_PIXELS / (across * down)) ** 0.5, _LONGEST_PX / down)
    bitmap = page.render(scale=scale, rev_byteorder=True, maybe_alpha=False)
    image: Image = bitmap.to_pil()
    return image


def _reduced(image: Image, width: int) -> Image:
    """Return a picture at most so wide, in colours that WebP knows."""
    from PIL.Image import Resampling

    scale = min(width / image.width, (_MOST_PIXELS / (image.width * image.height)) ** 0.5)
    if image.mode not in {"L", "RGB"}:
        image = image.convert("RGB")
    if scale >= 1:
        return image
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Resampling.BOX, reducing_gap=2.0)


def _save(image: Image, path: Path) -> None:
    image.save(path, "WEBP", quality=_QUALITY, method=_METHOD)


def _main(arguments: list[str]) -> int:
    """Draw one page as asked for by ``draw_page``; the exit code says how it went."""
    import pypdfium2 as pdfium

    request = json.loads(arguments[0])
    _limit_memory()
    path, page, width = Path(request["path"]), int(request["page"]), int(request["width"])
    with path.open("rb") as stream:
        is_pdf = b"%PDF-" in stream.read(_PDF_WITHIN)
    if not is_pdf:
        image = _frame(path, page)
    else:
        with pdfium.PdfDocument(path) as document:
            image = _drawn(document[page - 1], width) if 1 <= page <= len(document) else None
    if image is None:
        return _NO_PAGE
    _save(_reduced(image, width), Path(request["out"]))
    return 0


def _frame(path: Path, page: int) -> Image | None:
    """Return one picture of an image file, upright; None when it has not so many."""
    from PIL import Image as Pillow
    from PIL import ImageOps

    with Pillow.open(path) as image:
        if not 1 <= page <= getattr(image, "n_frames", 1):
            return None
        image.seek(page - 1)
        return ImageOps.exif_transpose(image).convert("RGB")


def _limit_memory() -> None:
    statm = Path("/proc/self/statm")
    if statm.exists():
        mapped = int(statm.read_text(encoding="ascii").split()[0]) * resource.getpagesize()
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        wanted = mapped + _SPARE_BYTES
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
