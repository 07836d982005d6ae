"""What a question asks for, in German and English, and whether a sentence could say it."""

from __future__ import annotations

import re
from typing import Literal

from shared.inference.extraction.measures import is_number
from shared.inference.stemming import stem, words

Kind = Literal[
    "number", "date", "person", "place", "reason", "name", "definition", "manner", "other"
]

# Words that carry a sentence's grammar, not its subject.
_FUNCTION_WORDS = """
    a an and are as at be been being by can could did do does for from had has have how i if in
    into is it its many me much my no not of on or our shall should so such than that the their
    them then there these they this those to us was we were what when where which who whom whose
    why will with would you your about tell give show please explain he she
    ab aber als also am an auch auf aus bei beim bin bis bist da damit dann das dass dem den der
    des die dies diese diesem diesen dieser dieses doch du durch ein eine einem einen einer eines
    er es für gibt hat hatte hatten habe haben ich ihr ihre im in ins ist ja kann können kein keine
    man mein mich mir mit muss müssen nach nenne nennen nicht noch nun nur ob oder sich sie sind
    so soll über um und uns unter viel viele vielen vom von vor war waren warum was wegen welche
    welchem welchen welcher welches wem wen wenn wer werden wessen wie wieso wir wird wo wofür
    wohin woher worden wozu wurde wurden zu zum zur zwischen erkläre zeige bitte heißt sein
    seine seinen darf dürfen sollte sollen möchte"""
FUNCTION_WORDS = frozenset(_FUNCTION_WORDS.split())

_PATTERNS: dict[str, list[tuple[Kind, re.Pattern[str]]]] = {
    "en": [
        ("date", re.compile(r"\b(?:what|which) (?:year|date|day|month|century|decade|time)\b")),
        ("date", re.compile(r"\bwhen\b|\bhow long ago\b|\b(?:deadline|due date)\b")),
        (
            "number",
            re.compile(
                r"\bhow (?:many|much|long|far|old|tall|large|big|high|often|deep|heavy|fast|wide)\b"
                r"|\b(?:what|which) (?:percent|percentage|number|amount|age|price|share|proportion"
                r"|size|length|height|score|fraction|rate|fee|cost|temperature)\b"
                r"|\bwhat (?:is|was|are|were) the (?:\w+ ){0,2}(?:number|price|cost|fee|amount"
                r"|percentage|population|length|height|age|rate|sum|total)\b"
            ),
        ),
        ("person", re.compile(r"\bwho(?:se|m)?\b")),
        (
            "place",
            re.compile(
                r"\bwhere\b|\b(?:what|which) (?:city|country|state|place|town|region|river"
                r"|county|location|continent|venue|stadium)\b"
            ),
        ),
        ("reason", re.compile(r"\bwhy\b|\bfor what reason\b|\bwhat (?:caused|causes)\b")),
    ],
    "de": [
        ("date", re.compile(r"\bwelche[smnr]? (?:jahr\w*|datum|tag\w*|monat\w*|jahrzehnt)\b")),
        ("date", re.compile(r"\b(?:wann|seit wann|bis wann)\b|\bwelche[smnr]? jahrhundert\w*\b")),
        (
            "number",
            re.compile(
                r"\bwie ?(?:viele?[nrms]?|lange?|alt|hoch|groß|weit|oft|tief|schwer|schnell|breit"
                r"|teuer)\b|\bwelche[rnsm]? (?:anzahl|prozentsatz|zahl|anteil|betrag|preis|höhe"
                r"|alter|größe|frist|temperatur|menge)\b|\bprozent\b|\b(?:wie hoch|was kostet)\b"
            ),
        ),
        ("person", re.compile(r"\bwe(?:r|n|m|ssen)\b")),
        (
            "place",
            re.compile(
                r"\bwo(?:hin|her)?\b|\bwelche[rmsn]? (?:stadt|land|staat|ort|region|fluss|bezirk"
                r"|gebiet|kontinent|stadion)\b"
            ),
        ),
        ("reason", re.compile(r"\b(?:warum|weshalb|wieso|aus welchem grund)\b")),
    ],
}
# What is asked beyond a question word: found by the whole wording, only when that says nothing.
_WORDINGS: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    (
        "name",
        re.compile(
            r"\b(?:what|which) (?:is|was|are|were)(?: \w+){0,3}? (?:name|term|title|nickname)\b"
            r"|\b(?:called|named|known as|termed|referred to as|nickname\w*)\b"
            r"|\bwie (?:heiß\w+|hieß\w*|laute\w*|nennt|nannte)"
            r"|\b(?:name|begriff|bezeichnung|spitzname|genannt|bezeichnet)\b"
        ),
    ),
    (
        "definition",
        re.compile(
            r"^\W*(?:(?:what (?:is|are|was|were)|who (?:is|was)) (?:an? |the )?"
            r"[\w-]+(?: [\w-]+)?\W*$"
            r"|(?:was|wer) (?:ist|sind|war|waren) (?:eine?n? |der |die |das )?"
            r"[\w-]+(?: [\w-]+)?\W*$"
            r"|what (?:does .* mean|is meant by)|was (?:bedeutet|versteht man|heißt)|define\b)"
        ),
    ),
    (
        "manner",
        re.compile(
            r"\bhow (?:did|do|does|was|were|is|are|can|could|has|have)\b"
            r"|^\W*wie (?:\w+te|\w+ten|wird|wurde\w*|werden|kann|können|hat|haben|ist|sind"
            r"|funktioniert)\b"
        ),
    ),
)
_ENGLISH_NUMERALS = """
    one two three four five six seven eight nine ten eleven twelve twenty thirty forty fifty
    hundred hundreds thousand thousands million millions billion billions first second third
    half dozen quarter twice once double none"""
