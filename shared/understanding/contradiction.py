"""Whether a sentence says something else than its source although the words are alike.

Overlap and embeddings cannot tell "is allowed" from "is not allowed", 14 days from 28, or who
pays whom. These checks can: polarity clause by clause, figures with their units and their
surroundings, names, and words that are counterparts of each other. Each only ever refuses.
"""

from __future__ import annotations

import re

from shared.inference.stemming import stem, stems
from shared.understanding.model import VERBS, words_of


def _table(listed: str) -> dict[str, str]:
    """Read "one two = name; …" into a mapping of each word to its name."""
    found = {}
    for entry in listed.split(";"):
        words, _, name = entry.partition("=")
        found.update(dict.fromkeys(words.split(), name.strip()))
    return found


_NUMBER_WORDS = _table(
    """null zero = 0; eins one = 1; zwei two zweimal twice = 2; drei three dreimal = 3;
    vier four = 4; fünf five = 5; sechs six = 6; sieben seven = 7; acht eight = 8; neun nine = 9;
    zehn ten = 10; elf eleven = 11; zwölf twelve = 12; fünfzehn fifteen = 15; zwanzig twenty = 20;
    dreißig thirty = 30; vierzig forty = 40; fünfzig fifty = 50; sechzig sixty = 60;
    hundert hundred = 100; tausend thousand = 1000"""
)
_UNITS = _table(
    """sekunde sekunden second seconds = second; minute minuten minutes = minute;
    stunde stunden hour hours = hour; tag tage tagen tages day days = day;
    werktag werktage werktagen workday workdays = workday;
    woche wochen week weeks = week; monat monate monaten monats month months = month;
    quartal quartale quarter quarters = quarter; jahr jahre jahren jahres year years = year;
    euro euros eur € = euro; dollar dollars usd $ = dollar; cent cents = cent;
    prozent percent % = percent; meter metern metres meters m = metre;
    kilometer kilometern km kilometres kilometers = kilometre; kilogramm kg kilogram = kilogram;
    grad degrees = degree; seiten seite page pages = page"""
)
# "am" is a preposition in German, and in "7 am" in English.
_VERBS = VERBS - {"am"}
_BOUNDS = [
    (re.compile(r"\b(?:no|not) more than\b", re.IGNORECASE), "at most"),
    (re.compile(r"\b(?:no|not) (?:less|fewer) than\b", re.IGNORECASE), "at least"),
    (re.compile(r"\bnicht mehr als\b", re.IGNORECASE), "höchstens"),
    (re.compile(r"\bnicht weniger als\b", re.IGNORECASE), "mindestens"),
]
_MONTHS = _table(
    """januar jänner january jan = 1; februar february feb = 2; märz march = 3; april apr = 4;
    mai may = 5; juni june = 6; juli july = 7; august aug = 8; september sept = 9;
    oktober october oct = 10; november nov = 11; dezember december dec = 12"""
)
_NEGATIONS = words_of(
    """nicht kein keine keinen keinem keiner keines nie niemals niemand weder nirgends ohne nichts
    not no never neither nor without none nobody nothing cannot"""
)
# Opposites: one in the claim against the other in the source turns the meaning round.
_OPPOSITES = [
    tuple(frozenset(side.split()) for side in pair.split("|"))
    for pair in (
        "erlaubt gestattet zulässig dürfen darf | verboten untersagt unzulässig",
        "allowed permitted legal may | forbidden prohibited banned illegal",
        "mindestens wenigstens mindest | höchstens maximal allenfalls",
        "least minimum | most maximum",
        "vor before | nach after danach",
        "mehr more higher höher | weniger less fewer lower niedriger",
        "steigt stieg erhöht gestiegen wächst | sinkt sank senkt gesenkt gesunken fällt",
        "increase increased increases rise rose rises grew | decrease decreased decreases fell",
        "immer stets always | nie niemals never",
        "gültig wirksam valid effective | ungültig unwirksam nichtig invalid void ineffective",
        "kostenlos unentgeltlich free | kostenpflichtig entgeltlich charged",
        "möglich possible | unmöglich impossible",
        "pflicht verpflichtend muss müssen mandatory required must | freiwillig optional",
        "angenommen genehmigt approved accepted granted | abgelehnt verweigert rejected denied",
        "öffnet geöffnet offen open opens | schließt geschlossen closed closes",
        "beginnt begins starts | endet ends",
        "käufer buyer | verkäufer seller",
        "mieter mieterin tenant | vermieter vermieterin landlord",
        "bezahlt paid | unbezahlt unpaid",
        "befristet temporary | unbefristet permanent",
        "schriftlich written | mündlich oral orally",
        "gewann won | verlor lost",
    )
]
_CLAUSE = re.compile(
    r"(?:[,;:–—]|\s(?:und|aber|oder|sondern|jedoch|wobei|während|and|but|or|while|whereas|although)"
    r"\s)",
    re.IGNORECASE,
)
_PART = re.compile(r"(?<=[.!?;])\s+|,\s+(?=\w+ \w+ \w+)|\s+(?:aber|jedoch|sondern|but)\s+")
_SPANS = {
    word: unit
    for word, unit in _UNITS.items()
    if unit in {"second", "minute", "hour", "day", "workday", "week", "month", "quarter", "year"}
}
_TOKEN = re.compile(r"\d+(?:[.,:]\d+)*|[^\W\d_]+(?:['’-][^\W\d_]+)*|[€$%]")
_LEAST_OVERLAP = 0.75
_SAME_WORDS = 0.6
_ALIKE = 0.5
_HEADS = words_of(
    """the a an der die das den dem des ein eine einen einem einer eines dieser diese dieses diesem
    diesen jeder jede jedes jeden kein keine keinen im am zum zur beim vom ins seine ihre alle
    each every any all their his her its our your my"""
)


