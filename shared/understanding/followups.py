"""Whether a question leans on what was said before, told by its words alone, German and English.

Four things make a question lean: it begins as a continuation ("und …", "what about …"), it has
no verb and is not a list of key words ("für Vermieter?"), it points at something it does not name
("davon", "does it …"), or it asks for a thing of something unnamed ("gibt es Ausnahmen?"). What
only looks so does not count: "gibt es", "is it allowed to", an owner named in the question itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from shared.understanding.model import QUESTION_WORDS, RELATIONAL, VERBS, words_of

_TOKEN = re.compile(r"[\w§][\w'’.-]*\w|[\w§]|[,?!;:]")
CONTINUATION = re.compile(
    r"^(?:und|aber|oder|also|sondern|außerdem|and|but|or|so|then|also)\b[ ,]+"
    r"|^(?:was ist mit|was ist denn mit|wie ist es mit|wie ist es bei|wie ist das mit"
    r"|wie ist das bei"
    r"|wie sieht es (?:mit|bei|für)|wie steht es (?:mit|um)|wie verhält es sich (?:mit|bei)"
    r"|what about|how about|same for|and what about)\b ?",
    re.IGNORECASE,
)
_MARKS = frozenset("?.!,;:")
# A clause begins: what was named before it can be meant in it.
_CLAUSE_WORDS = words_of(
    """wenn falls dass ob weil bevor nachdem während sobald und oder aber damit if when that because
    before after while until and or but who which"""
)
_OPENING = ("do", "do")
_SAME = re.compile(
    r"^(?:gilt das auch|gilt dies auch|gilt dasselbe|genauso|ebenso|auch|"
    r"does the same|is it the same|likewise)\b",
    re.IGNORECASE,
)
_MEASURES = words_of(
    "lange lang viel viele oft hoch weit groß teuer long much many often far big old"
)
_PREPOSITIONS = words_of(
    """für bei mit nach von vor zu zum zur über unter gegen ohne in im an am auf aus seit bis ab
    während wegen innerhalb außerhalb for with after before from to about under against without in
    on at since until during because of within by up"""
)
_FILLERS = words_of(
    """denn eigentlich genau bitte mal noch auch dann so etwa jetzt ja nein doch nur nicht exactly
    please then too also either not now else"""
)
# Each points at something named elsewhere.
_POINTERS_DE = words_of(
    """davon dafür dabei damit darüber darin daran dagegen dazu danach davor daraus dadurch
    deswegen deshalb dort derselbe dieselbe dasselbe desselben denselben derselben hiervon hierfür
    hierbei hierzu letzterer letztere letzteres ersterer erstere ersteres solche solcher solches
    jener jene jenes dies währenddessen stattdessen demnach hierin hieraus"""
)
_PRONOUNS_DE = words_of("er sie es ihn ihm ihnen")
_OWNERS_DE = words_of("sein seine seiner seinem seinen seines ihr ihre ihrer ihrem ihren ihres")
_DEMONSTRATIVES_DE = words_of("dieser diese dieses diesem diesen")
_TIMES = words_of(
    """jahr jahres jahre monat monats monate woche tag tages tage sommer winter quartal moment
    zeitpunkt fall gesetz gesetzes vertrag handbuch dokument haus unternehmen firma betrieb
    year month week day summer winter quarter moment time case law contract handbook document house
    company office morning evening manual policy agreement"""
)
_PRONOUNS_EN = words_of("it they them he she him")
_OWNERS_EN = words_of("its their his her")
_DEMONSTRATIVES_EN = words_of("this that these those")
_ES_IDIOM = re.compile(
    r"\b(?:gibt|gab|gäbe|gibts) es\b|\bes (?:gibt|gab|geht|handelt|heißt|kommt darauf)\b"
    r"|\b(?:geht|handelt|kommt|heißt|bedarf|lohnt|regnet) es\b"
    r"|\b(?:ist|wird|war|wäre) es (?:\w+ ){0,3}?(?:erlaubt|verboten|möglich|nötig|notwendig"
    r"|zulässig|sinnvoll|üblich|gestattet|rechtens|strafbar|pflicht|illegal|legal|wichtig|ratsam|geregelt)\b"
    r"|\bes (?:erlaubt|verboten|möglich|zulässig|nötig|notwendig)\b",
    re.IGNORECASE,
)
_IT_IDIOM = re.compile(
    r"\b(?:is|was|would|will) it (?:be )?(?:\w+ ){0,3}?(?:to|that|for|if|when|allowed|possible"
    r"|legal|illegal|permitted|forbidden|mandatory|required|necessary)\b"
    r"|\bwhat time is it\b|\bdoes it take to\b|\btake to\b"
    r"|\bit (?:is|was) (?:\w+ ){1,2}(?:to|that)\b"
    r"|\bdoes it mean to\b|\bdoes it cost to\b",
    re.IGNORECASE,
)
_OTHERS = words_of("mehr more weitere weiteren weiterer anderes andere anderen others another")
_LONGEST_FRAGMENT = 6
_MOST_NAMED = 3
_SMALL = words_of(
    """der die das den dem des ein eine einen einem einer eines kein keine keinen es da dafür
    the a an there any some no of all alle man ich wir you we i my mein meine meinen sonst me mir
    uns us du sie"""
)


def leans_on_history(question: str) -> bool:
    """Tell whether a question can only be understood from what was said before it."""
    text = " ".join(question.split())
    if not text:
        return False
    if CONTINUATION.match(text) or _SAME.match(text):
        return True
    tokens = _TOKEN.findall(text)
    words = [token for token in tokens if token[0].isalnum() or token[0] == "§"]
    lowered = [word.lower() for word in words]
    if not words:
        return False
    return (
        _is_fragment(words, lowered)
        or _asks_of_nothing(lowered)
        or _points_back_de(text, tokens)
        or _points_back_en(text, tokens)
    )


def _is_fragment(words: list[str], lowered: list[str]) -> bool:
    """Without a verb, and begun by a question word or a preposition: "seit wann", "in Berlin?"."""
    if len(words) > _LONGEST_FRAGMENT or any(word in VERBS for word in lowered):
        return False
    first = lowered[0]
    if first in QUESTION_WORDS:
        rest = [w for w in lowered[1:] if w not in _MEASURES | _FILLERS | _SMALL]
        # "Welche Frist?" names a thing, "Warum nicht?" and "Wie lange genau?" do not.
        return len(rest) <= (1 if first.startswith(("welch", "which")) else 0)
    if lowered[-1] in QUESTION_WORDS and first in _PREPOSITIONS:
        return True
    if first in _PREPOSITIONS:
        return (
            len([w for w in lowered if w not in _PREPOSITIONS | _SMALL | _FILLERS]) <= _MOST_NAMED
        )
    return all(word in _FILLERS | _OTHERS | _SMALL for word in lowered)


def _asks_of_nothing(lowered: list[str]) -> bool:
    """A relational noun or "else" is all that is named."""
    named = [
        word
        for word in lowered
        if word not in VERBS | QUESTION_WORDS | _SMALL | _FILLERS | _MEASURES | _PREPOSITIONS
    ]
    if not named:
        return any(word in {"noch", "else", "sonst"} | _MEASURES for word in lowered) and (
            "man" not in lowered
        )
    return len(named) < _MOST_NAMED and all(word in RELATIONAL | _OTHERS for word in named)


def _points_back_de(text: str, tokens: list[str]) -> bool:
    plain = _ES_IDIOM.sub(" ", text)
    tokens = _TOKEN.findall(plain)
    for at, token in enumerate(tokens):
        word = token.lower()
        following = tokens[at + 1] if at + 1 < len(tokens) else ""
        before = tokens[at - 1] if at else ""
        if word in _POINTERS_DE and before != "," and not _announces(tokens, at):
            return True
        if word in _DEMONSTRATIVES_DE and before != ",":
            noun = next((t.lower() for t in tokens[at + 1 : at + 4] if t[0].isupper()), "")
            if noun not in _TIMES:
                return True
        if (
            word in _PRONOUNS_DE
            and not _is_polite(token, at)
            and not _may_mean(tokens[:at], _is_german_noun)
            and not (word == "es" and "," in tokens[at:])
        ):
            return True
        if word in _OWNERS_DE and not _is_polite(token, at) and not _has_owner(tokens[:at]):
            return bool(following) and _looks_german(tokens)
        if (word == "das" and before != "," and at and _is_alone(tokens[at + 1 :])) or (
            word == "dann" and not {"wenn", "falls", "sobald"} & {t.lower() for t in tokens[:at]}
        ):
            return True
    return False


def _announces(tokens: list[str], at: int) -> bool:
    """Whether "darauf, dass …" only announces what the question goes on to say."""
    rest = [token.lower() for token in tokens[at + 1 :]]
    return "," in rest and bool({"dass", "ob", "wenn", "was", "wie", "wer"} & set(rest))


def _is_polite(token: str, at: int) -> bool:
    return at > 0 and token[0].isupper()


def _has_noun(before: list[str]) -> bool:
    """Whether a German noun stands before: a pronoun after it most likely means that one."""
    return any(token[0].isupper() and at > 0 for at, token in enumerate(before)) or any(
        token[0] == "§" for token in before
    )


def _may_mean(before: list[str], is_noun: Callable[[list[str], int], bool]) -> bool:
    """Whether a pronoun can mean something its own question names.

    It cannot mean the subject of its own clause ("can the employer refuse it?"; binding
    principle B, Chomsky 1981), so one noun there is not enough; one in another clause is.
    """
    nouns, is_other_clause, was_noun = 0, False, False
    for at, token in enumerate(before):
        if token in _MARKS or token.lower() in _CLAUSE_WORDS:
            is_other_clause, was_noun = nouns > 0 or is_other_clause, False
            continue
        is_one = is_noun(before, at)
        # Words that stand together are one noun: "the probation period".
        nouns += is_one and not was_noun
        was_noun = is_one
    return is_other_clause or nouns > 1


def _is_german_noun(tokens: list[str], at: int) -> bool:
    return (at > 0 and tokens[at][0].isupper()) or tokens[at][0] == "§"


def _is_english_noun(tokens: list[str], at: int) -> bool:
    return _names_before([*_OPENING, tokens[at]])


def _has_owner(before: list[str]) -> bool:
    return _has_noun(before) or any(token.lower() in {"wer", "man"} for token in before)


def _is_alone(following: list[str]) -> bool:
    """Whether "das" stands for a thing: no noun comes before the next verb or preposition."""
    for token in following:
        lowered = token.lower()
        if token in _MARKS or lowered in VERBS or lowered in _PREPOSITIONS:
            return True
        if token[0].isupper():
            return False
    return True


def _looks_german(tokens: list[str]) -> bool:
    known = {"ist", "sind", "wie", "wann", "was", "wer", "welche", "muss", "kann", "hat", "und"}
    return bool(known & {token.lower() for token in tokens})


def _points_back_en(text: str, tokens: list[str]) -> bool:
    tokens = _TOKEN.findall(_IT_IDIOM.sub(" ", text))
    for at, token in enumerate(tokens):
        word = token.lower()
        following = tokens[at + 1].lower() if at + 1 < len(tokens) else ""
        before = tokens[at - 1].lower() if at else ""
        if word in _PRONOUNS_EN and not _may_mean(tokens[:at], _is_english_noun):
            return True
        is_owner = word in _OWNERS_EN and before != "who"
        if is_owner and not _names_before(tokens[:at]):
            return not (word == "her" and not following)
        if word in _DEMONSTRATIVES_EN and _is_demonstrative(word, before, following):
            return True
        if word in {"one", "ones"} and before in {
            "that",
            "this",
            "other",
            "first",
            "second",
            "last",
        }:
            return True
        if word == "there" and before not in {"is", "are", "was", "were", "s"} | VERBS:
            return True
    return False


def _names_before(before: list[str]) -> bool:
    """Whether an English noun stands before a pronoun: any word that is no function word."""
    skipped = VERBS | QUESTION_WORDS | _SMALL | _FILLERS | _MEASURES | _PREPOSITIONS
    if before and before[0].lower() in {"who", "what"}:
        # "Who approves it?": what comes after the subject is the verb.
        before = before[2:]
    return any(
        token[0].isalpha()
        and token.lower() not in skipped | _PRONOUNS_EN | {"if", "when", "has"}
        # "Who is affected by it?"
        and not token.endswith("ed")
        for token in before
    )


def _is_demonstrative(word: str, before: str, following: str) -> bool:
    """Whether "that" points at a thing, and does not join a clause to one."""
    if re.split("['’]", following)[0] in _TIMES:
        return False
    if not before or before in VERBS | QUESTION_WORDS | _PREPOSITIONS | {"all", "and"}:
        return word != "that" or before not in {"say", "says", "mean", "means"}
    if word == "that":
        return before in VERBS and (not following or following in _PREPOSITIONS | {"?"})
    return word in {"these", "those", "this"} and (not following or following == "?")
