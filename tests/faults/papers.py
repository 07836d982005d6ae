"""Files of a fixed shape and of different content, so every upload is a document of its own."""

from __future__ import annotations

import io
import zipfile


def lease(number: int, *, clauses: int = 5) -> bytes:
    """Write a contract of so many clauses; five become three chunks, two of which are a batch."""
    paragraphs = "\n\n".join(
        f"Clause {n} of lease {number} speaks of hedge number {n} and its yearly cut, which the "
        f"tenant of plot {number} carries out in month {n} without being asked. "
        + "The cuttings are taken to the yard behind the house within a week. "
        * 5
        for n in range(1, clauses + 1)
    )
    return f"Lease {number}\n\nIt ends on 31 December {2000 + number}.\n\n{paragraphs}\n".encode()


def empty_page(number: int) -> bytes:
    """Write a text without words: it is accepted, and fails when it is read."""
    return f"<!-- {number} -->\n".encode()


def program(number: int) -> bytes:
    """Write bytes of a kind that is refused at the door."""
    return b"\x7fELF\x02\x01\x01" + bytes(range(256)) + number.to_bytes(8, "big")


def infected(number: int) -> bytes:
    """Write the antivirus industry's test file, as several different archives."""
    pattern = r"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR" + "-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
    return archive({"eicar.com": pattern.encode(), f"{number}.txt": lease(number, clauses=1)})


def archive(members: dict[str, bytes]) -> bytes:
    """Pack files into a zip archive."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as target:
        for name, body in members.items():
            target.writestr(name, body)
    return packed.getvalue()