_GERMAN_NUMERALS = """
    eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf zwanzig
    dreißig vierzig fünfzig hundert hunderte tausend tausende million millionen milliarde
    milliarden erste zweite dritte hälfte drittel viertel doppelt einmal zweimal kein
    keine"""
_NUMERALS = {
    "en": frozenset(_ENGLISH_NUMERALS.split()),
    "de": frozenset(_GERMAN_NUMERALS.split()),
}
_DIGIT = re.compile(r"\d")
_DATE = re.compile(
    r"\b1\d{3}\b|\b20\d{2}\b|\b\d{1,2}\.\s?\d{1,2}\.\s?\d{2,4}\b"
    r"|\b(?:January|February|March|April|May|June|July|August|September|October|November|December"
    r"|Januar|Jänner|Februar|März|Mai|Juni|Juli|Oktober|Dezember|century|centuries|decade"
    r"|Jahrhunderts?|Jahrzehnt\w*|Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday"
    r"|Montag|Dienstag|Mittwoch|Donnerstag|Freitag|Samstag|Sonntag)\b"
)
_TIME_OF_DAY = re.compile(
    r"\b\d{1,2}[.:]\d{2}\b(?!\.)|\b\d{4}-\d{2}-\d{2}\b|\b\d{1,2}\s?(?:Uhr|a\.?m\.?|p\.?m\.?)\b"
)
_SPAN = re.compile(
    r"\b(?:days?|weeks?|months?|years?|immediately|tag\w{0,2}|wochen?|monat\w{0,2}|jahr\w{0,2}"
    r"|werktag\w{0,2}|unverzüglich|sofort|\w+(?:monatig|wöchig|jährig|tägig)\w{0,2}|lebensjahr\w*)\b",
    re.IGNORECASE,
)
_REASON = re.compile(
    r"\b(?:because|since|due to|therefore|as a result|in order to|so that|caused?|reasons?"
    r"|weil|da|denn|wegen|aufgrund|daher|deshalb|damit|um|infolge|grund|gründe)\b",
    re.IGNORECASE,
)
_NAMING = re.compile(
    r"\b(?:called|named|name|known as|termed|term|dubbed|referred to as|nicknamed|titled|genannt"
    r"|nennt|nannte\w*|bezeichnet\w*|bekannt als|namens|name|titel|begriff|heißt|sogenannt\w*"
    r"|umbenannt)\b|[\"“„«»‘]",
    re.IGNORECASE,
)
_DEFINING = re.compile(
    r"\b(?:is|are|was|were|means|refers to|ist|sind|war|waren|bezeichnet|bedeutet|heißt|gilt als"
    r"|gelten als|im sinne)\b",
    re.IGNORECASE,
)
_MANNER = re.compile(
    r"\b(?:by|through|via|using|with|indem|durch|mittels|mithilfe|mit)\b", re.IGNORECASE
)
_SUBJECT_BEGINS = 5
_COUNTED = re.compile(r"\b(?:how many|wie ?viele[nr]?)\s+(?:\w+\s+)??(\w{3,})")
# Numbers that name a place in a text, not a quantity: "§ 20 Absatz 2", "(4)", "page 3".
_REFERENCE = re.compile(
    r"(?:§§?|\b(?:art\.?|artikels?|articles?|abs\.|abs[aä]tz\w*|s[aä]tz(?:e[sn]?)?|nr\.?|nummer|kapitel"
    r"|abschnitts?|seite|sections?|chapter|page|figure|table|abbildung|tabelle|anlage|annex))\s*"
    r"\d+\w*(?:\s*(?:,|und|and|bis|to|–|-|/)\s*\d+\w*)*|^(?:\s*\(?\d+\w?[.)]\s)+|\b\d{4}/\d+\b|\b\d+/\d{4}\b",
    re.IGNORECASE,
)
_NEAR = 4
_HEAD = 4  # letters: "Urlaubstage" are counted in "Werktage"
_ENDINGS = ("ungen", "heiten", "keiten", "schaften", "ionen", "nisse", "innen", "isten", "ismen")
_NUMBER_ELSEWHERE = 0.6
_NO_DATE = 0.3
# "When may he leave?" asks for a condition as often as for a day.
_CONDITION = re.compile(
    r"\b(?:if|when|unless|provided|wenn|sofern|falls|soweit|sobald)\b", re.IGNORECASE
)
_CONDITIONAL = 0.5
_CAPITALISED = re.compile(r"\b[A-ZÄÖÜ][\w'’-]+")
# German writes every noun with a capital, so it takes more of them to hint at a name.
_NAMES_EXPECTED = {"de": 4, "en": 2}


