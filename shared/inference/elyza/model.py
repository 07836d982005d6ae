"""What a script consists of."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from shared.kernel.errors import InvalidError

LANGUAGES: Final = ("de", "en")
_FOLDER = Path(__file__).with_name("scripts")


@dataclass(frozen=True, slots=True)
class Rule:
    """One way to take a sentence apart, and how to answer it: ``{1}`` is the first group.

    ``is_kept`` answers are kept in memory and said when nothing else fits.
    """

    pattern: re.Pattern[str]
    answers: tuple[str, ...]
    is_kept: bool = False


@dataclass(frozen=True, slots=True)
class Keyword:
    """A word worth answering to; of several in a sentence the highest rank comes first."""

    words: tuple[str, ...]
    rank: int
    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Courtesy:
    """Small talk that is recognised as a whole: nothing but these words may be said."""

    kind: str
    pattern: re.Pattern[str]
    answers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Script:
    """Everything Elyza can say in one language.

    ``padding`` are words that change nothing about a courtesy ("hello *there*"); ``reflections``
    turn what somebody says about himself into what is said to him.
    """

    language: str
    courtesies: tuple[Courtesy, ...]
    padding: re.Pattern[str]
    reflections: Mapping[str, str]
    keywords: tuple[Keyword, ...]
    fallbacks: tuple[str, ...]
    openings: tuple[str, ...]


@cache
def script(language: str) -> Script:
    """Read the script of a language; anything but German is answered in English."""
    name = language if language in LANGUAGES else "en"
    return read_script((_FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def read_script(text: str) -> Script:
    """Read a script from JSON; raises InvalidError saying what is wrong with it."""
    try:
        stored = json.loads(text)
        return Script(
            language=stored["language"],
            courtesies=tuple(_courtesy(each) for each in stored["courtesies"]),
            padding=_whole(stored["padding"]),
            reflections=dict(stored["reflections"]),
            keywords=tuple(_keyword(each) for each in stored["keywords"]),
            fallbacks=tuple(stored["fallbacks"]),
            openings=tuple(stored["openings"]),
        )
    except (KeyError, TypeError, ValueError, re.error) as error:
        raise InvalidError(
            f"The script for small talk is damaged: {error!r}.",
            hint="Install Kontor again, or mend shared/inference/elyza/scripts.",
        ) from error


def _courtesy(stored: Mapping[str, object]) -> Courtesy:
    return Courtesy(str(stored["kind"]), _whole(stored["says"]), tuple(_strings(stored["answers"])))


def _keyword(stored: Mapping[str, object]) -> Keyword:
    rules = stored["rules"]
    if not isinstance(rules, list):
        raise TypeError("rules is not a list")
    return Keyword(
        words=tuple(_strings(stored["words"])),
        rank=int(str(stored.get("rank", 1))),
        rules=tuple(_rule(each) for each in rules),
    )


def _rule(stored: Mapping[str, object]) -> Rule:
    return Rule(
        pattern=re.compile(str(stored["matches"]), re.IGNORECASE),
        answers=tuple(_strings(stored["answers"])),
        is_kept=bool(stored.get("is_kept", False)),
    )


def _whole(stored: object) -> re.Pattern[str]:
    return re.compile(f"(?:{'|'.join(_strings(stored))})", re.IGNORECASE)


def _strings(stored: object) -> list[str]:
    if not isinstance(stored, list) or not stored:
        raise TypeError("a list of texts is missing")
    return [str(each) for each in stored]
