"""Subtitles (WebVTT and SubRip): who says what, and when."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass

from shared.files.cleaning import clean, one_line
from shared.files.decoding import read_text
from shared.ingestion.drafting import Draft
from shared.ingestion.model import ParsedDocument
from shared.ingestion.parsers.port import Source
from shared.kernel.errors import InvalidError

_TIMES = re.compile(
    r"^\s*((?:\d+:)?\d{1,2}:\d{2}[.,]\d{1,3})\s*-->\s*((?:\d+:)?\d{1,2}:\d{2}[.,]\d{1,3})"
)
_VOICE = re.compile(r"<v(?:\.[^\s>]*)?\s+([^>]+)>", re.IGNORECASE)
_TAG = re.compile(r"</?[A-Za-z0-9][^>]{0,200}>|<\d[^>]{0,40}>|\{\\[^}]{0,100}\}")
_BLANK = re.compile(r"\n[ \t]*\n\s*")
_PAUSE_S = 2.0
_LONGEST = 600


@dataclass(frozen=True, slots=True)
class _Cue:
    start_s: float
    end_s: float
    speaker: str
    words: str


class SubtitleParser:
    """Reads subtitles; cues of one speaker without a pause between them are one paragraph."""

    name = "subtitles"
    version = "1"
    media_types = frozenset({"text/vtt", "application/x-subrip"})

    def available(self) -> tuple[bool, str]:
        """Always: the reader is our own."""
        return True, ""

    def parse(self, source: Source) -> ParsedDocument:
        """Read the file; raises InvalidError when there is not one cue in it."""
        raw, encoding = read_text(source.path, filename=source.filename)
        cues = list(_cues(clean(raw)))
        if not cues:
            raise InvalidError(
                f"“{source.filename}” holds no subtitles.",
                hint="Each needs a line with its times, such as 00:01.000 --> 00:04.000.",
            )
        draft = Draft()
        for words, start_s in _paragraphs(cues):
            draft.paragraph(words)
            # Its first word leads to its place in the recording (W3C Media Fragments, section 4.2).
            draft.link(words.split(maxsplit=1)[0], f"#t={start_s:g}")
        source.progress(1, 1)
        return draft.finish(
            title=_title(raw),
            filename=source.filename,
            parser=self.name,
            parser_version=self.version,
            metadata={"encoding": encoding, "duration": _clock(max(cue.end_s for cue in cues))},
        )


def _cues(text: str) -> Iterator[_Cue]:
    for block in _BLANK.split(text):
        lines = block.split("\n")
        for number, line in enumerate(lines):
            times = _TIMES.match(line)
            if times:
                spoken = "\n".join(lines[number + 1 :])
                voice = _VOICE.search(spoken)
                words = one_line(html.unescape(_TAG.sub("", spoken)))
                if words:
                    speaker = one_line(voice.group(1)) if voice else ""
                    yield _Cue(_seconds(times[1]), _seconds(times[2]), speaker, words)
                break


def _paragraphs(cues: list[_Cue]) -> Iterator[tuple[str, float]]:
    """Join cues until the speaker changes, a pause comes, or a sentence ends late enough."""
    held: list[_Cue] = []
    speaker = ""
    for cue in cues:
        if held and (
            cue.speaker != held[0].speaker
            or cue.start_s - held[-1].end_s > _PAUSE_S
            or (sum(len(c.words) for c in held) > _LONGEST and held[-1].words[-1] in ".!?…")
        ):
            yield _joined(held, speaker), held[0].start_s
            speaker, held = held[0].speaker, []
        if not held or cue.words != held[-1].words:
            held.append(cue)
    if held:
        yield _joined(held, speaker), held[0].start_s


def _joined(cues: list[_Cue], former: str) -> str:
    """Return the words; who says them is named where the speaker changes."""
    words = " ".join(cue.words for cue in cues)
    speaker = cues[0].speaker
    return f"{speaker}: {words}" if speaker and speaker != former else words


def _seconds(time: str) -> float:
    total = 0.0
    for part in time.replace(",", ".").split(":"):
        total = total * 60 + float(part)
    return total


def _clock(seconds: float) -> str:
    whole = int(seconds)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def _title(raw: str) -> str:
    """Return the title behind the word WEBVTT, if there is one."""
    first = raw.lstrip("\ufeff").split("\n", 1)[0].strip()
    return first[6:].strip(" -\t") if first.startswith("WEBVTT") else ""
