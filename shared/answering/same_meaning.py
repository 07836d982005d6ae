"""Whether two questions ask the same: what a vector cannot tell, told by their words.

"Frist für Mieter" and "Frist für Vermieter" lie as close as two paraphrases do, and so do 2023
and 2024, "is" and "is not". A question is therefore reduced to what carries its meaning, and two
are the same only when that is equal: every figure, name and thing in its role, who is meant, how
many, whether, when, and what is asked for. Only wrapping may differ: politeness, articles, endings
of number and case, the place of a phrase. A pair it cannot judge it calls different.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass, field

_TOKEN = re.compile(r"\d+(?:[.,:/]\d+)*|§+|[%€$]|[^\W\d_]+(?:['’][^\W\d_]+)?|\w+|[,;:()]")
_PAUSES = frozenset(",;:()")
_THOUSANDS = re.compile(r"[.,](?=\d{3}(?:\D|$))")
_SHORTEST = 3

_LEADS = re.compile(
    r"^(?:(?:please|hi|hello|hey|so|well|ok(?:ay)?|thanks|thank you|good morning"
    r"|(?:can|could|would|will) you (?:please |kindly )?(?:tell|show|explain to|give|let) (?:me|us)"
    r"(?: know)?"
    r"|(?:can|could|would) you (?:please )?(?:explain|say|clarify)"
    r"|(?:tell|show|explain to|give) (?:me|us)|explain|do you know|does anybody know"
    r"|i(?:['’]d| would)? (?:like|want|need|love) to know|i(?:['’]m| am| was) wondering"
    r"|i have a question|quick question"
    r"|bitte|hallo|guten (?:tag|morgen|abend)|moin|also|danke|vielen dank|frage"
    r"|(?:kannst|könntest|kann|könnte) (?:du|man|jemand) (?:mir|uns)(?: bitte)?(?: mal)?"
    r"(?: sagen| erklären| zeigen| verraten| mitteilen)?"
    r"|(?:können|könnten|würden) sie (?:mir|uns)(?: bitte)?(?: sagen| erklären| zeigen| mitteilen)?"
    r"|(?:sag|sage|erklär|erkläre|zeig|zeige|nenn|nenne|verrate) (?:mir|uns)(?: bitte)?(?: mal)?"
    r"|(?:sagen|erklären|zeigen|nennen) sie (?:mir|uns)(?: bitte)?"
    r"|ich (?:möchte|will|würde gerne?|muss|müsste) (?:gerne? )?wissen|ich wüsste gerne?"
    r"|ich frage mich|ich habe eine frage|weißt du|wissen sie|mich interessiert)\b[\s,:.!?–-]*)+",
    re.IGNORECASE,
)
_TAILS = re.compile(
    r"[\s,–-]*\b(?:please|thanks|thank you|exactly|bitte|danke|vielen dank|genau|eigentlich"
    r"|(?:can|could) you (?:please )?tell me|do you know|weißt du das|wissen sie das"
    r"|(?:bitte )?(?:sagen|erklären)|wissen)[\s.!?]*$",
    re.IGNORECASE,
)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _table(**classes: str) -> dict[str, str]:
    return {word: name for name, listed in classes.items() for word in listed.split()}


# Words that only hold a sentence together. "ein" and "eine" are articles here, never numbers.
_IGNORED = {
    "en": _words(
        """a an the is are am be been being do does doing it its this that these those there
        here whether exactly actually currently just now really please and so"""
    ),
    "de": _words(
        """und der die das den dem des ein eine einem einen einer eines ist sind bin bist sein
        es man ob dass da dann denn doch eben mal eigentlich genau gerade jetzt aktuell
        bitte etwa so sich dies diese dieser dieses diesem diesen"""
    ),
}
_MARKS = {
    "en": _table(
        not_="not no never without none nobody nothing neither nor cannot",
        or_="or either",
        if_="if unless",
        all_="all every each everything everyone",
        some="some any several",
        only="only solely merely",
        more="more",
        less="less fewer",
        most="most",
        least="least minimum",
        atmost="maximum",
        both="both",
        other="other another else",
        still="still",
        already="already",
        again="again",
        too="also too",
        than="than",
        as_="as",
        can="can could",
        may="may might",
        must="must",
        should="should",
        want="want wants",
        shall="shall will",
        would="would",
        have="have has",
        past="was were did had",
        me="i me my mine",
        you="you your yours",
        he="he him his",
        she="she her hers",
        they="they them their theirs",
        we="we us our ours",
        who="who",
        whom="whom",
        whose="whose",
        what="what which",
        when="when",
        where="where",
        why="why",
        how="how",
        many="many",
        much="much",
    ),
    "de": _table(
        not_="""nicht kein keine keinen keinem keiner keines nie niemals ohne niemand nichts
            weder""",
        or_="oder entweder",
        if_="wenn falls sofern",
        all_="alle allen aller alles jede jeder jedes jedem jeden",
        some="einige einigen manche mancher mehrere etwas",
        only="nur lediglich ausschließlich bloß",
        more="mehr",
        less="weniger",
        most="meisten",
        least="wenigsten mindestens",
        atmost="höchstens maximal",
        both="beide beiden beider beides",
        other="andere anderen anderer anderes anderem sonst",
        still="noch",
        already="bereits schon",
        again="wieder erneut",
        too="auch",
        than="als",
        can="kann kannst können könnte könnten",
        may="darf darfst dürfen dürfte dürften",
        must="muss musst müssen müsste müssten",
        should="soll sollst sollen sollte sollten",
        want="will willst wollen möchte möchten",
        would="würde würden",
        become="wird werden wirst",
        have="haben hat hast habe",
        past="war waren warst hatte hatten wurde wurden",
        me="ich mich mir mein meine meinem meinen meiner meines",
        you="du dich dir dein deine deinem deinen deiner deines euch euer eure",
        he="er ihm ihn seine seinem seinen seiner seines",
        they="sie ihnen ihr ihre ihrem ihren ihrer ihres",
        we="wir uns unser unsere unserem unseren unserer unseres",
        who="wer",
        whom="wem",
        whose="wessen",
        accused="wen",
        what="was welche welcher welches welchem welchen",
        when="wann",
        where="wo",
        whither="wohin",
        whence="woher",
        why="warum wieso weshalb",
        how="wie",
        many="viele vielen vieler",
        much="viel wieviel",
    ),
}
_PERSONS = frozenset({"me", "you", "he", "she", "they", "we", "who", "whom", "accused"})
_PLACES = {
    "en": _words(
        """about above across after against along among around at before behind below beneath
        beside between beyond by despite down during except for from in inside into like
        near of off on onto out outside over past per since through till to toward towards
        under until up upon via with within"""
    ),
    "de": _words(
        """ab an am ans auf aufs aus bei beim bis durch für gegen gegenüber gemäß hinter im in
        ins innerhalb außerhalb laut mit nach neben seit trotz über überm um unter vom von
        vor während wegen zu zum zur zwischen statt anstatt bezüglich betreffend je pro"""
    ),
}
# Written together with their article, they are the same preposition.
_MERGED = {
    "am": "an", "ans": "an", "aufs": "auf", "beim": "bei", "im": "in", "ins": "in", "vom": "von",
    "zum": "zu", "zur": "zu", "till": "until", "towards": "toward",
}  # fmt: skip
_SHORTENED = re.compile(r"\b(what|who|where|when|how|that|it|there)['’]s\b", re.IGNORECASE)
_NUMBERS = """
    zero/null one/eins two/zwei three/drei four/vier five/fünf six/sechs seven/sieben eight/acht
    nine/neun ten/zehn eleven/elf twelve/zwölf"""
_NUMERALS = {
    word: str(number) for number, words in enumerate(_NUMBERS.split()) for word in words.split("/")
}
_UNITS = {"§": "paragraph", "§§": "paragraph", "paragraf": "paragraph", "%": "percent",
          "prozent": "percent", "€": "euro", "eur": "euro", "$": "dollar"}  # fmt: skip


@dataclass(slots=True)
class Gist:
    """What carries a question's meaning.

    ``marks`` counts negations, quantities, persons, tenses and question words; ``bare`` are the
    things it names, in their order where the order tells who does what to whom; ``placed`` are
    those behind each preposition.
    """

    marks: Counter[str] = field(default_factory=Counter)
    bare: Counter[str] = field(default_factory=Counter)
    order: list[str] = field(default_factory=list)
    placed: dict[str, list[str]] = field(default_factory=dict)


def mean_the_same(one: str, other: str, *, language: str) -> bool:
    """Tell whether two questions in one language ask the same; in doubt they do not.

    Of other languages than German and English only the same words in the same order do.
    """
    texts = [core_of(text) for text in (one, other)]
    if language not in _MARKS:
        first, second = (_TOKEN.findall(text.lower()) for text in texts)
        return first == second
    # Who types without capitals gives away no nouns: then the order of all words counts.
    is_cased = language == "de" and all(re.search(r"\s[A-ZÄÖÜ]", text) for text in texts)
    gists = [gist_of(text, language, is_cased=is_cased) for text in texts]
    if not (gists[0].bare or gists[0].placed):
        return texts[0] == texts[1]
    return gists[0] == gists[1]


def gist_of(question: str, language: str, *, is_cased: bool = False) -> Gist:
    """Reduce a question without its politeness to what carries its meaning."""
    gist, place = Gist(), _Place()
    for token in _TOKEN.findall(_SHORTENED.sub(r"\1 is", question)):
        lowered = token.lower()
        mark = _mark_of(lowered, token, language)
        if token in _PAUSES:
            place = _Place()
        elif mark:
            gist.marks[mark] += 1
            if mark in _PERSONS:
                gist.order.append(mark)
            place = _Place()
        elif lowered in _PLACES[language]:
            gist.marks["in place"] += 1
            place = _Place(_MERGED.get(lowered, lowered))
        elif lowered not in _IGNORED[language]:
            place = _name(gist, token, place, language=language, is_cased=is_cased)
    return gist


@dataclass(frozen=True, slots=True)
class _Place:
    """The preposition that holds for the next thing; ``is_full``: for its number at most."""

    word: str = ""
    is_full: bool = False


def _name(gist: Gist, token: str, place: _Place, *, language: str, is_cased: bool) -> _Place:
    """Write a thing into its role; returns the preposition that still holds for the next one."""
    key = _key(token, language)
    if place.word and (token[0].isdigit() or not place.is_full):
        gist.placed.setdefault(place.word, []).append(key)
        # In German the preposition's phrase ends with its noun: "im Jahr 2024 die Miete".
        return _Place(place.word, is_full=place.is_full or (is_cased and token[0].isupper()))
    gist.bare[key] += 1
    if not is_cased or token[0].isupper() or token[0].isdigit():
        gist.order.append(key)
    return _Place()


def _mark_of(lowered: str, token: str, language: str) -> str:
    if lowered.endswith(("n't", "n’t")):
        return "not_"
    # With a capital they address somebody, in mid-sentence at least: a class of its own.
    if language == "de" and re.fullmatch(r"Sie|Ihnen|Ihr(?:e[mnrs]?)?", token):
        return "addressed"
    return _MARKS[language].get(lowered, "")


def core_of(text: str) -> str:
    """Take politeness off both ends of a question, unless nothing is left then."""
    text = unicodedata.normalize("NFKC", text).strip()
    shorter = _LEADS.sub("", text)
    for _ in range(2):
        shorter = _TAILS.sub("", shorter)
    return shorter if _TOKEN.search(shorter) else text


def _key(token: str, language: str) -> str:
    """Give a word without the endings of number and case; no other ending is taken off.

    A stemmer would not do: CISTEM makes one stem of Miete and Mieter, of Kauf and Käufer.
    """
    lowered = token.lower()
    if token[0].isdigit():
        return "#" + _THOUSANDS.sub("", token)
    if lowered in _NUMERALS:
        return "#" + _NUMERALS[lowered]
    lowered = _UNITS.get(lowered, lowered)
    if language == "en":
        return _english(lowered)
    return _german(lowered, is_noun=token[0].isupper()) if language == "de" else lowered


def _english(word: str) -> str:
    word = re.sub(r"['’]s?$", "", word)
    if word.endswith("ies") and len(word) > _SHORTEST + 1:
        return word[:-3] + "y"
    if word.endswith(("sses", "xes", "ches", "shes")):
        return word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us", "is")) and len(word) > _SHORTEST:
        return word[:-1]
    return word


def _german(word: str, *, is_noun: bool) -> str:
    endings = (
        ("en", "es", "em", "e", "n", "s") if is_noun else ("en", "es", "em", "e", "n", "s", "t")
    )
    for ending in endings:
        if word.endswith(ending) and len(word) - len(ending) >= _SHORTEST:
            stem = word.removesuffix(ending)
            # Plurals change their vowel: Vertrag, Verträge. Verbs do not: drucken, drücken.
            is_plural = is_noun and ending in {"e", "en"}
            return stem.translate(_VOWELS) if is_plural else stem
    return word


_VOWELS = str.maketrans("äöü", "aou")
