"""The words around a question's meaning, in German and English: politeness, articles, marks.

Marks are words that decide what is asked without naming a thing: negations, quantities, persons,
tenses, question words. They are told apart by class, so "jeder" and "alle" are one.
"""

from __future__ import annotations

import re

LEADS = re.compile(
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
TAILS = re.compile(
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
IGNORED = {
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
MARKS = {
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
PERSONS = frozenset({"me", "you", "he", "she", "they", "we", "who", "whom", "accused"})
PLACES = {
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
MERGED = {
    "am": "an", "ans": "an", "aufs": "auf", "beim": "bei", "im": "in", "ins": "in", "vom": "von",
    "zum": "zu", "zur": "zu", "till": "until", "towards": "toward",
}  # fmt: skip
SHORTENED = re.compile(r"\b(what|who|where|when|how|that|it|there)['’]s\b", re.IGNORECASE)
_NUMBERS = """
    zero/null one/eins two/zwei three/drei four/vier five/fünf six/sechs seven/sieben eight/acht
    nine/neun ten/zehn eleven/elf twelve/zwölf"""
NUMERALS = {
    word: str(number) for number, words in enumerate(_NUMBERS.split()) for word in words.split("/")
}
UNITS = {"§": "paragraph", "§§": "paragraph", "paragraf": "paragraph", "%": "percent",
          "prozent": "percent", "€": "euro", "eur": "euro", "$": "dollar"}  # fmt: skip