def kind_of(question: str, language: str) -> Kind:
    """Tell what a question asks for by its first question word; ``simple`` tries both languages."""
    lowered = question.lower()
    found: list[tuple[int, int, Kind]] = []
    for tongue in (language,) if language in _PATTERNS else ("en", "de"):
        for order, (kind, pattern) in enumerate(_PATTERNS[tongue]):
            if match := pattern.search(lowered):
                found.append((match.start(), order, kind))
    if found:
        return min(found)[2]
    return next((kind for kind, pattern in _WORDINGS if pattern.search(lowered)), "other")


# Words that say which kind of answer is wanted; texts seldom repeat them.
_ASKING_WORDS = """
    name names named called term terms type types kind kinds word words known many number amount
    year years date form forms sort thing things example way ways used use definition mean meant
    begriff begriffe bezeichnung namen art arten typ typen heißen hieß lautet lauten genannt
    bezeichnet bekannt jahr jahre jahren wort form formen beispiel weise anzahl bedeutet
    versteht"""
_ASKING = frozenset(_ASKING_WORDS.split())
_FOCUS = re.compile(
    r"\b(?:what|which)\s+(\w+(?:\s+\w+)?)|\bwelche[rnsm]?\s+(\w+(?:\s+\w+)?)", re.IGNORECASE
)
_SHORTEST_FOCUS = 3


