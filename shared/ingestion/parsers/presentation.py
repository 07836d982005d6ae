"""PowerPoint presentations: slide by slide, with tables, charts, pictures and speaker notes."""

from __future__ import annotations

from importlib.util import find_spec
from io import BytesIO

from shared.files.formats import PPTX
from shared.ingestion.drafting import Draft
from shared.ingestion.model import ParsedDocument
from shared.ingestion.parsers.docling_tree import TreeWriter, converted
from shared.ingestion.parsers.originals import Originals, slide_paragraphs
from shared.ingestion.parsers.packages import (
    as_plain,
    damaged,
    opened_package,
    package_properties,
    package_warnings,
)
from shared.ingestion.parsers.pictures import Pictures
from shared.ingestion.parsers.port import Source

_DRAWING = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_RUN = f"{_DRAWING}r"
_ID = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"


class PresentationParser:
    """Reads presentations; a block's page is its slide's number."""

    name = "docling-pptx"
    version = "2.142.1-1"
    media_types = frozenset({PPTX})

    def available(self) -> tuple[bool, str]:
        """Whether docling's office backends are installed."""
        is_there = find_spec("docling") is not None and find_spec("pptx") is not None
        return is_there, "Install docling-slim[format-office]."

    def parse(self, source: Source) -> ParsedDocument:
        """Read the file; raises InvalidError when it is damaged or holds no text."""
        from docling.backend.mspowerpoint_backend import MsPowerpointDocumentBackend
        from docling.datamodel.backend_options import MsPowerpointBackendOptions
        from docling.datamodel.base_models import InputFormat
        from lxml.etree import LxmlError  # type: ignore[import-untyped]

        draft = Draft()
        with opened_package(source.path, source.filename) as archive:
            try:
                properties = package_properties(archive)
                draft.warnings += package_warnings(archive)
                originals = Originals(slide_paragraphs(archive))
                data = as_plain(source.path, archive)
            except (KeyError, LxmlError, OSError, EOFError, ValueError) as error:
                raise damaged(source.filename) from error
        source.progress(1, 3)
        tree = converted(
            data,
            filename=source.filename,
            input_format=InputFormat.PPTX,
            backend=MsPowerpointDocumentBackend,
            options=MsPowerpointBackendOptions(),
        )
        source.progress(2, 3)
        pictures = Pictures(source.files, draft)
        links = _links(data)
        TreeWriter(tree, draft, originals, pictures, is_paged=True, links=links).write()
        source.progress(3, 3)
        return draft.finish(
            title=properties.pop("title", "") if _is_own(properties) else "",
            filename=source.filename,
            parser=self.name,
            parser_version=self.version,
            page_count=len(tree.pages) or None,
            metadata=properties,
        )


def _is_own(properties: dict[str, str]) -> bool:
    """Whether the title was given by a person, not by the program."""
    return properties.get("title", "").strip().lower() not in {
        "", "powerpoint presentation", "powerpoint-präsentation", "presentation",
    }  # fmt: skip


def _links(data: bytes) -> dict[int, list[tuple[str, str]]]:
    """Return the words that lead to an address, slide by slide."""
    from pptx import Presentation

    deck = Presentation(BytesIO(data))
    found: dict[int, list[tuple[str, str]]] = {}
    for number, slide in enumerate(deck.slides, 1):
        targets = {
            relation.rId: str(relation.target_ref)
            for relation in slide.part.rels.values()
            if relation.is_external
        }
        for run in slide.element.iter(_RUN):
            click = run.find(f"{_DRAWING}rPr/{_DRAWING}hlinkClick")
            target = targets.get(click.get(_ID, "")) if click is not None else None
            words = run.findtext(f"{_DRAWING}t")
            if target and words:
                found.setdefault(number, []).append((words, target))
    return found