def contradicts(claim: str, source: str, passage: str, *, language: str) -> bool:
    """Tell whether ``claim`` says something else than ``source``, a few sentences of ``passage``.

    Both are in ``language``, or for names, figures and polarity in any.
    """
    return (
        not _figures_agree(claim, source, language)
        or _spans_differ(claim, source)
        or _turns_meaning(claim, source, language)
        or _names_differ(claim, source, passage, language)
        or _is_counterpart(claim, source, language)
        or _order_differs(claim, source)
    )


def figures(text: str) -> list[tuple[str, str]]:
    """List the figures of a text with their units: ("3", "month"), ("1954", "")."""
    tokens = _TOKEN.findall(text)
    found = []
    for at, token in enumerate(tokens):
        number = _value(token)
        if number is None:
            continue
        after = [t.lower() for t in tokens[at + 1 : at + 3]]
        unit = next((_UNITS[word] for word in after[:2] if word in _UNITS), "")
        if not unit and at and tokens[at - 1] in "€$":
            unit = _UNITS[tokens[at - 1]]
        found.append((number, unit))
    return found


def _value(token: str) -> str | None:
    if token[0].isdigit():
        # Thousands separators are dropped, so 1.000 equals 1,000; 2,50 equals 2.50.
        plain = re.sub(r"[.,](?=\d{3}\b)", "", token).replace(",", ".")
        return plain.rstrip("0").rstrip(".") if "." in plain else plain
    return _NUMBER_WORDS.get(token.lower())


def _figures_agree(claim: str, source: str, language: str) -> bool:
    """Whether every figure stands in the source: same unit, and among the same words."""
    wanted, given = figures(claim), figures(source)
    # "one" and "eine" are articles more often than figures.
    needed = [each for each in wanted if each[0] != "1" or re.search(r"\b1\b", claim)]
    for number, unit in needed:
        units = {other for value, other in given if value == number}
        if not units or (unit and units.isdisjoint({unit, ""})):
            return False
    numbers = {number for number, _ in needed}
    return all(
        _stands_among(clause, number, source, language)
        for clause in _clauses(claim)
        for number, _ in figures(clause)
        if number in numbers
    )


def _spans_differ(claim: str, source: str) -> bool:
    """Whether the claim names a month, or a span of time, where the source names another."""
    for table in (_MONTHS, _SPANS):
        mine = {table[word] for word in _lowered(claim) if word in table}
        theirs = {table[word] for word in _lowered(source) if word in table}
        if theirs and not mine <= theirs:
            return True
    return False


