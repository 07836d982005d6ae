"""The parts around a sheet's cells, read straight from the package: merges, charts, pictures.

openpyxl's row-by-row mode leaves them out (ECMA-376 part 1, sections 18.3.1.55, 20.5 and 21.2).
"""

from __future__ import annotations

import posixpath
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from shared.ingestion.parsers.packages import safe_xml_parser
from shared.ingestion.parsers.sheets.areas import Span

_LARGEST_PART = 64 * 1024 * 1024
_MAX_POINTS = 10_000
_TYPE = "Type"


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart's title and its figures: a header row, then one row per category.

    ``kind`` is what it is called (“bar chart”), ``row`` the sheet's row where it begins.
    """

    title: str
    kind: str
    row: int
    rows: tuple[tuple[str, ...], ...]


def spans_of(archive: zipfile.ZipFile, part: str) -> list[Span]:
    """Return the merged areas of a sheet."""
    from lxml import etree  # type: ignore[import-untyped]
    from openpyxl.utils.cell import range_boundaries

    spans: list[Span] = []
    if not _mentions(archive, part, b"mergeCell"):
        return spans
    with archive.open(part) as stream:
        events = etree.iterparse(stream, events=("end",), resolve_entities=False, no_network=True)
        for _, element in events:
            name = _name(element)
            if name == "mergeCell":
                left, top, right, bottom = range_boundaries(element.get("ref", ""))
                spans.append(Span(top - 1, left - 1, bottom - top + 1, right - left + 1))
            if name in {"row", "mergeCell"}:
                element.clear()
                while element.getprevious() is not None:
                    del element.getparent()[0]
    return spans


def _mentions(archive: zipfile.ZipFile, part: str, word: bytes) -> bool:
    """Whether a word stands in a part; much faster than reading it as XML."""
    with archive.open(part) as stream:
        tail = b""
        while piece := stream.read(1 << 20):
            if word in tail + piece:
                return True
            tail = piece[-len(word) :]
    return False


def charts_of(archive: zipfile.ZipFile, part: str) -> list[Chart]:
    """Return the charts on a sheet, top to bottom, with the figures they were last drawn from."""
    charts: list[Chart] = []
    for drawing in _related(archive, part, "drawing").values():
        parts = _related(archive, drawing, "chart")
        anchors = _root(archive, drawing)
        for anchor in anchors if anchors is not None else ():
            row = next((int(e.text or 0) for e in anchor.iter() if _name(e) == "row"), 0)
            for element in anchor.iter():
                target = parts.get(_reference(element)) if _name(element) == "chart" else None
                root = _root(archive, target) if target else None
                chart = _chart(root, row) if root is not None else None
                charts += [chart] if chart is not None else []
    return sorted(charts, key=lambda chart: chart.row)


def pictures_of(archive: zipfile.ZipFile, part: str) -> Iterator[bytes]:
    """Yield the bytes of the pictures that lie on a sheet."""
    for drawing in _related(archive, part, "drawing").values():
        for picture in _related(archive, drawing, "image").values():
            if archive.getinfo(picture).file_size <= _LARGEST_PART:
                yield archive.read(picture)


def _related(archive: zipfile.ZipFile, part: str, kind: str) -> dict[str, str]:
    """Return the parts that a part refers to by their ids; ``kind`` is the type's last word."""
    folder, name = posixpath.split(part)
    root = _root(archive, f"{folder}/_rels/{name}.rels")
    found: dict[str, str] = {}
    for element in root if root is not None else ():
        if element.get(_TYPE, "").rsplit("/", 1)[-1] == kind and element.get("TargetMode") is None:
            target = element.get("Target", "")
            path = posixpath.normpath(posixpath.join("/" + folder, target)).lstrip("/")
            if path in archive.NameToInfo:
                found[element.get("Id", "")] = path
    return found


def _root(archive: zipfile.ZipFile, part: str) -> Any:
    from lxml import etree

    info = archive.NameToInfo.get(part)
    if info is None or info.file_size > _LARGEST_PART:
        return None
    try:
        return etree.fromstring(archive.read(part), safe_xml_parser())
    except etree.XMLSyntaxError:
        # A broken drawing costs its charts, not the sheet.
        return None


def _reference(element: Any) -> str:
    """Return the id of the relationship that an element names."""
    return next((str(v) for k, v in element.attrib.items() if k.endswith("}id")), "")


def _chart(root: Any, row: int) -> Chart | None:
    """Return the figures of a chart's series, side by side by their categories."""
    series = [element for element in root.iter() if _name(element) == "ser"]
    columns: list[tuple[str, dict[int, str]]] = []
    labels: dict[int, str] = {}
    for one in series:
        values = _points(_child(one, "val", "yVal"))
        if values:
            columns.append((" ".join(_points(_child(one, "tx")).values()), values))
            labels = labels or _points(_child(one, "cat", "xVal"))
    if not columns:
        return None
    last = max(max(values) for _, values in columns)
    rows = [("", *(name for name, _ in columns))]
    rows += [
        (labels.get(index, str(index + 1)), *(values.get(index, "") for _, values in columns))
        for index in range(last + 1)
    ]
    return Chart(_title(root), _kind(root), row, tuple(rows))


def _points(element: Any) -> dict[int, str]:
    """Return cached points by index; several levels of labels are joined."""
    found: dict[int, str] = {}
    for point in element.iter() if element is not None else ():
        name = _name(point)
        if name == "pt" and len(found) < _MAX_POINTS:
            words = "".join(v.text or "" for v in point if _name(v) == "v").strip()
            index = int(point.get("idx", "0"))
            if words and 0 <= index < _MAX_POINTS:
                found[index] = f"{words} {found[index]}" if index in found else words
    if not found and element is not None:
        plain = [v.text or "" for v in element if _name(v) == "v"]
        found = {0: " ".join(plain)} if plain else {}
    return found


def _title(root: Any) -> str:
    for element in root.iter():
        if _name(element) == "title":
            words = [t.text or "" for t in element.iter() if _name(t) in {"t", "v"}]
            return "".join(words).strip()
    return ""


def _kind(root: Any) -> str:
    """Return what kind of chart it is, in words: “bar chart”, “scatter chart”."""
    for element in root.iter():
        name = _name(element)
        if name.endswith("Chart") and name != "Chart":
            return f"{name.removesuffix('Chart').removesuffix('3D')} chart".lower()
    return "chart"


def _child(element: Any, *names: str) -> Any:
    return next((child for child in element if _name(child) in names), None)


def _name(element: Any) -> str:
    return element.tag.rsplit("}", 1)[-1] if isinstance(element.tag, str) else ""
