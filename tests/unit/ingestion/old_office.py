"""Old Office files for tests, record by record: [MS-DOC], [MS-PPT], [MS-XLS], [MS-OXMSG]."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

from tests.unit.ingestion.ole import Tree, compound

HEADING, IN_TABLE, ROW_END = 1, struct.pack("<HB", 0x2416, 1), struct.pack("<HB", 0x2417, 1)


def old_word(
    paragraphs: Sequence[tuple[str, int, bytes]], *, notes: str = "", encrypted: bool = False
) -> bytes:
    """Return a .doc; a paragraph is its text with its mark, its style, its properties.

    Style 1 is built in as “heading 1”, style 2 is built on it, all others are plain.
    """
    body = "".join(text for text, _, _ in paragraphs)
    text = (body + notes).encode("utf-16-le")
    start = 1024
    main = bytearray(start) + text
    main += bytes(-len(main) % 512)
    page = len(main) // 512
    bounds, papx, place = [start], b"", 512 - 1
    entries = b""
    for words, style, changes in paragraphs:
        bounds.append(bounds[-1] + 2 * len(words))
        data = struct.pack("<H", style) + changes
        data += bytes(1 - len(data) % 2)  # an odd length: the size byte makes it even
        stored = bytes([(len(data) + 1) // 2]) + data
        place = (place - len(stored)) // 2 * 2
        papx = stored.ljust(512 - 1 - place - len(papx), b"\0") + papx
        entries += bytes([place // 2]) + bytes(12)
    head = struct.pack(f"<{len(bounds)}I", *bounds) + entries
    main += head + bytes(place - len(head)) + papx + bytes([len(paragraphs)])
    pieces = struct.pack("<II", 0, len(text) // 2) + struct.pack("<HIH", 0, start, 0)
    clx = b"\x02" + struct.pack("<I", len(pieces)) + pieces
    runs = struct.pack("<III", start, bounds[-1], page)
    styles = _styles()
    flags = 0x0200 | (0x0100 if encrypted else 0)
    struct.pack_into("<HH", main, 0, 0xA5EC, 0x00C1)
    struct.pack_into("<H", main, 10, flags)
    struct.pack_into("<2i", main, 0x4C, len(body), len(notes))
    offset = 0
    table = b""
    for which, data in ((1, styles), (13, runs), (33, clx)):
        struct.pack_into("<II", main, 154 + which * 8, offset, len(data))
        table += data
        offset += len(data)
    return compound({"WordDocument": bytes(main), "1Table": table})


def _styles() -> bytes:
    data = struct.pack("<HHH", 4, 3, 10)
    for built_in, base in ((0, 0xFFF), (1, 0), (0xFFE, 1)):
        style = struct.pack("<HHHHH", built_in, base << 4 | 1, 0, 0, 0)
        style += struct.pack("<H", 1) + "x\0".encode("utf-16-le")
        data += struct.pack("<H", len(style)) + style
    return data


def old_slides(
    slides: Sequence[tuple[str, str, str]], *, table: Sequence[Sequence[str]] = ()
) -> bytes:
    """Return a .ppt; a slide is its title, its body, what the speaker noted.

    The table stands below the body of every slide; an empty cell is covered by its neighbour.
    """
    entries, stream, places = b"", b"", {}
    note_entries = b""
    for number, (title, body, notes) in enumerate(slides, 1):
        places[number + 1] = len(stream)
        shapes = _record(3998, struct.pack("<I", 0))
        shapes += _shape(0xF010, struct.pack("<4h", 900, 0, 0, 0), _words(4, body))
        if table:
            shapes = _table(table) + shapes
        stream += _container(1006, shapes)
        entries += _record(1011, struct.pack("<IIiII", number + 1, 0, 0, 255 + number, 0))
        entries += _words(0, title)
        if notes:
            places[100 + number] = len(stream)
            owner = _record(1009, struct.pack("<IHH", 255 + number, 0, 0))
            stream += _container(1008, owner + _words(2, notes))
            note_entries += _record(1011, struct.pack("<IIiII", 100 + number, 0, 0, number, 0))
    places[1] = len(stream)
    lists = _container(4080, entries, instance=0) + _container(4080, note_entries, instance=2)
    stream += _container(1000, lists)
    directory = len(stream)
    listing = b"".join(struct.pack("<II", key | 1 << 20, place) for key, place in places.items())
    stream += _record(6002, listing)
    edit = len(stream)
    stream += _record(4085, struct.pack("<IIIIII", 0, 0, 0, directory, 1, 0))
    user = struct.pack("<HHIIII", 0, 0x0FF6, 20, 20, 0xE391C05F, edit)
    return compound({"PowerPoint Document": stream, "Current User": user})


def _shape(kind: int, anchor: bytes, words: bytes) -> bytes:
    return _container(0xF004, _record(kind, anchor) + words)


def _table(rows: Sequence[Sequence[str]]) -> bytes:
    """Return a group of shapes that calls itself a table and stands at the slide's foot."""
    first = _record(0xF00B, struct.pack("<HI", 0x039F, 1), version=3)
    shapes = _container(0xF004, first + _record(0xF010, struct.pack("<4h", 2000, 0, 0, 0)))
    for row, line in enumerate(rows):
        for column, words in enumerate(line):
            right = column + 1
            while right < len(line) and not line[right]:
                right += 1
            if words:
                edges = (column * 100, row * 50, right * 100, row * 50 + 50)
                shapes += _shape(0xF00F, struct.pack("<4i", *edges), _words(4, words))
    return _container(0xF003, shapes)


