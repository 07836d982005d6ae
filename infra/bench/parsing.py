"""How well and how fast files are read, against references by people and other programs.

The references and the scorers lie in folders that are named, never in this project: a scorer is a
Python file there with a function ``score``. Every file is read by the parser the pipeline would
use, in this process, so that its processor time can be told.
"""

from __future__ import annotations

import importlib.util
import re
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from infra.bench.invoices import facts_of, found_shares
from infra.bench.measurement import Measurement, Progress
from shared.files.detection import detect
from shared.ingestion.export import document_to_markdown, tables_to_html
from shared.ingestion.model import ParsedDocument
from shared.ingestion.parsers.port import ReadOptions, Source
from shared.ingestion.parsers.registry import parser_for
from shared.kernel.errors import KontorError, NotFoundError

_USUAL = ReadOptions()
_OFFICE_GOAL = 0.98
_REFERENCE = ".gt.md"
_SHOWN = 4
_NUMBER = re.compile(r"(?<!\S)[(]?\d{1,3}[.)]?(?!\S)|(?<!\S)\d+ ?/ ?\d+(?!\S)")


@dataclass(frozen=True, slots=True)
class Reading:
    """What became of one file, and what that cost."""

    path: Path
    document: ParsedDocument | None
    cpu_s: float
    problem: str = ""

    @property
    def markdown(self) -> str:
        """The document as Markdown, empty when it could not be read."""
        return document_to_markdown(self.document) if self.document else ""

    @property
    def recognised_pages(self) -> int:
        """How many pages' words were recognised in pictures."""
        pages = self.document.pages if self.document else ()
        return sum(page.confidence is not None for page in pages)