def _stands_among(clause: str, mark: str, source: str, language: str) -> bool:
    """Whether a figure's or name's clause in the source is about what it is about in the claim."""
    own = {stem(word.lower(), language) for word in mark.split()}
    asked = _about(clause, language) - own
    parts = _parts_about(source, language)
    if not asked or len(parts) < 2:  # noqa: PLR2004 - one clause leaves no choice
        return True
    shares = [(len(asked & about), part) for part, about in parts]
    holding = [share for share, part in shares if _holds(part, mark)]
    return not holding or max(holding) >= _LEAST_OVERLAP * max(share for share, _ in shares)


def _holds(part: str, mark: str) -> bool:
    if mark[0].isdigit():
        return mark in {value for value, _ in figures(part)}
    return mark.casefold() in part.casefold()


def _parts_about(text: str, language: str) -> list[tuple[str, frozenset[str]]]:
    """Cut into clauses with their words; what follows "and" has its sentence's subject, too."""
    found = []
    for sentence in re.split(r"(?<=[.!?])\s+", text):
        subject: frozenset[str] = frozenset()
        for at, part in enumerate(_clauses(sentence)):
            if at == 0:
                subject = _subject(part, language)
            about = _about(part, language)
            if about:
                found.append((part, about | subject))
    return found


def _subject(part: str, language: str) -> frozenset[str]:
    """Return the words before the first verb; without a known one, the first word."""
    tokens = [token.lower() for token in _TOKEN.findall(part)]
    verb = next((at for at, token in enumerate(tokens) if at and token in _VERBS), None)
    if verb is not None:
        return _about(" ".join(tokens[:verb]), language)
    named = [token for token in tokens if _about(token, language)]
    return _about(" ".join(named[:1]), language)


def _about(text: str, language: str) -> frozenset[str]:
    """Return the stems of a text's words without figures, units and function words."""
    return frozenset(
        stem(word, language)
        for token in _TOKEN.findall(text)
        if (word := token.lower()) not in _UNITS
        and word not in _HEADS
        and word not in _NUMBER_WORDS
        and not word[0].isdigit()
        and len(word) > 3  # noqa: PLR2004 - shorter words are function words
    )


def _clauses(text: str) -> list[str]:
    return [part for part in _CLAUSE.split(text) if part.strip()]


def _turns_meaning(claim: str, source: str, language: str) -> bool:
    """Whether one is negated, or says the opposite word, where the other does not.

    The claim's clauses are laid beside the most similar clauses of the source; "nicht erlaubt"
    beside "verboten" is no contradiction.
    """
    parts = _parts(_bounded(source))
    for clause in _parts(_bounded(claim)):
        asked = _about(clause, language) - _turning(language)
        if not asked:
            continue
        closest = max(parts, key=lambda part: (len(asked & _about(part, language)), -len(part)))
        shared = len(asked & _about(closest, language))
        if shared and shared >= _SAME_WORDS * len(asked) and _turns(clause, closest):
            return True
    return False


def _parts(text: str) -> list[str]:
    """Cut at commas and conjunctions, but leave a fragment with what it belongs to."""
    return [part for part in _PART.split(text) if part.strip()]


def _bounded(text: str) -> str:
    """Write "no more than" as the bound it is: it negates nothing."""
    for pattern, bound in _BOUNDS:
        text = pattern.sub(bound, text)
    return text


def _turns(clause: str, other: str) -> bool:
    one, two = _lowered(clause), _lowered(other)
    flips = _is_negated(one) != _is_negated(two)
    for first, second in _OPPOSITES:
        for a, b in ((first, second), (second, first)):
            if one & a and two & b and not one & b and not two & a:
                flips = not flips
    return flips


def _is_negated(words: frozenset[str]) -> bool:
    return bool(words & _NEGATIONS) or any(word.endswith(("n't", "n’t")) for word in words)


def _lowered(text: str) -> frozenset[str]:
    return frozenset(token.lower() for token in _TOKEN.findall(text))


def _turning(language: str) -> frozenset[str]:
    words = {word for pair in _OPPOSITES for side in pair for word in side} | _NEGATIONS
    return frozenset(stem(word, language) for word in words)


