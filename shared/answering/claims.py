"""A model's sentences one by one: each is cited, or shown to be without support, as it ends.

Words go out as they come; only the first word of a following sentence waits, because it decides
whether the one before has ended. Where unsupported sentences are dropped, a sentence waits for
its end.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from shared.answering.model import Tuning
from shared.answering.packing import Passage
from shared.answering.transcript import Transcript
from shared.answering.wording import Spoken, wording
from shared.inference.sentences import sentences
from shared.kernel.safe_text import render
from shared.search.model import Hit
from shared.understanding.claiming import DECORATION, is_claiming
from shared.understanding.model import Span
from shared.understanding.service import Grounds, share_of_words

_FIRST_WORD = re.compile(r"\S+\s")
_SHORTEST_PART = 3
# Passages that share less of a sentence's words are not read for its support.
_WORTH_A_LOOK = 0.25
_MOST_LOOKED_AT = 3


class Claims:
    """Takes a model's words and markers; says them with the citations that hold."""

    def __init__(
        self,
        passages: Sequence[Passage],
        grounds: Grounds,
        transcript: Transcript,
        *,
        spoken: Spoken,
        tuning: Tuning,
    ) -> None:
        self._passages = passages
        self._grounds = grounds
        self._transcript = transcript
        self._spoken: Spoken = spoken
        self._is_dropping = tuning.unsupported == "drop"
        self._sentence = ""  # what was taken of the present sentence
        self._part = ""  # what was taken of it since its last marker
        self._held = ""  # what may belong to the next one
        self._cites: list[tuple[int, Hit, Span]] = []  # places in a sentence that waits
        self._is_cited = False
        self.supported = 0
        self.unsupported = 0

    def take(self, words: str) -> None:
        """Take the next words."""
        self._held += words
        self._advance(is_end=False)

    def cite(self, numbers: Sequence[int]) -> None:
        """Take a marker: the numbers of passages that the words before it rest on."""
        self._advance(is_end=True)
        for number in numbers:
            if not 1 <= number <= len(self._passages):
                continue
            found = self._support(self._sentence, self._passages[number - 1])
            if found is None and len(self._part.split()) >= _SHORTEST_PART:
                found = self._support(self._part, self._passages[number - 1])
            if found is not None:
                self._say_citation(*found)
        self._part = ""

    def close(self) -> None:
        """End the last sentence."""
        self._advance(is_end=True)
        self._end_sentence()
        self._transcript.close()

    def _advance(self, *, is_end: bool) -> None:
        while True:
            whole = self._sentence + self._held
            spans = sentences(whole, self._spoken)
            if len(spans) < 2:  # noqa: PLR2004 - one sentence, still going on
                self._say(len(self._held))
                return
            following = spans[1][0]
            if not is_end and not _FIRST_WORD.search(whole, following):
                self._say(max(0, spans[0][1] - len(self._sentence)))
                return
            self._say(following - len(self._sentence))
            self._end_sentence()

    def _say(self, count: int) -> None:
        """Take so many of the characters that are held into the sentence."""
        text, self._held = self._held[:count], self._held[count:]
        self._sentence += text
        self._part += text
        if text and not self._is_dropping:
            self._transcript.say(text)

    def _say_citation(self, hit: Hit, span: Span) -> None:
        self._is_cited = True
        if self._is_dropping:
            self._cites.append((len(self._sentence), hit, span))
        else:
            self._transcript.cite(hit, *span)

    def _end_sentence(self) -> None:
        sentence = self._sentence
        is_claim = is_claiming(sentence)
        if is_claim and not self._is_cited:
            found = self._find_anywhere(sentence)
            if found is not None:
                self._say_citation(*found)
        if self._is_cited:
            self.supported += 1
            self._release()
        elif is_claim:
            self.unsupported += 1
            self._show_unsupported(sentence)
        else:
            self._release()
        self._sentence = self._part = ""
        self._cites, self._is_cited = [], False

    def _show_unsupported(self, sentence: str) -> None:
        if self._is_dropping:
            self._transcript.drop_unsupported()
            return
        shown = render(" ".join(sentence.split()))
        self._transcript.mark_unsupported(shown, wording(self._spoken).unsupported)

    def _release(self) -> None:
        """Say a sentence that waited for its end."""
        if not self._is_dropping:
            return
        at = 0
        for place, hit, span in self._cites:
            self._transcript.say(self._sentence[at:place])
            self._transcript.cite(hit, *span)
            at = place
        self._transcript.say(self._sentence[at:])

    def _support(self, claim: str, passage: Passage) -> tuple[Hit, Span] | None:
        claim = DECORATION.sub("", claim)
        head = passage.head
        context = " ".join([head.title, *head.heading_path])
        for hit in passage.hits:
            span = self._grounds.find_support(
                claim, hit.text, language=hit.language, context=context
            )
            if span is not None:
                return hit, span
        return None

    def _find_anywhere(self, sentence: str) -> tuple[Hit, Span] | None:
        """Look for support that the model did not name, in the passages nearest in words."""
        shares = [
            (max(share_of_words(sentence, hit.text, hit.language) for hit in each.hits), each)
            for each in self._passages
        ]
        ranked = sorted(shares, key=lambda pair: -pair[0])[:_MOST_LOOKED_AT]
        for share, passage in ranked:
            if share >= _WORTH_A_LOOK:
                found = self._support(sentence, passage)
                if found is not None:
                    return found
        return None
