"""When a word of the question stands in a sentence: the same stem, verb or number in any form."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

from shared.inference.stemming import stem, words

# Strong and mixed German verbs: the first form is the one the others are read as. Stemmers cut
# endings only, and questions ask "schrieb" where texts say "geschrieben" or "beschreibt".
_STRONG = """
    geben gab gaben gegeben gibt; nehmen nahm nahmen genommen nimmt; kommen kam kamen gekommen;
    gehen ging gingen gegangen; stehen stand standen gestanden; sehen sah sahen gesehen sieht;
    schreiben schrieb schrieben geschrieben; bleiben blieb blieben geblieben; treiben trieb
    trieben getrieben; finden fand fanden gefunden; binden band banden gebunden; gewinnen gewann
    gewannen gewonnen; beginnen begann begannen begonnen; singen sang sangen gesungen; sinken sank
    sanken gesunken; springen sprang sprangen gesprungen; trinken trank tranken getrunken; zwingen
    zwang zwangen gezwungen; sprechen sprach sprachen gesprochen spricht; brechen brach brachen
    gebrochen bricht; treffen traf trafen getroffen trifft; sterben starb starben gestorben stirbt
    tod; helfen half halfen geholfen hilft; werfen warf warfen geworfen wirft; werben warb warben
    geworben wirbt; lesen las lasen gelesen liest; messen maß maßen gemessen misst; treten trat
    traten getreten tritt; liegen lag lagen gelegen; sitzen saß saßen gesessen; bitten bat baten
    gebeten; tun tat taten getan; fahren fuhr fuhren gefahren fährt; tragen trug trugen getragen
    trägt; schlagen schlug schlugen geschlagen schlägt; wachsen wuchs wuchsen gewachsen wächst;
    laden lud luden geladen lädt; schaffen schuf schufen geschaffen; fallen fiel fielen gefallen
    fällt; halten hielt hielten gehalten hält; lassen ließ ließen gelassen lässt; laufen lief
    liefen gelaufen läuft; rufen rief riefen gerufen; fangen fing fingen gefangen fängt; ziehen zog
    zogen gezogen; fliegen flog flogen geflogen; fliehen floh flohen geflohen; verlieren verlor
    verloren; schließen schloss schlossen geschlossen; schießen schoss schossen geschossen; bieten
    bot boten geboten; genießen genoss genossen; heben hob hoben gehoben; wiegen wog wogen gewogen;
    greifen griff griffen gegriffen; steigen stieg stiegen gestiegen; leiden litt litten gelitten;
    schneiden schnitt schnitten geschnitten; streiten stritt stritten gestritten; weisen wies
    wiesen gewiesen; leihen lieh liehen geliehen; scheinen schien schienen geschienen; scheiden
    schied schieden geschieden; denken dachte dachten gedacht; bringen brachte brachten gebracht;
    kennen kannte kannten gekannt; nennen nannte nannten genannt; brennen brannte brannten
    gebrannt; senden sandte sandten gesandt; wenden wandte wandten gewandt; wissen wusste wussten
    gewusst; empfehlen empfahl empfohlen empfiehlt; stehlen stahl gestohlen; gelten galt galten
    gegolten gilt; raten riet rieten geraten rät; geschehen geschah geschieht; vergessen vergaß
    vergisst; graben grub gegraben; betrügen betrog betrogen; schwören schwor geschworen; bergen
    barg geborgen; reißen riss rissen gerissen; gleichen glich glichen geglichen; weichen wich
    wichen gewichen; streichen strich gestrichen; sein war waren gewesen"""
_VERBS = {form: forms[0] for forms in map(str.split, _STRONG.split(";")) for form in forms}
_PREFIX_WORDS = """
    zurück zusammen wieder unter über durch hinter hervor heraus voraus vor ver ent emp zer miss
    be er an ab auf aus ein bei mit nach zu um her hin los fest statt teil frei weg"""
_PREFIXES = tuple(_PREFIX_WORDS.split())
_SHORTEST_VERB = 3

_NUMERALS = """
    zero null; one eins; two zwei zweite zweiten second; three drei dritte dritten third; four vier
    vierte vierten fourth; five fünf fünfte fünften fifth; six sechs sechste sechsten sixth; seven
    sieben siebte siebten seventh; eight acht achte achten eighth; nine neun neunte neunten ninth;
    ten zehn zehnte zehnten tenth; eleven elf elfte elften eleventh; twelve zwölf zwölfte zwölften
    twelfth"""
_DIGITS = {
    word: str(number) for number, forms in enumerate(_NUMERALS.split(";")) for word in forms.split()
}


@lru_cache(maxsize=50_000)
def root(word: str, language: str) -> str:
    """Return what a lower-case word is compared by: its stem, its verb or its number."""
    if word in _DIGITS:
        return _DIGITS[word]
    return stem(_infinitive(word) if language == "de" else word, language)


def roots(text: str, language: str) -> list[str]:
    """Return the roots of a text's words in order."""
    return [root(word, language) for word in words(text)]


def _infinitive(word: str) -> str:
    """Read a strong verb's form as its infinitive, whatever prefix it carries."""
    if word in _VERBS:
        return _VERBS[word]
    for prefix in _PREFIXES:
        rest = word.removeprefix(prefix)
        if rest == word or len(rest) < _SHORTEST_VERB:
            continue
        for form in (rest, rest.removeprefix("zu")):
            if form in _VERBS:
                return prefix + _VERBS[form]
    return word


_SHORTEST_SHARED = 4


@lru_cache(maxsize=100_000)
def likeness(one: str, other: str, language: str) -> float:
    """Say from 0 to 1 how much of two lower-case words is the same stretch of letters.

    Same roots count as 1. A stretch of fewer than four letters says nothing.
    """
    if root(one, language) == root(other, language):
        return 1.0
    shared = _SHORTEST_SHARED - 1
    for start in range(len(one) - shared):
        while start + shared < len(one) and one[start : start + shared + 1] in other:
            shared += 1
    return 2 * shared / (len(one) + len(other)) if shared >= _SHORTEST_SHARED else 0.0


class Shares:
    """Weighs what is asked by its rarity among the candidates, and sums what one of them has."""

    def __init__(self, asked: frozenset[str], held: Sequence[frozenset[str]]) -> None:
        counts = Counter(term for terms in held for term in terms)
        self.weights = {
            term: math.log(1 + len(held) / (1 + counts[term])) for term in sorted(asked)
        }
        self._total = sum(self.weights.values())

    def of(self, terms: frozenset[str]) -> float:
        """Return the share of the weight (0 to 1) that these terms make up."""
        if not self._total:
            return 0.0
        return sum(self.weights[term] for term in sorted(terms)) / self._total
