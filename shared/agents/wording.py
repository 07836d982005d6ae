"""What an agent says in its own words, in German and in English."""

from __future__ import annotations

from dataclasses import dataclass

from shared.agents.calculation import Spoken


@dataclass(frozen=True, slots=True)
class Wording:
    """The fixed sentences of one language; places in braces are filled in."""

    planned: str
    asked_library: str
    searched_library: str
    searched_web: str
    no_search: str
    read_page: str
    unread_page: str
    reckoned: str
    not_reckoned: str
    asked_back: str
    proposed: str
    composed: str
    nothing_found: str
    related_web: str
    used_up: str
    which_document: str
    no_document: str
    not_said: str
    declined: str
    save_page: str
    tag_document: str
    move_document: str
    saved: str
    tagged: str
    moved: str


_WORDINGS: dict[Spoken, Wording] = {
    "de": Wording(
        planned="Nächster Schritt: {}",
        asked_library="In den Dokumenten nachgesehen: {}",
        searched_library="In den Dokumenten gesucht: {}",
        searched_web="Im Web gesucht nach „{}“: {} Seiten",
        no_search="Die Websuche ging nicht: {}",
        read_page="Seite gelesen: {}",
        unread_page="Seite nicht gelesen: {} ({})",
        reckoned="Gerechnet: {} = {}",
        not_reckoned="Nicht gerechnet: {}",
        asked_back="Zurückgefragt",
        proposed="Eine Änderung vorgeschlagen",
        composed="Antwort aus {} Quellen geschrieben",
        nothing_found="Dazu finde ich weder in den Dokumenten noch auf den gelesenen Seiten etwas.",
        related_web="Eine sichere Antwort steht nicht auf den Seiten. Am nächsten kommt: ",
        used_up="Das Budget dieses Laufs ({}) ist aufgebraucht.",
        which_document="Welches Dokument ist gemeint? {}",
        no_document="Es gibt kein Dokument, das „{}“ heißt.",
        not_said="Das habe ich nicht verstanden. Bitte sagen Sie es mit anderen Worten.",
        declined="Gut, nichts wurde geändert.",
        save_page="Die Webseite {} in die Bibliothek aufnehmen{}",
        tag_document="Das Dokument „{}“ mit {} kennzeichnen",
        move_document="Das Dokument „{}“ in den Ordner „{}“ verschieben",
        saved="Die Seite wird aufgenommen; sie ist gleich zu finden.",
        tagged="Das Dokument „{}“ trägt jetzt: {}.",
        moved="Das Dokument „{}“ liegt jetzt im Ordner „{}“.",
    ),
    "en": Wording(
        planned="Next: {}",
        asked_library="Looked into the documents: {}",
        searched_library="Searched the documents: {}",
        searched_web="Searched the web for “{}”: {} pages",
        no_search="The web could not be searched: {}",
        read_page="Read the page {}",
        unread_page="Could not read the page {} ({})",
        reckoned="Reckoned: {} = {}",
        not_reckoned="Did not reckon: {}",
        asked_back="Asked back",
        proposed="Proposed a change",
        composed="Wrote the answer from {} sources",
        nothing_found="I find nothing about this in the documents nor on the pages I read.",
        related_web="The pages give no certain answer. This comes closest: ",
        used_up="The budget of this run ({}) is used up.",
        which_document="Which document do you mean? {}",
        no_document="There is no document called “{}”.",
        not_said="I did not understand this. Please say it in other words.",
        declined="All right, nothing was changed.",
        save_page="Add the web page {} to the library{}",
        tag_document="Tag the document “{}” with {}",
        move_document="Move the document “{}” to the folder “{}”",
        saved="The page is being added; it can be found in a moment.",
        tagged="The document “{}” is now tagged: {}.",
        moved="The document “{}” is now in the folder “{}”.",
    ),
}


_STEPS: dict[Spoken, dict[str, str]] = {
    "de": {
        "ask_library": "die Dokumente fragen",
        "search_library": "in den Dokumenten suchen",
        "search_web": "im Web suchen",
        "read_page": "eine Seite lesen",
        "calculate": "rechnen",
        "ask_back": "zurückfragen",
        "propose": "eine Änderung vorschlagen",
        "compose": "die Antwort schreiben",
    },
    "en": {
        "ask_library": "ask the documents",
        "search_library": "search the documents",
        "search_web": "search the web",
        "read_page": "read a page",
        "calculate": "reckon",
        "ask_back": "ask back",
        "propose": "propose a change",
        "compose": "write the answer",
    },
}


def next_step(node: str, language: Spoken) -> str:
    """Say what a run does next."""
    return _WORDINGS[language].planned.format(_STEPS[language][node])


def wording(language: Spoken) -> Wording:
    """Return the sentences of a language."""
    return _WORDINGS[language]
