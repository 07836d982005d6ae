"""Which language a text is in, so that search stems its words and answers speak it.

Function words decide; letters and word endings help where a short question has none. Words of
other European languages count against both, so French is ``simple`` and not poor English.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

Language = Literal["de", "en", "simple"]

_SAMPLE_CHARS = 20_000
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")


def _weights(**lists: str) -> dict[str, float]:
    """Map words to weights; the keyword ``w10`` stands for 1.0, ``w03`` for 0.3."""
    return {word: int(name[1:]) / 10 for name, words in lists.items() for word in words.split()}


# Words both languages (or their neighbours) share weigh little: "in", "was", "die", "so".
_GERMAN = _weights(
    w10="""der das und ist nicht ein eine einer eines einem einen mit für auf dem sich werden wird
        wurde wurden auch nach bei aus zur zum über vom durch oder kann können muss müssen soll
        sollen darf dürfen haben hatte sind war waren sein seine seiner ihre ihrer ihr wir ich sie
        wie wer wo wann warum welche welcher welches welchem welchen weshalb machen machte oft
        wieviel dass daß wenn weil als
        aber noch nur schon sehr mehr keine kein keiner dieser diese dieses diesem diesen jeder jede
        jedes zwischen unter gegen ohne seit vor während wegen unser unsere mein meine bitte gibt es
        ab bis beim ins im am von zu nämlich sowie sofern soweit insbesondere gemäß jedoch bereits
        heißt wem wen wessen dazu davon damit dabei darüber hierzu worden würde würden nichts etwas
        viele alle allen aller alles beträgt lautet steht stehen geregelt bedeutet gilt gelten""",
    w05="was",
    w03="die den des an in man so hat habe du er um also da doch mal ja nein will",
)
_ENGLISH = _weights(
    w10="""the of and is are were be been being to for with that this these those it its from by
        which who whom whose what when where why how does do did not have has had can could should
        would will shall may might must there their they them he she his her you your our we if
        then than because between after before under about into over through during any each every
        other such only also very more most some no nor but or on at as an i my me us tell show
        give explain list find many much long often isn't don't doesn't can't it's what's who's""",
    w06="was",
    w03="a in so all up out one",
)
_OTHERS = _weights(
    w10="""le la les et est une dans pour que qui sur avec pas au aux ce cette ces sont par plus ou
        où comment quel quelle quels pourquoi nous vous leur être avoir du
        el los las y en por con para una su sus al lo como más pero este esta son ser está qué
        cuál cómo dónde cuándo quién
        il di che per sono non gli della del dei nel alla come più anche questo questa è
        quale perché
        het een van niet zijn dat voor met op te aan er maar ook naar bij deze worden werd wat hoe
        waarom wie waar welke de ik je
        och att det som på är av till från inte jag vad hur varför vilken
        og på til af ikke jeg hvad hvordan hvorfor hvor hvilken å
        ja ei se että oli mutta kun mikä
        o os um uma não com dos das na no ao mais como mas foi
        nie jest się na do to z w że jak który co gdzie dlaczego
        ve bir bu için ile ne nasıl neden""",
)
# Endings that survive without any function word, for questions such as "Kündigungsfrist Miete".
_GERMAN_SHAPE = re.compile(
    r"(?:ung|ungen|keit|keiten|heit|heiten|schaft|schaften|lich|liche|lichen|licher|isch|ische"
    r"|ischen|tät|frist|recht|gesetz|pflicht|steuer|vertrag|kosten|nis|haft|bar|zeug|stand"
    r"|ieren|iert|eur|tag|zeit|zahl|ß\w*)$|sch|pf|ck|tz|[äöüß]|eu|ä"
)
_ENGLISH_SHAPE = re.compile(
    r"(?:ing|ings|ness|ment|ments|tion|tions|sion|ity|ities|ly|ous|able|ible|ful|less|ship|ships"
    r"|ed|ies|ence|ance|ology|ics|er's|'s|ists?|ary|al|als|ive|ess)$|th|wh|oo|ea|ee|ough|ow|qu|sh|y"
)
_FOREIGN_SHAPE = re.compile(r"[éèêçñãõåøæłšžčřęąıığőűœìòùâîôûëï¿¡]")


def detect_language(text: str) -> Language:
    """Return ``de``, ``en``, or ``simple`` when it is neither or cannot be told.

    Deterministic; reads at most the first 20,000 characters. ``simple`` names the search
    configuration that does not stem.
    """
    sample = unicodedata.normalize("NFC", text[:_SAMPLE_CHARS])
    words = _WORD.findall(sample)
    if not words or not _is_latin(words):
        return "simple"
    lowered = [word.lower().replace("’", "'") for word in words]
    german = sum(_GERMAN.get(word, 0.0) for word in lowered)
    english = sum(_ENGLISH.get(word, 0.0) for word in lowered)
    others = sum(_OTHERS.get(word, 0.0) for word in lowered)
    if len(lowered) <= _SHORT or german + english + others < _SPARSE * len(lowered):
        german += _SHAPE_WEIGHT * sum(bool(_GERMAN_SHAPE.search(w)) for w in lowered)
        german += _NOUN_WEIGHT * _inner_capitals(sample)
        english += _SHAPE_WEIGHT * sum(bool(_ENGLISH_SHAPE.search(w)) for w in lowered)
    others += _SHAPE_WEIGHT * 2 * sum(bool(_FOREIGN_SHAPE.search(w)) for w in lowered)
    return _verdict(german, english, others, len(lowered))


_SHORT = 14
_SPARSE = 0.12
_SHAPE_WEIGHT = 0.35
_NOUN_WEIGHT = 0.12
_LEAST_SHARE = 0.06
_LATIN_SHARE = 0.6


def _verdict(german: float, english: float, others: float, count: int) -> Language:
    """Pick the clear winner: strong enough for the length, and ahead of both rivals."""
    best: Language = "de" if german > english else "en"
    score, rival = max(german, english), min(german, english)
    if score < max(0.3, _LEAST_SHARE * count) or score == rival or others > score:
        return "simple"
    return best


def _is_latin(words: list[str]) -> bool:
    letters = "".join(words)
    latin = sum(1 for letter in letters if letter < "\u0250")
    return latin >= _LATIN_SHARE * len(letters)


def _inner_capitals(sample: str) -> int:
    """Count capitalised words after a lower-case one: German nouns stand in mid-sentence."""
    return len(re.findall(r"(?<=[a-zäöüß] )[A-ZÄÖÜ][a-zäöüß]{2,}", sample))
