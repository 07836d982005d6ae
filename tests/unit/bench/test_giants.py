"""Giants: their files are what they claim, and reading more pages takes hardly more memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.bench.giants import GIANTS, Giant, read_giant, small_files

FEW, MANY = 10, 70
MOST_GROWTH_MIB = 60.0  # for 60 pages more; 800 pages at this rate would be 800 MiB


@pytest.mark.parametrize("giant", GIANTS, ids=lambda giant: giant.name)
def test_memory_hardly_grows_with_the_pages(giant: Giant, model_dir: Path) -> None:
    few = read_giant(giant, FEW, model_dir=model_dir)
    many = read_giant(giant, MANY, model_dir=model_dir)
    assert many.characters > 6 * few.characters
    assert many.chunks > 5 * few.chunks
    assert many.worker_mib - few.worker_mib < MOST_GROWTH_MIB
    assert many.reader_mib - few.reader_mib < MOST_GROWTH_MIB


def test_small_files_are_all_different() -> None:
    assert len({file.content for file in small_files(1000)}) == 1000
