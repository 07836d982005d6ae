"""Where sentences begin and end in German and English, statutes and abbreviations included.

Chunks are cut here and answers quote whole sentences, so a cut after "Abs." or "z. B." would
show. The rule: a full stop ends a sentence unless what stands before it is an abbreviation, an
initial or a German ordinal, or what follows goes on in lower case.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_CLOSERS = "\"'”“’»«›)\\]}"
_STOP = re.compile(rf"[.!?…]+[{_CLOSERS}]*(?=\s|$)|[。！？]+[」』）]*|[:;](?=\n)")
_PARAGRAPH = re.compile(r"\n[ \t]*\n")
_BULLET = re.compile(
    r"(?:[-*•‣▪●○◦·■–—]|\(?(?:\d{1,3}|[a-zA-Z]{1,2}|[ivxIVX]{1,5})[.)]|\(\d{1,3}\)|§+)\s"
)
_LAST_WORD = re.compile(r"[\w§&/'’-]+(?:\.[\w'’-]+)*$")
_NEXT = re.compile(r"\s*[\"'“„»«‚‘(\[]*(\w+)")
_NUMBER = re.compile(r"\d{1,3}$")
_DOTTED = re.compile(r"(?:[a-zäöü]\.)+[a-zäöü]")
_ROMAN = re.compile(r"[IVXLCDM]+$")


def _words(listed: str) -> frozenset[str]:
    """Read a list of words separated by white space."""
    return frozenset(listed.split())


# Never the end of a sentence, whatever follows.
_GERMAN = _words(
    """abs abschn absch anl anm ant artt aufl ausg bd bde bearb begr beisp bsp bspw bzgl bzw ca chr
    dgl dipl dipl.-ing dr ebd ehem einschl entspr erg evtl exkl ff fa fig fn frhr geb gem gest ggf
    ggü hinw hl hrsg hs inkl insb insbes kgl lfd lit lt mind mio mrd mtl nachf nr nrn o.g pkt prof
    randnr rd rdnr rn rspr rz s sog st str u.a u.u unterabs urt v.a verf verz vgl vorbem z.b z.t
    z.zt zit ziff zzgl zz z d.h i.d.r i.s.d i.v.m i.s.v s.o s.u o.ä u.ä m.w.n a.a.o mr mrs vs"""
)
_ENGLISH = _words(
    """approx apr assoc aug capt cf ch col dec dept dr ed eds e.g eq eqs esp est feb fig figs gen
    gov hon i.e jan lt maj messrs mr mrs ms mt nov oct op para paras pp prof ref refs rep rev sen
    sep sept sgt st univ viz vol vols vs resp"""
)
# Words of their own too, abbreviations only before a figure: "Art. 14", but "dieser Art. Er".
_BEFORE_FIGURES = _words("art kap tab tel max min std satz bes no nos sec p ver pl ab")
# Often the last word of a sentence too: the end only when the next word can begin one.
_OFTEN_LAST = _words("etc usw al inc ltd co corp jr sr u.s u.k e.v a.m p.m d.c uvm gmbh")
_LOWER_STARTERS = re.compile(r"[a-zäöüß]")
_MONTHS = _words(
    """januar jänner februar märz april mai juni juli august september oktober november dezember
    jahrhundert jahrhunderts jh quartal halbjahr klasse"""
)
# Words that begin a German sentence after a number more often than they continue an ordinal.
_STARTERS = _words(
    """der die das den dem des ein eine einer eines es er sie wir ich ihr im in am an auf aus bei
    für mit nach von vor zu zum zur über unter durch dies diese dieser dieses dabei danach daher
    dann doch aber und oder als wenn weil da so hier auch sind ist hat wird werden kann soll alle
    jede jeder jedes kein keine nur bis seit wer was wie wo wann warum"""
)
_STARTERS_EN = _words(
    """the a an this that these those it its he she they we you i there here in on at for with from
    by to as and but or nor so yet if when while although though because since after before our
    your his her their my what which who where why how no not all both each every some any many
    most once now then thus hence however therefore moreover finally also only one two three
    such other another please see under over during do does did is are was were has have had can
    could may might must shall should will would let"""
)


def sentences(text: str, language: str) -> list[tuple[int, int]]:
    """Return the spans of the sentences in order, white space around them left out.

    Every character that is not white space lies in exactly one span. Blank lines and lines that
    begin with a bullet, a table row or a section sign always begin a new sentence; other line
    breaks are treated as spaces. ``language`` is ``de``, ``en`` or ``simple``.
    """
    spans = []
    for start, end in _lines(text):
        begin = start
        for stop in _stops(text, start, end, language):
            spans.append((begin, stop))
            begin = stop
        spans.append((begin, end))
    return [span for start, end in spans if (span := _trimmed(text, start, end))]


def begins_item(text: str) -> bool:
    """Whether a text begins as an item of a list does: with a bullet, a number or a letter."""
    return bool(_BULLET.match(text.lstrip()))


def _lines(text: str) -> Iterator[tuple[int, int]]:
    """Yield stretches in which a sentence may run over line breaks."""
    start = 0
    for match in re.finditer(r"\n", text):
        position = match.end()
        if _breaks(text, start, position):
            yield start, match.start()
            start = position
    yield start, len(text)


def _breaks(text: str, start: int, position: int) -> bool:
    """Whether the line that begins at ``position`` begins something new."""
    line_end = text.find("\n", position)
    following = text[position : line_end if line_end >= 0 else len(text)]
    line_start = max(start, text.rfind("\n", start, position - 1) + 1)
    ended = text[line_start : position - 1]
    if not following.strip() or not ended.strip():
        return True
    if " | " in following or " | " in ended:
        return True
    return bool(_BULLET.match(following.lstrip()))


def _stops(text: str, start: int, end: int, language: str) -> Iterator[int]:
    for match in _STOP.finditer(text, start, end):
        if match.end() < end and _is_end(text, start, match, language):
            yield match.end()


def _is_end(text: str, start: int, match: re.Match[str], language: str) -> bool:
    mark = match.group()
    if mark[0] != ".":
        return mark[0] in "。！？:;" or not _continues(text, match.end())
    if mark.startswith(("..", ".…")):
        return not _continues(text, match.end())
    before = _LAST_WORD.search(text[max(start, match.start() - 40) : match.start()])
    word = before.group() if before else ""
    following = _NEXT.match(text, match.end())
    after = following.group(1) if following else ""
    if _continues(text, match.end()):
        return False
    if len(mark) > 1 and mark[-1] in ")]" and _is_abbreviation(word, after, language):
        return True
    return _ends_after(word, after, text[start : match.start()], language)


def _ends_after(word: str, after: str, sentence: str, language: str) -> bool:
    """Whether a full stop between two words ends the sentence."""
    lowered = word.lower()
    if lowered in _OFTEN_LAST:
        return after.lower() in (_STARTERS if language == "de" else _STARTERS_EN)
    if _is_abbreviation(word, after, language):
        return False
    if sentence.strip() == word and _NUMBER.match(word):
        return False
    if _NUMBER.match(word) and language == "de":
        return not _is_ordinal(after, sentence)
    if _ROMAN.match(word) and language == "de" and len(word) > 1:
        return after.lower() in _STARTERS
    return True


def _is_abbreviation(word: str, after: str, language: str) -> bool:
    lowered = word.lower()
    known = _ENGLISH if language == "en" else _GERMAN if language == "de" else _GERMAN | _ENGLISH
    if lowered in known or lowered.rsplit("-", 1)[-1] in known:
        return True
    if lowered in _BEFORE_FIGURES:
        return after[:1].isdigit() or bool(_ROMAN.match(after))
    if len(word) == 1 and word.isalpha():
        return word != "I"
    return bool(_DOTTED.fullmatch(lowered))


def _is_ordinal(after: str, sentence: str) -> bool:
    """Whether a German number with a stop goes on: "3. Oktober", "die 2. Auflage"."""
    if after.lower() in _MONTHS:
        return True
    if not after or after.lower() in _STARTERS:
        return False
    before = re.search(r"(\w+)\s+\d{1,3}$", sentence)
    return bool(before) and before.group(1).lower() in _ORDINAL_LEADS  # type: ignore[union-attr]


_ORDINAL_LEADS = _words(
    """der die das den dem des am im zum zur vom beim ein eine einer einem einen jeder jede jedes
    jeden seine ihre seiner ihrer seinem ihrem bis ab seit und oder dieser diese diesem"""
)


def _continues(text: str, position: int) -> bool:
    following = _NEXT.match(text, position)
    return bool(following) and bool(_LOWER_STARTERS.match(following.group(1)))  # type: ignore[union-attr]


def _trimmed(text: str, start: int, end: int) -> tuple[int, int] | None:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return (start, end) if end > start else None
