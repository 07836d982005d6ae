"""What the measurements share: one server, one client, one loaded corpus, made when first needed.

Without an address everything happens on a server of the bench's own in a temporary folder. A
server that somebody names is left as it is, unless a corpus is named as well.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

from infra.bench.answers import measure_asking, measure_search
from infra.bench.cold import measure_cold_starts
from infra.bench.corpus import Corpus, read_corpus
from infra.bench.embedding import measure_embedding, sample_texts
from infra.bench.giants import measure_giants, measure_many
from infra.bench.intake import count_chunks, measure_bulk, measure_intake
from infra.bench.judged import spread
from infra.bench.measurement import Measurement, Progress
from infra.bench.memory import measure_memory
from infra.bench.questions import questions_about
from infra.bench.server import BenchServer, measure_start
from infra.cli.client import KontorClient
from infra.cli.owner import read_running
from infra.cli.target import ROOT, Target, resolve
from infra.deploy.model import ensure_model
from shared.kernel.errors import InvalidError

CLIENTS = (1, 8)


@dataclass(frozen=True, slots=True)
class Plan:
    """What to measure and how often. ``named`` is the server to measure; ``None``: one of ours."""

    named: Target | None = None
    corpus: Path | None = None
    peer_python: Path | None = None
    chunks: int = 5500
    calls: int = 200
    documents: int = 10
    surroundings: Mapping[str, str] = field(default_factory=dict)


class Workshop:
    """Measures; what it made for that is gone when it is closed."""

    def __init__(self, plan: Plan, progress: Progress) -> None:
        self._plan = plan
        self._progress = progress
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    # -- the measurements ----------------------------------------------------------------------

    def start(self) -> list[Measurement]:
        """Measure how long `kontor up` takes until it is ready."""
        found = measure_start(self.server, progress=self._progress)
        if self._plan.named is not None:
            self.server.stop()  # it would disturb the one that is measured
        return found

    def cold(self) -> list[Measurement]:
        """Measure every function's cold start."""
        return measure_cold_starts(
            ROOT, model_dir=self.model_dir, logs=self.folder / "cold", progress=self._progress
        )

    def ingest(self) -> list[Measurement]:
        """Measure documents one at a time, then the whole corpus at once."""
        single = measure_intake(
            self.client, documents=self._plan.documents, progress=self._progress
        )
        return [*single, *self.loaded]

    def embedding(self) -> list[Measurement]:
        """Measure tokens per second."""
        return measure_embedding(
            sample_texts([file.content for file in self.corpus.files]),
            model_dir=self.model_dir,
            peer_python=self._plan.peer_python,
            surroundings=self._plan.surroundings,
            progress=self._progress,
        )

    def search(self) -> list[Measurement]:
        """Measure searches with one client and with several."""
        return self._ask_around("Searching", measure_search)

    def ask(self) -> list[Measurement]:
        """Measure whole answers with one client and with several."""
        return self._ask_around("Asking", measure_asking)

    def memory(self) -> list[Measurement]:
        """Measure the server's processes, as they are after everything before."""
        named = self._plan.named
        if named is None:
            _ = self.loaded
            return measure_memory(self.server.process_id)
        running = read_running(named.data)
        if running is None or running.api != named.profile.api:
            raise InvalidError(
                "The memory of a server elsewhere cannot be measured.",
                hint="Name the parts to measure, without memory.",
            )
        return measure_memory(running.process_id)

    def scale(self) -> list[Measurement]:
        """Measure searches of 50 to 100,000 chunks in a database of its own."""
        from infra.bench.embedding import NAME
        from infra.bench.questions import questions_from
        from infra.bench.search_speed import measure_search_speed, passages_from
        from shared.inference.registry import open_embedder

        passages = passages_from([file.content for file in self.corpus.files])
        questions = self.corpus.questions or questions_from(passages, self._plan.calls)
        return measure_search_speed(
            passages,
            questions,
            open_embedder(self.model_dir, NAME, threads=1),
            calls=self._plan.calls,
            progress=self._progress,
        )

    def recall(self) -> list[Measurement]:
        """Measure what search finds of what is nearest, in tenants beside each other."""
        from infra.bench.embedding import NAME
        from infra.bench.questions import questions_from
        from infra.bench.recall import QUESTIONS, measure_recall
        from shared.inference.registry import open_embedder

        texts = [file.content.decode("utf-8", "replace") for file in self.corpus.files]
        questions = self.corpus.questions or questions_from(texts, QUESTIONS)
        return measure_recall(
            texts,
            spread(questions, QUESTIONS),
            open_embedder(self.model_dir, NAME, arithmetic="int8"),
            progress=self._progress,
        )

    def giants(self) -> list[Measurement]:
        """Measure memory over giant documents, and over very many small ones."""
        found = measure_giants(model_dir=self.model_dir, progress=self._progress)
        if self._plan.named is None:
            client = self.client
            found += measure_many(client, self.server.process_id, progress=self._progress)
        return found

    # -- what they share -----------------------------------------------------------------------

    @cached_property
    def folder(self) -> Path:
        """A folder for everything, removed at the end."""
        made = Path(tempfile.mkdtemp(prefix="kb-"))  # short: Postgres' socket lies below it
        self._stack.callback(shutil.rmtree, made, ignore_errors=True)
        return made

    @cached_property
    def model_dir(self) -> Path:
        """The embedding model, built where the bench's own server would build it."""
        folder = self.folder / "data" / "models"
        ensure_model(folder, progress=self._progress)
        return folder

    @cached_property
    def server(self) -> BenchServer:
        """The bench's own server; whoever needs it running starts it."""
        server = BenchServer(ROOT, self.folder / "data", self._plan.surroundings)
        self._stack.callback(server.stop)
        return server

    @cached_property
    def client(self) -> KontorClient:
        """A signed-in client of the server that is measured."""
        target = self._plan.named
        if target is None:
            if not self.server.is_running:
                self._progress("Starting a server.")
                self.server.start()
            target = resolve(api="", token="", data=self.server.data)
        client = self._stack.enter_context(KontorClient(target))
        client.me()
        return client

    @cached_property
    def corpus(self) -> Corpus:
        """The texts to load and to embed."""
        self._progress("Reading the corpus.")
        return read_corpus(self._plan.corpus, chunks=self._plan.chunks)

    @cached_property
    def loaded(self) -> list[Measurement]:
        """The corpus on the server, and how fast it got there; empty where none was to be put."""
        if self._plan.named is not None and self._plan.corpus is None:
            return []
        return measure_bulk(
            self.client, self.corpus.files, origin=self.corpus.origin, progress=self._progress
        )

    @cached_property
    def questions(self) -> tuple[str, ...]:
        """The questions that came with the corpus, or some in the documents' own words."""
        _ = self.loaded
        given = self.corpus.questions if self.loaded else ()
        return given[: self._plan.calls] or questions_about(self.client, self._plan.calls)

    @cached_property
    def chunks(self) -> int:
        """How many chunks are searched."""
        return count_chunks(self.client)

    def _ask_around(
        self, what: str, measure: Callable[..., list[Measurement]]
    ) -> list[Measurement]:
        from dataclasses import replace

        found: list[Measurement] = []
        for clients in CLIENTS:
            questions = self.questions
            note = f"{self.chunks:,} chunks, {len(questions)} questions"
            self._progress(f"{what} with {clients} of {max(CLIENTS)} clients.")
            results = measure(self.client, questions, calls=self._plan.calls, clients=clients)
            found += [replace(each, note=f"{each.note}, {note}") for each in results]
        return found


PARTS: dict[str, Callable[[Workshop], list[Measurement]]] = {
    "start": Workshop.start,
    "cold": Workshop.cold,
    "ingest": Workshop.ingest,
    "embedding": Workshop.embedding,
    "search": Workshop.search,
    "ask": Workshop.ask,
    "memory": Workshop.memory,
    "scale": Workshop.scale,
    "recall": Workshop.recall,
    "giants": Workshop.giants,
}
ON_REQUEST = frozenset({"scale", "recall", "giants"})  # take minutes; only when named
