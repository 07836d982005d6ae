"""Pictures of pages put straight: the small slant of a scan, and the way back to the original.

A slant of a third of a degree doubles Tesseract's errors on dense print (tesseract's 8071_093:
character error rate .088 slanted, .041 straight), while denoising and binarising beforehand
changed nothing: Tesseract binarises itself.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

_SAMPLE_PX = 1000
_STRIPS = 32
_MOST_SLANT = 3.0
_COARSE, _FINE = 0.25, 0.05
_LEAST_SLANT = 0.15
_LEAST_GAIN = 1.03
_PAPER = 255
_PART_PX = 900


@dataclass(frozen=True, slots=True)
class Pose:
    """How a picture was turned before it was read.

    First ``turns`` quarter turns clockwise, then ``slant`` degrees anticlockwise around the
    centre. ``width`` and ``height`` are those of the original, in whatever unit boxes have.
    """

    turns: int
    slant: float
    width: float
    height: float

    def original(
        self, x0: float, y0: float, x1: float, y1: float
    ) -> tuple[float, float, float, float]:
        """Return where a rectangle of the straight picture lies in the original one.

        The rectangle keeps its size and is moved with its centre: at these small angles its
        corners would only widen it.
        """
        is_turned = self.turns % 2 == 1
        width, height = (self.height, self.width) if is_turned else (self.width, self.height)
        if self.slant:
            angle = math.radians(self.slant)
            across, down = (x0 + x1 - width) / 2, (y0 + y1 - height) / 2
            moved_x = across * math.cos(angle) - down * math.sin(angle) - across
            moved_y = across * math.sin(angle) + down * math.cos(angle) - down
            x0, x1, y0, y1 = x0 + moved_x, x1 + moved_x, y0 + moved_y, y1 + moved_y
        match self.turns % 4:
            case 1:
                x0, y0, x1, y1 = y0, self.height - x1, y1, self.height - x0
            case 2:
                x0, y0, x1, y1 = (
                    self.width - x1, self.height - y1, self.width - x0, self.height - y0,
                )  # fmt: skip
            case 3:
                x0, y0, x1, y1 = self.width - y1, x0, self.width - y0, x1
            case _:
                pass
        return (
            max(0.0, x0),
            max(0.0, y0),
            min(self.width, max(x1, 0.0)),
            min(self.height, max(y1, 0.0)),
        )


def turned(image: Image, turns: int) -> Image:
    """Return the picture after so many quarter turns clockwise."""
    from PIL.Image import Transpose

    steps = {1: Transpose.ROTATE_270, 2: Transpose.ROTATE_180, 3: Transpose.ROTATE_90}
    return image.transpose(steps[turns % 4]) if turns % 4 else image


def straightened(image: Image, slant: float) -> Image:
    """Return the picture turned by so many degrees anticlockwise, its size kept."""
    from PIL.Image import Resampling

    if not slant:
        return image
    return image.rotate(slant, Resampling.BICUBIC, fillcolor=_PAPER)


def slant_of(image: Image) -> float:
    """Return by how many degrees a grey picture must be turned anticlockwise to lie straight.

    Lines of print make the row sums jump most when they lie level. Within three degrees; 0 where
    turning gains next to nothing (projection profiles, Postl 1986). Strips of the picture are
    shifted instead of turning it, which takes milliseconds.
    """
    import numpy as np

    strips = _strips(image)
    centre = (len(strips) - 1) / 2
    step = _SAMPLE_PX / len(strips)

    def sharpness(angle: float) -> float:
        slope = math.tan(math.radians(angle)) * step
        total = np.zeros(strips.shape[1], dtype=np.float64)
        for index, strip in enumerate(strips):
            total += np.roll(strip, -round((index - centre) * slope))
        return float(np.square(np.diff(total)).sum())

    level = sharpness(0.0)
    if not level:
        return 0.0
    coarse = [
        _COARSE * n for n in range(-int(_MOST_SLANT / _COARSE), int(_MOST_SLANT / _COARSE) + 1)
    ]
    best = max(coarse, key=sharpness)
    fine = [best + _FINE * n for n in range(-4, 5)]
    best = max(fine, key=sharpness)
    is_worth_it = abs(best) >= _LEAST_SLANT and sharpness(best) >= _LEAST_GAIN * level
    return round(best, 2) if is_worth_it else 0.0


def densest_part(image: Image) -> Image:
    """Return the square part of a grey picture that holds most ink, about a fifth of a page."""
    import numpy as np

    side = min(image.size)
    side = max(min(side, _PART_PX), side // 2)
    step = max(1, side // 4)
    small = np.asarray(image.reduce(8) if min(image.size) > 80 else image, dtype=np.float32)  # noqa: PLR2004
    ratio = image.width / small.shape[1]
    dark = np.abs(np.diff(small, axis=1)).cumsum(axis=0).cumsum(axis=1)
    best, place = -1.0, (0, 0)
    for top in range(0, max(1, image.height - side + 1), step):
        for left in range(0, max(1, image.width - side + 1), step):
            y0, x0 = int(top / ratio), int(left / ratio)
            y1 = min(int((top + side) / ratio), dark.shape[0]) - 1
            x1 = min(int((left + side) / ratio), dark.shape[1]) - 1
            ink = float(dark[y1, x1] - dark[y0, x1] - dark[y1, x0] + dark[y0, x0])
            if ink > best:
                best, place = ink, (left, top)
    left, top = place
    return image.crop((left, top, left + side, top + side))


def _strips(image: Image) -> NDArray[np.float32]:
    """Return the darkness of rows in upright strips, (strips, rows)."""
    import numpy as np
    from PIL.Image import Resampling

    height = max(1, round(image.height * _SAMPLE_PX / image.width))
    small = image.resize((_SAMPLE_PX, height), Resampling.BILINEAR)
    grey = np.asarray(small, dtype=np.float32)
    paper = float(np.percentile(grey, 60))
    dark = np.clip(paper - 30 - grey, 0, 60)
    blocks = np.array_split(dark, _STRIPS, axis=1)
    return np.stack([block.sum(axis=1) for block in blocks])
