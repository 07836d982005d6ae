"""Writes OLE files ([MS-CFB] version 3) for tests: nothing at hand writes old Office formats."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil

Tree = Mapping[str, "bytes | Tree"]
SECTOR, MINI, CUTOFF = 512, 64, 4096
FREE, END, FAT, NONE = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD, 0xFFFFFFFF
_STORAGE, _STREAM, _ROOT = 1, 2, 5


@dataclass
class _Entry:
    name: str
    kind: int
    data: bytes = b""
    start: int = END
    size: int = 0
    right: int = NONE
    child: int = NONE


@dataclass
class _File:
    sectors: list[bytes] = field(default_factory=list)
    chain: list[int] = field(default_factory=list)
    mini: bytes = b""
    mini_chain: list[int] = field(default_factory=list)

    def add(self, data: bytes) -> int:
        """Store data in sectors of their own; returns the first one's number."""
        count = ceil(len(data) / SECTOR)
        if not count:
            return END
        first = len(self.sectors)
        for number in range(count):
            self.sectors.append(data[number * SECTOR : (number + 1) * SECTOR].ljust(SECTOR, b"\0"))
            self.chain.append(first + number + 1 if number + 1 < count else END)
        return first

    def add_small(self, data: bytes) -> int:
        first, count = len(self.mini_chain), ceil(len(data) / MINI)
        if not count:
            return END
        self.mini += data.ljust(count * MINI, b"\0")
        self.mini_chain += [*range(first + 1, first + count), END]
        return first


def compound(tree: Tree) -> bytes:
    """Return an OLE file with these streams; a mapping is a storage."""
    entries = [_Entry("Root Entry", _ROOT)]
    _place(entries, 0, tree)
    file = _File()
    for entry in entries[1:]:
        if entry.kind == _STREAM:
            entry.size = len(entry.data)
            store = file.add if entry.size >= CUTOFF else file.add_small
            entry.start = store(entry.data)
    entries[0].start, entries[0].size = file.add(file.mini), len(file.mini)
    mini_fat = b"".join(struct.pack("<I", link) for link in file.mini_chain)
    mini_fat = mini_fat.ljust(ceil(len(mini_fat) / SECTOR) * SECTOR, b"\xff")
    mini_start = file.add(mini_fat)
    directory = b"".join(map(_written, entries))
    directory_start = file.add(directory.ljust(ceil(len(directory) / SECTOR) * SECTOR, b"\0"))
    fat_count = 1
    while fat_count * SECTOR // 4 < len(file.sectors) + fat_count:
        fat_count += 1
    fat_start = len(file.sectors)
    links = file.chain + [FAT] * fat_count
    links += [FREE] * (fat_count * SECTOR // 4 - len(links))
    header = struct.pack(
        "<8s16sHHHHH6sIIIIIIIIII", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"", 0x3E, 3, 0xFFFE, 9, 6,
        b"", 0, fat_count, directory_start, 0, CUTOFF, mini_start, len(mini_fat) // SECTOR, END, 0,
        fat_start,
    )  # fmt: skip
    header += b"".join(struct.pack("<I", fat_start + n) for n in range(1, fat_count))
    fat = b"".join(struct.pack("<I", link) for link in links)
    return header.ljust(SECTOR, b"\xff") + b"".join(file.sectors) + fat


def _place(entries: list[_Entry], parent: int, tree: Tree) -> None:
    """Add a storage's entries as a list in the order the format asks for: length, then name."""
    previous = -1
    for name in sorted(tree, key=lambda n: (len(n), n.upper())):
        value = tree[name]
        number = len(entries)
        is_stream = isinstance(value, bytes)
        entries.append(_Entry(name, _STREAM if is_stream else _STORAGE))
        if previous < 0:
            entries[parent].child = number
        else:
            entries[previous].right = number
        previous = number
        if isinstance(value, bytes):
            entries[number].data = value
        else:
            _place(entries, number, value)


def _written(entry: _Entry) -> bytes:
    name = (entry.name + "\0").encode("utf-16-le")
    start = 0 if entry.kind == _STORAGE else entry.start
    return struct.pack(
        "<64sHBBIII16sIQQIQ", name, len(name), entry.kind, 1, NONE, entry.right, entry.child, b"",
        0, 0, 0, start, entry.size,
    )  # fmt: skip
