"""What chaos uploads: many small documents of different content, and here and there a bad file."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

POISON_EVERY = 20
WORDS = (
    *("harbour", "ledger", "invoice", "meadow", "signal", "copper", "winter", "bridge", "orchard"),
    *("Vertrag", "Lieferung", "Garten", "Heizung", "Frist", "Wartung", "Keller", "Miete", "Lager"),
)


@dataclass(frozen=True, slots=True)
class Paper:
    """One file to upload; poison must fail with a reason, everything else must be completed."""

    name: str
    content: bytes
    is_poison: bool


def papers(count: int, seed: int) -> Iterator[Paper]:
    """Write so many files; equal seeds give equal files."""
    chance = random.Random(seed)  # noqa: S311 - test material, not a secret
    for number in range(count):
        if number % POISON_EVERY == POISON_EVERY - 1:
            yield _poison(number, seed)
        else:
            yield _letter(number, chance)


def _letter(number: int, chance: random.Random) -> Paper:
    paragraphs = [
        f"Paragraph {at} of letter {number}: " + " ".join(chance.choices(WORDS, k=60)) + "."
        for at in range(chance.randint(2, 12))
    ]
    body = f"# Letter {number} ({chance.random()})\n\n" + "\n\n".join(paragraphs) + "\n"
    return Paper(f"letter-{number:04}.md", body.encode(), is_poison=False)


def _poison(number: int, seed: int) -> Paper:
    """Write a program, refused at the door, or a page without words, refused when it is read."""
    mark = f"{seed}-{number}".encode()
    if number // POISON_EVERY % 2:
        return Paper(f"program-{number:04}.txt", b"\x7fELF\x02\x01\x01\x00" + mark, is_poison=True)
    return Paper(f"empty-{number:04}.md", b"<!-- " + mark + b" -->\n", is_poison=True)
