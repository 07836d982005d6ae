"""What the embedding model said once: tests embed the same passages and questions over and over.

Every answer is the model's own, to exactly these tokens in exactly this company; only the
arithmetic is spared when a later test asks again.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Any

from shared.inference.embedding import OnnxEmbedder

MOST_BYTES = 96 * 1024 * 1024


class RememberingSession:
    """An ONNX session that keeps its latest answers, up to so many bytes of them."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._kept: OrderedDict[tuple[object, ...], list[Any]] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    def run(self, outputs: list[str], given: dict[str, Any]) -> list[Any]:
        asked = {name: (array.shape, array.tobytes()) for name, array in given.items()}
        key = (*outputs, *sorted(asked.items()))
        with self._lock:
            if key not in self._kept:
                self._kept[key] = self._asked(outputs, given)
            self._kept.move_to_end(key)
            answer = self._kept[key]
            while self._bytes > MOST_BYTES:
                _, gone = self._kept.popitem(last=False)
                self._bytes -= sum(array.nbytes for array in gone)
            return answer

    def _asked(self, outputs: list[str], given: dict[str, Any]) -> list[Any]:
        answer: list[Any] = self._session.run(outputs, given)
        for array in answer:
            array.flags.writeable = False  # whoever wrote into it would tell later tests
        self._bytes += sum(array.nbytes for array in answer)
        return answer


def remembering(embedder: OnnxEmbedder) -> OnnxEmbedder:
    """Let an embedder's sessions keep their answers."""
    embedder._session = RememberingSession(embedder._session)
    embedder._questions = RememberingSession(embedder._question_session())
    return embedder