def subject_of(question: str) -> list[str]:
    """Return the question's words without those that carry its grammar or name the answer's kind.

    When nothing is left, the latter are what is asked about.
    """
    telling = [word for word in words(question) if word not in FUNCTION_WORDS]
    return [word for word in telling if word not in _ASKING] or telling


def focus_of(question: str) -> list[str]:
    """Return the words that a "which …" asks to fill in: "which French king" gives both."""
    match = _FOCUS.search(question)
    if match is None:
        return []
    asked = words(match.group(1) or match.group(2))
    return [word for word in asked if len(word) >= _SHORTEST_FOCUS and word in subject_of(question)]


def fits(kind: Kind, sentence: str, *, question: str, language: str) -> float:
    """Say from 0 to 1 how well a sentence could hold that kind of answer; 0.5 when anything could.

    Names count only where the question does not already contain them; section and page numbers
    count neither as quantities nor as dates.
    """
    sentence = _REFERENCE.sub(" ", sentence)
    if kind == "number":
        return _holds_number(sentence, question, language)
    if kind == "date":
        return _holds_date(sentence)
    if kind in {"person", "place"}:
        asked = set(words(question))
        names = {
            name
            for name in map(str.lower, _CAPITALISED.findall(sentence))
            if name not in asked and name not in FUNCTION_WORDS
        }
        return min(1.0, len(names) / _NAMES_EXPECTED.get(language, 2))
    if kind in _SIGNS or kind == "definition":
        is_said = (
            _defines(sentence, question) if kind == "definition" else _SIGNS[kind].search(sentence)
        )
        return 1.0 if is_said else _NO_SIGN
    return 0.5


_SIGNS: dict[str, re.Pattern[str]] = {"reason": _REASON, "name": _NAMING, "manner": _MANNER}
_NO_SIGN = 0.3


def _defines(sentence: str, question: str) -> bool:
    """Whether a sentence begins with what is asked about and says what that is."""
    opening = words(sentence)[:_SUBJECT_BEGINS]
    asked = set(subject_of(question))
    return bool(_DEFINING.search(sentence)) and any(
        word.startswith(each[:-1]) or each.startswith(word[:-1])
        for word in opening
        for each in asked
        if len(word) > _SHORTEST_FOCUS and len(each) > _SHORTEST_FOCUS
    )


def holds_moment(value: str) -> bool:
    """Whether a field's value could say when: a date, a time of day, a span or a condition."""
    return bool(_DATE.search(value) or _TIME_OF_DAY.search(value) or _SPAN.search(value))


def _holds_date(sentence: str) -> float:
    if _DATE.search(sentence):
        return 1.0
    if _CONDITION.search(sentence):
        return _CONDITIONAL
    return _NO_DATE if _DIGIT.search(sentence) or _SPAN.search(sentence) else 0.0


def _holds_number(sentence: str, question: str, language: str) -> float:
    """Give 1 for a number beside the thing counted ("four nations"), less for one elsewhere."""
    numerals = _NUMERALS.get(language, _NUMERALS["en"] | _NUMERALS["de"])
    said = words(sentence)
    places = [i for i, word in enumerate(said) if word in numerals or is_number(word)]
    if not places:
        return 0.0
    counted = _COUNTED.search(question.lower())
    if counted is None:
        return 1.0
    thing = counted.group(1)
    near = [word for i in places for word in said[i + 1 : i + 1 + _NEAR]]
    is_beside = any(_are_alike(thing, word, language) for word in near)
    return 1.0 if is_beside else _NUMBER_ELSEWHERE


def _are_alike(one: str, other: str, language: str) -> bool:
    """Whether two words are the same thing: one stem, or in German compounds of one head."""
    if stem(one, language) == stem(other, language):
        return True
    if language != "de" or one.endswith(_ENDINGS):
        return False
    return one[-_HEAD:] == other[-_HEAD:]
