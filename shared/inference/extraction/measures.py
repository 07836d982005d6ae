"""Numbers as people write them, and the units that a question about a number expects."""

from __future__ import annotations

import re

_DIGIT = re.compile(r"\d")
# Numbers inside words, as contracts and statutes write them: "fünfzigtausend", "sechsmonatig".
_WRITTEN = re.compile(
    r"""\w*(?:hundert|tausend|zehn|zwanzig|dreißig|vierzig|fünfzig|sechzig|siebzig|achtzig|neunzig)
    |(?:ein|zwei|drei|vier|fünf|sechs|sieben|acht|neun|zehn|elf|zwölf|halb|mehr)
    (?:(?:monatig|wöchig|jährig|stündig|tägig|fach)\w{0,2}|(?:und|ein)?halb|stel|tel|te[nrs]?)""",
    re.VERBOSE,
)

_TIMES = re.compile(
    r"""\b\w*mal\b|\b(?:times|once|twice|every)\b|\bjede[snrm]?\b
    |(?:jährlich|monatlich|täglich|wöchentlich)\b""",
    re.IGNORECASE | re.VERBOSE,
)
_AGE = re.compile(r"\b(?:jahre?n?|alt|years?|aged?|lebensjahre?s?)\b", re.IGNORECASE)
_SPAN = re.compile(
    r"""\b(?:sekunden?|minuten?|stunden?|\w*tage?[ns]?|\w*wochen?|\w*monat(?:e[ns]?|s)?
    |\w*jahre?[ns]?|jahrzehnte?n?|\w+(?:monatig|wöchig|jährig|stündig|tägig)\w{0,2}
    |(?:second|minute|hour|day|week|month|year|decade)s?|century|centuries)\b""",
    re.IGNORECASE | re.VERBOSE,
)
_SHARE = re.compile(
    r"%|\b(?:prozent|per ?cent|vom hundert|hälfte|half|drittel|viertel|third|quarter)\b",
    re.IGNORECASE,
)
_MONEY = re.compile(
    r"""[$€£¥]|\b(?:euro|dollars?|pfund|pounds?|cents?|million\w*|milliard\w*|billions?)\b
    |verdienst""",
    re.IGNORECASE | re.VERBOSE,
)
_EXTENT = re.compile(
    r"""\b(?:k?m|cm|mm|km/h|mph|ft|feet|foot|mi|miles?|acres?|(?:kilo)?met(?:er|re)\w*|meilen?
    |quadrat\w+|square|inch\w*|fuß|ha|hektar|km²|mi²|yards?)\b""",
    re.IGNORECASE | re.VERBOSE,
)
_CHARGE = re.compile(
    r"kosten|entgelt|gebühr|vergüt|zahl|skonto|rabatt|%|\b(?:free|charge|cost|pay|paid|fee)",
    re.IGNORECASE,
)
_COSTING = re.compile(
    r"\b(?:ge)?koste\w*|\bcost\w*|\b\w*(?:beitrag|gebühr|prämie)\b|\bfees?\b", re.IGNORECASE
)
_EXPECTED = (
    (re.compile(r"\bwie ?oft\b|\bhow (?:often|many times)\b", re.IGNORECASE), _TIMES),
    (re.compile(r"\bwie alt\b|\bhow old\b|\b(?:age|alter)\b", re.IGNORECASE), _AGE),
    (re.compile(r"\bwie lange?\b|\bhow long\b|(?:frist|dauer)\b", re.IGNORECASE), _SPAN),
    (re.compile(r"\b(?:prozent|percent|anteil|proportion|fraction)", re.IGNORECASE), _SHARE),
    (
        re.compile(
            r"""\bwie\ (?:viel\ geld|teuer)\b|\bwas\ kostet\w*|\bkosten\b|\b(?:cost|price|budget)
            |\bhow\ much\ (?:money|did|does|was|is|were)\b
            |(?:betrag|abfindung|bußgeld|geldbuße|kapital|beteiligung|entgelt|geld)\b""",
            re.IGNORECASE | re.VERBOSE,
        ),
        _MONEY,
    ),
    (
        re.compile(
            r"""\bwie\ (?:weit|hoch|groß|tief|breit|lang|schnell)\b
            |\bhow\ (?:far|high|tall|large|big|deep|wide|fast)\b
            |\b(?:length|height|width|area|distance|entfernung|höhe|länge|fläche)\b|abstand\b""",
            re.IGNORECASE | re.VERBOSE,
        ),
        _EXTENT,
    ),
)


def is_number(word: str) -> bool:
    """Whether a lower-case word has digits or is composed of a number."""
    return bool(_DIGIT.search(word) or _WRITTEN.fullmatch(word))


def asks_for_money(question: str) -> bool:
    """Whether a question asks for an amount of money."""
    return bool(_COSTING.search(question)) or any(
        said is _MONEY and asked.search(question) for asked, said in _EXPECTED
    )


def names_money(sentence: str) -> bool:
    """Whether a sentence speaks of money, or of what is free of charge."""
    return bool(_MONEY.search(sentence) or _CHARGE.search(sentence))


def names_unit(question: str, sentence: str) -> float:
    """Return 1 when a sentence names the unit that the question's number comes in, else 0.

    "How old" wants years, "how often" times, "how high is the fine" money.
    """
    return float(any(asked.search(question) and said.search(sentence) for asked, said in _EXPECTED))