@dataclass(slots=True)
class ParsingBench:
    """Reads the files of a data folder, each once, and compares."""

    data: Path
    scorers: Path
    progress: Progress
    _read: dict[Path, Reading] = field(default_factory=dict)
    _loaded: dict[str, ModuleType] = field(default_factory=dict)
    scored: list[tuple[str, Path, float]] = field(default_factory=list)

    @property
    def _documents(self) -> Path:
        folder = self.data / "docs" if (self.data / "docs").is_dir() else self.data
        if not folder.is_dir():
            raise NotFoundError(f"There is no folder {folder}.", hint="Name the data folder.")
        return folder

    # -- the parts -----------------------------------------------------------------------------

    def tables(self) -> list[Measurement]:
        """Tables of PDFs whose cells people have written down (ICDAR 2013 competition)."""
        score = self._scorer("tables")
        pairs = [
            (gold, gold.with_name(gold.name.replace("-str.xml", ".pdf")))
            for gold in sorted((self._documents / "icdar2013-tables").glob("*-str.xml"))
        ]
        scores, failed = [], []
        for gold, path in pairs:
            if not path.is_file():
                continue
            reading = self.read(path)
            failed += [path.name] if reading.problem else []
            scores.append(score.score(score.load(str(gold)), score.from_html(_as_html(reading))))
            self.scored.append(("tables: cells", path, scores[-1]["cell_f1"]))
        if not scores:
            return []
        note = _note(len(scores), failed)
        return [
            _share("tables: cells", [s["cell_f1"] for s in scores], 0.80, f"F1, mean of {note}"),
            _pooled("tables: cells, pooled", scores, "cell_counts", 0.80),
            _share("tables: neighbours", [s["adj_f1"] for s in scores], None, "F1 of adjacency"),
        ]

    def invoices(self) -> list[Measurement]:
        """E-invoices: what their own XML says, in fields and words, and in the print alone."""
        paths = sorted((self._documents / "zugferd-de").glob("*.pdf"))
        counts: list[tuple[int, int, int, int]] = []
        failed = []
        for path in paths:
            truth = next(iter(sorted(path.parent.glob(f"{path.stem}*.xml"))), None)
            if truth is None:
                continue
            reading = self.read(path)
            failed += [path.name] if reading.problem else []
            counts.append(found_shares(facts_of(truth), reading.document))
            facts, in_fields, _, _ = counts[-1]
            self.scored.append(("invoices: facts as fields", path, in_fields / facts))
        if not counts:
            return []
        facts = sum(count[0] for count in counts)
        note = f"{facts} facts of {_note(len(counts), failed)}"
        return [
            Measurement(name, sum(c[index] for c in counts) / facts, "", note, at_least=goal)
            for index, name, goal in (
                (1, "invoices: facts as fields", 0.95),
                (2, "invoices: facts in the text", 0.95),
                (3, "invoices: facts without the XML", None),
            )
        ]

    def laws(self) -> list[Measurement]:
        """Laws as Word documents and PDFs, against the text they were made from."""
        folder = self._documents / "gesetze-generated"
        found = []
        for name, goal, paths in (
            ("laws: docx", 0.99, sorted(folder.glob("*.docx"))),
            ("laws: pdf, one column", 0.97, [p for p in _printed(folder) if "_" not in p.stem]),
            ("laws: pdf, two columns", 0.97, [p for p in _printed(folder) if "_" in p.stem]),
        ):
            pairs = [(p, p.with_name(p.stem.split("_")[0] + _REFERENCE)) for p in paths]
            found += self._similarity(name, pairs, goal)
        return found

    def scans(self) -> list[Measurement]:
        """Scanned pages and pictures of text, against their words."""
        laws = self._documents / "gesetze-generated"
        other = self._documents / "ocr"
        turned = self._documents / "docling" / "ocr"
        groups: dict[str, tuple[float | None, list[tuple[Path, Path]]]] = {
            "scans: laws": (
                0.02,
                [(p, p.with_name(f"{p.stem}.gt.txt")) for p in sorted(laws.glob("*_scan.pdf"))],
            ),
            "scans: docling, turned too": (
                None,
                [(p, turned / "ocr_test.gt.md") for p in sorted(turned.glob("ocr_test*.pdf"))],
            ),
            "pictures of text": (
                None,
                [
                    (p, p.with_suffix(".txt"))
                    for pattern in ("*.tif", "*.png")
                    for p in sorted(other.glob(pattern))
                    if p.with_suffix(".txt").is_file()
                ],
            ),
        }
        found = [
            each
            for name, (goal, pairs) in groups.items()
            for each in self._errors(name, pairs, goal)
        ]
        # The references of the laws gather the numbers of lists at the end of each page, where
        # the program that made them printed them.
        pairs = groups["scans: laws"][1]
        return [*found, *self._errors("scans: laws, words alone", pairs, None, _without_numbers)]

    def layout(self) -> list[Measurement]:
        """PDFs with docling's reference Markdown: text, words, headings and cells."""
        pairs = _with_references(self._documents / "docling" / "pdf", "*.pdf")
        odf = _with_references(
            self._documents / "docling" / "odf", "*.pdf", lambda p: p.name.removesuffix(".pdf")
        )
        return [
            *self._similarity("layout: text", pairs, 0.95),
            *self._similarity("layout: words", pairs, 0.97, key="bag_f1"),
            *self._similarity("layout: headings", pairs, 0.75, key="heading_f1"),
            *self._cells("layout: cells", pairs, 0.65),
            *self._similarity("layout: text of printed odt, odp", odf, None),
        ]

    def office(self) -> list[Measurement]:
        """Every other format, against docling's reference."""
        folder = self._documents / "docling"
        if not folder.is_dir():
            return []
        found = []
        for each in sorted(folder.iterdir()):
            if each.name in {"pdf", "ocr"} or not each.is_dir():
                continue
            pairs = [pair for pair in _with_references(each, "*") if pair[0].suffix != ".pdf"]
            found += self._similarity(f"office: {each.name}", pairs, _OFFICE_GOAL)
        return found

    def speed(self) -> list[Measurement]:
        """Processor time of what was read: PDF pages with text, and pages to recognise."""
        if not self._read:
            self.tables()
            self.scans()
        printed = [
            r for r in self._read.values()
            if r.document and r.path.suffix == ".pdf" and not r.recognised_pages
        ]  # fmt: skip
        scanned = [r for r in self._read.values() if r.recognised_pages]
        found: list[Measurement] = []
        pages = sum(r.document.page_count or 0 for r in printed if r.document)
        if pages:
            plain = ReadOptions(ocr_languages=())
            cpu = sum(read_file(r.path, plain).cpu_s for r in printed)
            note = f"{pages} pages of {len(printed)} PDFs with text, recognition off"
            found.append(Measurement("PDF pages", pages / cpu, "per CPU-s", note, at_least=40))
        for name, goal, readings in (
            ("recognition of scanned PDFs", 1.3, [r for r in scanned if r.path.suffix == ".pdf"]),
            ("recognition of pictures", None, [r for r in scanned if r.path.suffix != ".pdf"]),
        ):
            recognised = sum(r.recognised_pages for r in readings)
            if recognised:
                cpu = sum(r.cpu_s for r in readings) / recognised
                note = f"{recognised} pages of {len(readings)} files"
                found.append(Measurement(name, cpu, "CPU-s/page", note, at_most=goal))
        return found

    # -- reading and comparing -----------------------------------------------------------------

    def read(self, path: Path) -> Reading:
        """Read a file, or return what it was read as before."""
        if path not in self._read:
            self.progress(f"Reading {path.parent.name}/{path.name}.")
            self._read[path] = read_file(path)
        return self._read[path]

    def _similarity(
        self,
        name: str,
        pairs: Sequence[tuple[Path, Path]],
        goal: float | None,
        key: str = "text_similarity",
    ) -> list[Measurement]:
        score = self._scorer("markdown")
        values, failed = [], []
        for path, reference in pairs:
            reading = self.read(path)
            failed += [path.name] if reading.problem else []
            result = score.score(reference.read_text(encoding="utf-8"), reading.markdown)
            if key in result:
                values.append(float(result[key]))
                self.scored.append((name, path, values[-1]))
        return [_share(name, values, goal, _note(len(values), failed))] if values else []

    def _cells(
        self, name: str, pairs: Sequence[tuple[Path, Path]], goal: float
    ) -> list[Measurement]:
        score = self._scorer("tables")
        values = []
        for path, reference in pairs:
            gold = score.load(str(reference))
            if gold:
                predicted = score.from_markdown(self.read(path).markdown)
                values.append(float(score.score(gold, predicted)["cell_f1"]))
                self.scored.append((name, path, values[-1]))
        return [_share(name, values, goal, f"F1, mean of {len(values)} files")] if values else []

    def _errors(
        self,
        name: str,
        pairs: Sequence[tuple[Path, Path]],
        goal: float | None,
        compared: Callable[[str], str] = str,
    ) -> list[Measurement]:
        gold = {str(path): compared(ref.read_text(encoding="utf-8")) for path, ref in pairs}
        readings = [self.read(path) for path, _ in pairs]
        read = {str(r.path): compared(r.document.text) if r.document else "" for r in readings}
        if not gold:
            return []
        score = self._scorer("asr").score
        for path, words in gold.items():
            alone = score({path: words}, read)["all"]["cer"]
            self.scored.append((name, Path(path), float(alone)))
        rate = float(score(gold, read)["all"]["cer"])
        note = _note(len(pairs), [r.path.name for r in readings if r.problem])
        return [Measurement(name, rate, "CER", note, at_most=goal)]

    def _scorer(self, name: str) -> Any:
        """Return a scorer's module; raises NotFoundError when the folder has none."""
        if name not in self._loaded:
            path = self.scorers / f"{name}.py"
            spec = importlib.util.spec_from_file_location(f"kontor_scorer_{name}", path)
            if not path.is_file() or spec is None or spec.loader is None:
                raise NotFoundError(
                    f"There is no scorer {path}.", hint="Name their folder with --scorers."
                )
            module = importlib.util.module_from_spec(spec)
            sys.path.insert(0, str(self.scorers))
            try:
                spec.loader.exec_module(module)
            finally:
                sys.path.remove(str(self.scorers))
            self._loaded[name] = module
        return self._loaded[name]


