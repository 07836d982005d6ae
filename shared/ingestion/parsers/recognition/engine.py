"""Tesseract as this product uses it: words with boxes, sizes and certainty."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.ingestion.parsers.recognition.straightening import (
    Pose,
    densest_part,
    slant_of,
    straightened,
    turned,
)
from shared.kernel.errors import UnavailableError, UnsupportedError
from shared.kernel.settings import settings

if TYPE_CHECKING:
    from PIL.Image import Image

_PLACES = (Path(__file__).parents[4] / "layers" / "ocr" / "tessdata", Path("/opt/tessdata"))
_SUFFIX = ".traineddata"
# Words below the first are noise; a page below the second may stand on its side.
_LEAST_WORD, _DOUBTFUL_PAGE = 0.3, 0.8
_FEW_CHARACTERS = 12
_UP_FROM_DOWNWARDS = 3
_CLEARLY = 1.15
_WIDE, _TALL = 0.15, 0.04
_SAME_SIZE = 0.16
_DEFAULT_DPI = 200
_LEAST_SIDE_PX = 12


@dataclass(frozen=True, slots=True)
class SeenWord:
    """A recognised word; its box and the size of its type in pixels, certainty from 0 to 1.

    ``line`` counts the printed lines of the picture in reading order.
    """

    text: str
    x0: float
    y0: float
    x1: float
    y1: float
    size: float
    line: int
    confidence: float


@dataclass(frozen=True, slots=True)
class SeenPage:
    """The words of a picture in reading order, as it lies after being put into ``pose``."""

    words: tuple[SeenWord, ...]
    pose: Pose

    @property
    def confidence(self) -> float:
        """The mean certainty of the words, long ones counting for more; 0 without any."""
        letters = sum(len(word.text) for word in self.words)
        sure = sum(word.confidence * len(word.text) for word in self.words)
        return sure / letters if letters else 0.0

    @property
    def weight(self) -> float:
        """How many characters were read with how much certainty, to compare two readings."""
        return sum(word.confidence**2 * len(word.text) for word in self.words)


def missing(languages: Sequence[str]) -> str:
    """Return why pictures cannot be read here, empty when they can."""
    if find_spec("tesserocr") is None or find_spec("PIL") is None:
        return "Install tesserocr and pillow."
    folder = _folder(languages)
    if folder is None:
        return (
            f"Put {', '.join(f'{each}{_SUFFIX}' for each in languages)} of Tesseract into one "
            "folder and set TESSDATA_DIR to it."
        )
    return ""


def _folder(languages: Sequence[str]) -> Path | None:
    """Return the first folder that holds the models of all languages."""
    named = settings().tessdata_dir
    places = (Path(named),) if named else _PLACES
    for place in places:
        if languages and all((place / f"{each}{_SUFFIX}").is_file() for each in languages):
            return place
    return None


class Recognizer:
    """Reads pictures of text in the given languages; loaded once, closed at the end."""

    def __init__(self, languages: Sequence[str]) -> None:
        """Load the models, the likeliest language first.

        Raises UnsupportedError, with what to install, when text cannot be recognised here.
        """
        reason = missing(languages)
        if reason:
            raise UnsupportedError("Text in pictures cannot be recognised here.", hint=reason)
        import tesserocr

        self._turns = self._sideways = 0
        self._vendor = tesserocr
        try:
            self._api = tesserocr.PyTessBaseAPI(
                path=str(_folder(languages)),
                lang="+".join(languages),
                psm=tesserocr.PSM.AUTO,
            )
        except RuntimeError as error:
            raise UnavailableError(
                "Tesseract could not load its models.", hint="Check the files in TESSDATA_DIR."
            ) from error

    def __enter__(self) -> Recognizer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the models' memory back."""
        self._api.End()

    def read(self, image: Image, *, dpi: float = 0) -> SeenPage:
        """Read a picture, whichever way up it is; ``dpi`` is its resolution if known.

        A slant of up to three degrees is straightened. When what is read makes little sense, all
        quarter turns are tried on a small part; the next picture is taken to lie as the last did.
        """
        grey = image if image.mode == "L" else image.convert("L")
        if min(grey.size) < _LEAST_SIDE_PX:
            return SeenPage((), Pose(0, 0.0, *map(float, grey.size)))
        page = self._read_turned(grey, self._turns, dpi)
        if self._sideways:
            self._turns = (self._turns + self._sideways) % 4
            page = self._read_turned(grey, self._turns, dpi)
        letters = sum(len(word.text) for word in page.words)
        if page.confidence >= _DOUBTFUL_PAGE and letters >= _FEW_CHARACTERS:
            return page
        turns = self._best_turn(grey)
        if turns != self._turns:
            other = self._read_turned(grey, turns, dpi)
            if other.weight > page.weight:
                self._turns = turns
                return other
        return page

    def _best_turn(self, image: Image) -> int:
        """Return the quarter turns after which most is read of the part with the most ink."""
        part = densest_part(image)
        found = [
            SeenPage(self._words_of(turned(part, turns), 0), Pose(0, 0.0, 0.0, 0.0)).weight
            for turns in range(4)
        ]
        best = max(range(4), key=found.__getitem__)
        return best if found[best] > _CLEARLY * found[self._turns] else self._turns

    def _read_turned(self, image: Image, turns: int, dpi: float) -> SeenPage:
        upright = turned(image, turns)
        slant = slant_of(upright)
        words = self._words_of(straightened(upright, slant), dpi)
        return SeenPage(words, Pose(turns, slant, float(image.width), float(image.height)))

    def _words_of(self, image: Image, dpi: float) -> tuple[SeenWord, ...]:
        vendor, api = self._vendor, self._api
        has_columns = self._has_columns(image)
        # Where there are no columns, looking for them tears numbers from the items of lists.
        api.SetPageSegMode(vendor.PSM.AUTO if has_columns else vendor.PSM.SINGLE_COLUMN)
        api.SetImage(image)
        api.SetSourceResolution(round(dpi) or _DEFAULT_DPI)
        try:
            if not api.Recognize():
                return ()
            cursor = api.GetIterator()
        finally:
            # The picture and the results are copied or read before the next one comes.
            api.ClearAdaptiveClassifier()
        words: list[SeenWord] = []
        ways: Counter[int] = Counter()
        line = -1
        for item in vendor.iterate_level(cursor, vendor.RIL.WORD) if cursor else ():
            if item.IsAtBeginningOf(vendor.RIL.TEXTLINE):
                line += 1
            word = self._word(item, max(line, 0))
            if word is not None:
                words.append(word)
                ways[item.Orientation()[1]] += len(word.text)
        api.Clear()
        # Tesseract reads lines that run downwards too, but then the boxes lie on their side.
        downwards = ways[vendor.WritingDirection.TOP_TO_BOTTOM]
        self._sideways = _UP_FROM_DOWNWARDS if downwards > ways.total() - downwards else 0
        return _evened(words)

    def _has_columns(self, image: Image) -> bool:
        """Whether wide blocks of text stand beside each other, seen on half the resolution."""
        vendor, api = self._vendor, self._api
        small = image.reduce(2)
        api.SetPageSegMode(vendor.PSM.AUTO)
        api.SetImage(small)
        cursor = api.AnalyseLayout()
        blocks = [
            item.BoundingBox(vendor.RIL.BLOCK)
            for item in (vendor.iterate_level(cursor, vendor.RIL.BLOCK) if cursor else ())
            if vendor.PT.FLOWING_TEXT <= item.BlockType() <= vendor.PT.VERTICAL_TEXT
        ]
        api.Clear()
        wide = [b for b in blocks if b and b[2] - b[0] > _WIDE * small.width]
        return any(
            min(a[3], b[3]) - max(a[1], b[1]) > _TALL * small.height
            and (a[2] <= b[0] or b[2] <= a[0])
            for a, b in combinations(wide, 2)
        )

    def _word(self, item: Any, line: int) -> SeenWord | None:
        level = self._vendor.RIL.WORD
        confidence = item.Confidence(level) / 100
        box = item.BoundingBox(level)
        if confidence < _LEAST_WORD or box is None:
            return None
        text = item.GetUTF8Text(level).strip()
        if not text:
            return None
        x0, y0, x1, y1 = map(float, box)
        row, baseline = item.RowAttributes(), item.Baseline(self._vendor.RIL.TEXTLINE)
        size = float(row["row_height"]) if row and row["row_height"] > 0 else y1 - y0
        if row and baseline and row["row_height"] > 0:
            # The row's own height, since words without tall or low letters are lower.
            (left, at_left), (right, at_right) = baseline
            middle = ((x0 + x1) / 2 - left) / max(1, right - left)
            y1 = at_left + (at_right - at_left) * middle - row["descenders"]
            y0 = y1 - size
        return SeenWord(text, x0, y0, x1, y1, size, line, confidence)


def _evened(words: Sequence[SeenWord]) -> tuple[SeenWord, ...]:
    """Return the words with sizes that are nearly a commoner one made that: rows vary."""
    counts: Counter[float] = Counter()
    for word in words:
        counts[word.size] += len(word.text)
    chosen: dict[float, float] = {}
    for size, _ in counts.most_common():
        near = (common for common in chosen.values() if abs(size - common) <= _SAME_SIZE * common)
        chosen[size] = next(near, size)
    return tuple(replace(word, size=chosen[word.size]) for word in words)