def _names(text: str) -> list[str]:
    """List what is written like a name: capitals where the grammar asks for none.

    German nouns have them too, so after an article, and wherever a word begins its sentence, a
    capital says nothing.
    """
    found = []
    tokens = list(re.finditer(r"[^\W_][\w'’.-]*\w|[^\W_]|[.!?:;,„“\"(]", text))
    for at, match in enumerate(tokens):
        token = match.group()
        before = tokens[at - 1].group() if at else "."
        if not token[0].isalpha() or not token[0].isupper():
            continue
        is_shouted = len(token) > 1 and token.isupper()
        is_inner = any(letter.isupper() for letter in token[1:]) and not is_shouted
        is_pair = before[0].isupper() and before not in {".", "!", "?"}
        if is_shouted or is_inner or (is_pair and before.lower() not in _HEADS):
            found.append(token)
            if is_pair and before not in found and at > 1:
                found.append(before)
    return found


def _english_names(text: str) -> list[str]:
    """List capitalised English words that do not begin a sentence."""
    return re.findall(r"(?<=[a-z,;)] )([A-Z][a-z][\w'-]*)", text)


def _names_differ(claim: str, source: str, passage: str, language: str) -> bool:
    """Whether the claim names something its passage does not, or its source does not but could."""
    names = set(_names(claim))
    if re.search(r"\b(?:the|of|and|is|was|to)\b", claim):
        names |= {name for name in _english_names(claim) if name.lower() not in _UNITS}
    held = passage.casefold()
    near = source.casefold()
    for name in names:
        word = re.sub(r"['’]s?$", "", name).casefold()
        if word.rstrip("s") not in held:
            return True
        others = set(_names(source)) | set(_english_names(source))
        if word.rstrip("s") not in near and others - names:
            return True
    return any(
        not _stands_among(clause, name, source, language)
        for clause in _clauses(claim)
        for name in _full_names(clause)
        if name.casefold() in near
    )


def _full_names(text: str) -> list[str]:
    """List names of more than one word."""
    found = re.findall(r"\b[A-ZÄÖÜ][\w-]+(?: [A-ZÄÖÜ][\w-]+)+", text)
    parts = [[word for word in name.split() if word.lower() not in _HEADS] for name in found]
    return [" ".join(words) for words in parts if len(words) > 1]


def _is_counterpart(claim: str, source: str, language: str) -> bool:
    """Whether a word was swapped for one cut from the same cloth: Arbeitgeber, Arbeitnehmer."""
    for clause in _clauses(claim):
        mine = _about(clause, language)
        parts = [about for _, about in _parts_about(source, language)]
        theirs = max(parts, key=lambda about: len(mine & about), default=frozenset[str]())
        if not mine or len(mine & theirs) < _ALIKE * len(mine):
            continue
        strange, unused = mine - theirs, theirs - mine
        if any(_are_counterparts(one, two) for one in strange for two in unused):
            return True
    return False


def _are_counterparts(one: str, two: str) -> bool:
    shorter = min(len(one), len(two))
    beginning = next((n for n in range(shorter) if one[n] != two[n]), shorter)
    ending = next((n for n in range(shorter) if one[-1 - n] != two[-1 - n]), shorter)
    # "vacat" and "vacation" are one word; "employ" alone is too little to be two.
    is_one_word = beginning == shorter and abs(len(one) - len(two)) <= 4  # noqa: PLR2004
    if is_one_word:
        return False
    prefixed = ending == shorter and len(two if len(one) == shorter else one) - shorter <= 3  # noqa: PLR2004
    return (prefixed and shorter >= 5) or beginning >= max(6, shorter - 3)  # noqa: PLR2004


def _order_differs(claim: str, source: str) -> bool:
    """Whether two names changed places: "Ann reports to Bob", "Bob reports to Ann"."""
    mine = set(stems(claim, "simple"))
    for sentence in re.split(r"(?<=[.!?])\s+", source):
        names = re.findall(r"\b[A-ZÄÖÜ][\w-]+(?: [A-ZÄÖÜ][\w-]+)*", claim)
        shared = [name for name in dict.fromkeys(names) if name in sentence]
        is_same = mine == set(stems(sentence, "simple"))
        # Which of three names belongs to which is beyond this.
        if is_same and len(shared) == 2:  # noqa: PLR2004
            return sentence.index(shared[0]) > sentence.index(shared[1])
    return False
