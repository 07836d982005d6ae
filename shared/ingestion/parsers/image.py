"""Pictures as documents: the words in them, page by page, laid out as a scanned PDF's are."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING

from shared.ingestion.drafting import Draft
from shared.ingestion.model import ParsedDocument
from shared.ingestion.parsers.page_images import PageImages
from shared.ingestion.parsers.pdf.geometry import PageContent, Rules
from shared.ingestion.parsers.pdf.pages import content_of
from shared.ingestion.parsers.pdf.structure import body_of, page_pieces, running_lines
from shared.ingestion.parsers.pdf.writing import Writer
from shared.ingestion.parsers.port import Source
from shared.ingestion.parsers.recognition.engine import Recognizer, missing
from shared.ingestion.parsers.recognition.layout import RecognisedPage, brought_back, recognised
from shared.kernel.errors import InvalidError, TooLargeError, UnsupportedError
from shared.kernel.settings import settings

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_PIXELS = 50_000_000
MAX_FRAMES = 500
_TYPES = {"image/png": "PNG", "image/jpeg": "JPEG", "image/tiff": "TIFF", "image/webp": "WEBP",
          "image/gif": "GIF", "image/bmp": "BMP"}  # fmt: skip
_POINTS_PER_INCH = 72
# Resolutions outside of these are defaults of programs, not what a scanner said.
_LEAST_DPI, _MOST_DPI, _USUAL_DPI = 100, 1200, 150
# Tesseract reads letters of 20 to 40 pixels best (its own documentation, ImproveQuality).
_SMALLEST_SIDE_PX, _LARGEST_SIDE_PX = 600, 3600
_MOST_ENLARGED = 3.0
_KEPT = {271: "camera_maker", 272: "camera_model", 306: "created", 315: "author", 270: "subject"}


class ImageParser:
    """Reads the text in PNG, JPEG, TIFF, WebP, GIF and BMP files, every page of a TIFF."""

    name = "tesseract-image"
    version = "1"
    media_types = frozenset(_TYPES)

    def available(self) -> tuple[bool, str]:
        """Whether Pillow and Tesseract are installed."""
        is_there = find_spec("PIL") is not None and find_spec("tesserocr") is not None
        return is_there, "Install pillow and tesserocr."

    def parse(self, source: Source) -> ParsedDocument:
        """Read the picture.

        Raises InvalidError when it is damaged or shows no text, TooLargeError past 50 million
        pixels or 500 pages, UnsupportedError when text recognition is off or not installed.
        """
        languages = source.options.ocr_languages
        reason = missing(languages) if languages else "It is switched off."
        if reason:
            raise UnsupportedError(
                f"“{source.filename}” is a picture, and text recognition is not available here.",
                hint=reason,
            )
        draft = Draft()
        pages: dict[int, RecognisedPage] = {}
        metadata: dict[str, str] = {}
        images = PageImages(source.files, most=settings().page_images)
        with Recognizer(languages) as recognizer:
            for number, count, frame in _frames(source, metadata):
                pages[number] = _recognised(recognizer, frame)
                images.keep(_as_seen(frame), number)
                source.progress(number, count)
        contents = [_content(number, page) for number, page in pages.items() if page.words]
        if not contents:
            raise InvalidError(
                f"No text was found in the picture “{source.filename}”.",
                hint="Put in a sharper picture, or a document with words in it.",
            )
        body = body_of(contents)
        running = running_lines(contents, body)
        pieces = [p for page in contents for p in page_pieces(page, body, running, set())]
        Writer(draft, pieces).write()
        read = draft.finish(
            title="",
            filename=source.filename,
            parser=self.name,
            parser_version=self.version,
            page_count=len(pages),
            metadata=metadata,
        )
        return brought_back(read, pages)


def _recognised(recognizer: Recognizer, frame: Image) -> RecognisedPage:
    """Recognise one picture at a size that suits; boxes in points of its own resolution."""
    dpi = _resolution(frame)
    grey = _as_seen(frame).convert("L")
    factor = _enlargement(min(grey.size), max(grey.size))
    if factor != 1.0:
        grey = grey.resize((round(grey.width * factor), round(grey.height * factor)))
    seen = recognizer.read(grey, dpi=dpi * factor)
    return recognised(seen, points=_POINTS_PER_INCH / dpi / factor)


def _content(number: int, page: RecognisedPage) -> PageContent:
    return content_of(page.words, Rules(), number=number, width=page.width, height=page.height)


def _enlargement(short: int, long: int) -> float:
    """Return by how much a picture is enlarged: small letters are, huge pictures are reduced."""
    if long > _LARGEST_SIDE_PX:
        return _LARGEST_SIDE_PX / long
    if short < _SMALLEST_SIDE_PX:
        return min(_MOST_ENLARGED, _SMALLEST_SIDE_PX / max(short, 1), _LARGEST_SIDE_PX / long)
    return 1.0


def _as_seen(frame: Image) -> Image:
    """Return the picture upright as its camera says, on white where it is transparent."""
    from PIL import Image as Pillow
    from PIL import ImageOps

    image = ImageOps.exif_transpose(frame)
    if image.mode == "P" or "transparency" in image.info or image.mode in {"RGBA", "LA", "PA"}:
        image = image.convert("RGBA")
        paper = Pillow.new("RGBA", image.size, "white")
        image = Pillow.alpha_composite(paper, image)
    elif image.mode.startswith(("I", "F")):
        image = ImageOps.autocontrast(_eight_bits(image))
    return image


def _eight_bits(image: Image) -> Image:
    """Return a picture of 16 or 32 bits per pixel with 8, its whole range used."""
    lowest, highest = image.getextrema()
    low, high = float(lowest), float(highest)  # type: ignore[arg-type]
    if high <= low:
        return image.convert("L")
    return image.convert("F").point(lambda v: (v - low) * 255 / (high - low)).convert("L")


def _resolution(frame: Image) -> float:
    """Return the dots per inch that the file tells, or a usual one where it tells nonsense."""
    told = frame.info.get("dpi")
    try:
        dpi = float(told[0]) if told else 0.0
    except (TypeError, ValueError, ZeroDivisionError, IndexError):
        dpi = 0.0
    return dpi if _LEAST_DPI <= dpi <= _MOST_DPI else float(_USUAL_DPI)


def _frames(source: Source, metadata: dict[str, str]) -> Iterator[tuple[int, int, Image]]:
    """Yield number, count and picture of every page; an animation is its first picture."""
    from PIL import Image as Pillow
    from PIL import UnidentifiedImageError

    kind = _TYPES[source.media_type]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Pillow.DecompressionBombWarning)
            opened = Pillow.open(source.path, formats=[kind])
        with opened as image:
            count = getattr(image, "n_frames", 1) if kind == "TIFF" else 1
            if count > MAX_FRAMES:
                raise TooLargeError(
                    f"“{source.filename}” has {count:,} pages; at most {MAX_FRAMES:,} can be read.",
                    hint="Split it into several files.",
                )
            metadata.update(_facts(image))
            for index in range(count):
                image.seek(index)
                _check_size(image, source.filename)
                image.load()
                yield index + 1, count, image
    except (Pillow.DecompressionBombError, Pillow.DecompressionBombWarning) as error:
        raise _too_many_pixels(source.filename) from error
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, EOFError) as error:
        raise InvalidError(
            f"“{source.filename}” is damaged: it cannot be opened as a picture.",
            hint="Open it in a picture program, save it again and put that in.",
        ) from error


def _check_size(image: Image, filename: str) -> None:
    if image.width * image.height > MAX_PIXELS:
        raise _too_many_pixels(filename)


def _too_many_pixels(filename: str) -> TooLargeError:
    return TooLargeError(
        f"“{filename}” has more than {MAX_PIXELS // 1_000_000} million pixels.",
        hint="Save it in a lower resolution; 300 dots per inch are enough for text.",
    )


def _facts(image: Image) -> dict[str, str]:
    """Return what the picture says about itself, in the first place its camera."""
    exif = image.getexif()
    facts = {name: str(exif[tag]) for tag, name in _KEPT.items() if exif.get(tag)}
    return {**facts, "width_px": str(image.width), "height_px": str(image.height)}