def _words(kind: int, text: str) -> bytes:
    return _record(3999, struct.pack("<I", kind)) + _record(4000, text.encode("utf-16-le"))


def _record(kind: int, data: bytes, *, version: int = 0, instance: int = 0) -> bytes:
    return struct.pack("<HHI", instance << 4 | version, kind, len(data)) + data


def _container(kind: int, data: bytes, *, instance: int = 0) -> bytes:
    return _record(kind, data, version=0xF, instance=instance)


def old_workbook(sheets: Mapping[str, Sequence[Sequence[str | float]]]) -> bytes:
    """Return an .xls (BIFF8) with text and numbers."""
    kind = struct.pack("<HHHHII", 0x0600, 5, 0, 1997, 0, 6)
    parts: list[bytes] = []
    for rows in sheets.values():
        cells = _biff(0x809, struct.pack("<HHHHII", 0x0600, 0x10, 0, 1997, 0, 6))
        for row, line in enumerate(rows):
            for column, value in enumerate(line):
                place = struct.pack("<HHH", row, column, 0)
                if isinstance(value, str):
                    words = struct.pack("<HB", len(value), 1) + value.encode("utf-16-le")
                    cells += _biff(0x204, place + words)
                else:
                    cells += _biff(0x203, place + struct.pack("<d", value))
        parts.append(cells + _biff(0x0A, b""))
    names = [name.encode("utf-16-le") for name in sheets]
    head = len(_biff(0x809, kind)) + sum(4 + 8 + len(name) for name in names) + 4
    stream = _biff(0x809, kind)
    for name, part in zip(names, parts, strict=True):
        bound = struct.pack("<IHBB", head, 0, len(name) // 2, 1) + name
        stream += _biff(0x85, bound)
        head += len(part)
    return compound({"Workbook": stream + _biff(0x0A, b"") + b"".join(parts)})


def _biff(kind: int, data: bytes) -> bytes:
    return struct.pack("<HH", kind, len(data)) + data


def outlook_message(
    subject: str,
    body: str,
    *,
    sender: tuple[str, str] = ("Eva", "eva@example.org"),
    to: Sequence[tuple[str, str]] = (("Adam", "adam@example.org"),),
    page: bytes = b"",
    files: Sequence[tuple[str, bytes]] = (),
    inner: Tree | None = None,
) -> bytes:
    """Return an .msg with text, recipients and attachments."""
    return compound(message_tree(subject, body, sender=sender, to=to, page=page, files=files,
                                 inner=inner))  # fmt: skip


def message_tree(
    subject: str,
    body: str,
    *,
    sender: tuple[str, str] = ("Eva", "eva@example.org"),
    to: Sequence[tuple[str, str]] = (),
    page: bytes = b"",
    files: Sequence[tuple[str, bytes]] = (),
    inner: Tree | None = None,
) -> dict[str, bytes | Tree]:
    """Return the streams of a message, to be written or put into another."""
    sent = 133_536_450_000_000_000  # 2024-02-27 in ticks of 100 ns since 1601
    header = bytes(24 if inner is None and not to else 32)
    tree: dict[str, bytes | Tree] = {
        "__properties_version1.0": header + struct.pack("<IIQ", 0x00390040, 6, sent),
        **_texts({0x0037: subject, 0x1000: body, 0x0C1A: sender[0], 0x5D01: sender[1]}),
    }
    if page:
        tree["__substg1.0_10130102"] = page
    for number, (name, address) in enumerate(to):
        tree[f"__recip_version1.0_#{number:08X}"] = {
            "__properties_version1.0": bytes(8) + struct.pack("<IIQ", 0x0C150003, 6, 1),
            **_texts({0x3001: name, 0x39FE: address}),
        }
    for number, (name, data) in enumerate(files):
        tree[f"__attach_version1.0_#{number:08X}"] = {
            "__properties_version1.0": bytes(8),
            "__substg1.0_37010102": data,
            **_texts({0x3707: name}),
        }
    if inner is not None:
        tree[f"__attach_version1.0_#{len(files):08X}"] = {
            "__properties_version1.0": bytes(8),
            "__substg1.0_3701000D": inner,
        }
    return tree


def _texts(texts: Mapping[int, str]) -> dict[str, bytes]:
    return {
        f"__substg1.0_{number:04X}001F": words.encode("utf-16-le")
        for number, words in texts.items()
    }