PARTS: Mapping[str, Callable[[ParsingBench], list[Measurement]]] = {
    "tables": ParsingBench.tables,
    "invoices": ParsingBench.invoices,
    "laws": ParsingBench.laws,
    "scans": ParsingBench.scans,
    "layout": ParsingBench.layout,
    "office": ParsingBench.office,
    "speed": ParsingBench.speed,
}


def read_file(path: Path, options: ReadOptions = _USUAL) -> Reading:
    """Read one file; why it cannot be read is part of the answer."""
    with tempfile.TemporaryDirectory(prefix="kontor-") as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the parsers' libraries talk about the files
        started = time.process_time()
        try:
            media_type = detect(path, filename=path.name)
            parser = parser_for(media_type)
            source = Source(
                path=path,
                media_type=media_type,
                filename=path.name,
                files=Path(folder),
                options=options,
            )
            started = time.process_time()
            document = parser.parse(source)
        except KontorError as error:
            return Reading(path, None, time.process_time() - started, error.detail)
        return Reading(path, document, time.process_time() - started)


def _with_references(
    folder: Path, pattern: str, name_of: Callable[[Path], str] = lambda path: path.name
) -> list[tuple[Path, Path]]:
    """Return the files that have a reference Markdown beside them."""
    pairs = [(path, path.with_name(name_of(path) + _REFERENCE)) for path in folder.glob(pattern)]
    return sorted(
        (path, reference)
        for path, reference in pairs
        if reference.is_file() and not path.name.endswith(_REFERENCE)
    )


def _without_numbers(text: str) -> str:
    """Return a text without the numbers that stand alone, as those of lists and pages do."""
    return _NUMBER.sub(" ", text)


def _printed(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.glob("*.pdf")) if not path.stem.endswith("_scan")]


def _as_html(reading: Reading) -> str:
    """Write the tables with their spans, which Markdown cannot."""
    return tables_to_html(reading.document) if reading.document else ""


def _share(name: str, values: Sequence[float], goal: float | None, note: str) -> Measurement:
    return Measurement(name, sum(values) / len(values), "", note, at_least=goal)


def _pooled(
    name: str, scores: Sequence[Mapping[str, Sequence[int]]], key: str, goal: float
) -> Measurement:
    """Return F1 over all cells together, so that long tables count for more."""
    right, told, true = (sum(score[key][place] for score in scores) for place in range(3))
    return Measurement(name, 2 * right / (told + true), "", f"{true} cells, F1", at_least=goal)


def _note(count: int, failed: Sequence[str]) -> str:
    names = ", ".join(failed[:_SHOWN]) + (" …" if len(failed) > _SHOWN else "")
    return f"{count} files" + (f"; not read: {names}" if failed else "")
