"""Words that German and English sentences are told apart by, and what a stretch of text is."""

from __future__ import annotations

Span = tuple[int, int]
"""Where a stretch of a text begins and ends."""


def words_of(listed: str) -> frozenset[str]:
    """Read a list of words separated by white space."""
    return frozenset(listed.split())


QUESTION_WORDS = words_of(
    """wer wen wem wessen was wann wo wohin woher warum wieso weshalb wie wieviel wieviele welche
    welcher welches welchen welchem womit wofür wodurch wozu worin woran worauf
    who whom whose what when where why how which"""
)
VERBS = words_of(
    """ist sind war waren wird werden wurde wurden hat haben hatte hatten kann können konnte darf
    dürfen muss müssen soll sollen sollte will wollen gibt gilt gelten beträgt betragen heißt
    bedeutet steht stehen bekommt bekomme bekommen braucht brauche brauchen macht machen mache
    kostet kosten endet enden beginnt beginnen dauert dauern geht gehen kommt kommen passiert liegt
    verfällt verjährt regelt regeln erhält erhalte erhalten zahlt zahle zahlen bezahlt finde findet
    is are was were be been am do does did has have had can could may might must shall should will
    would get gets need needs happen happens apply applies mean means cost costs take takes end ends
    begin begins start starts work works pay pays say says exist exists expire expires include
    includes last lasts count counts become becomes
    nenne nennen erkläre erklären erklärst zeige zeigen sage sagen give tell show list explain
    explains"""
)
# Of what? A question that names nothing else leans.
RELATIONAL = words_of(
    """ausnahme ausnahmen voraussetzung voraussetzungen bedingung bedingungen beispiel beispiele
    grund gründe unterschied unterschiede folge folgen vorteil vorteile nachteil nachteile
    alternative alternativen details einzelheiten rest quelle quellen möglichkeiten
    exception exceptions requirement requirements condition conditions example examples reason
    reasons difference differences consequence consequences advantage advantages disadvantage
    disadvantages alternative alternatives details rest source sources limit limits"""
)
