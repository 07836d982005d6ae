"""A desk to work at in tests: a library, a small web behind the guard, and what was told."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from shared.adapters.database import Database
from shared.adapters.egress import Egress
from shared.adapters.objects import Objects
from shared.adapters.websearch.port import Provider
from shared.adapters.websearch.registry import open_web_search
from shared.agents import service
from shared.agents.desk import Desk
from shared.agents.model import Budget, Report
from shared.agents.outgoing import Outgoing
from shared.answering.model import AnswerEvent, Instruments
from shared.generation.language_models import LanguageModel
from shared.identity.model import Principal
from shared.inference.embedding import Embedder
from shared.inference.model import Message
from shared.kernel.ids import TenantId
from shared.kernel.settings import read_settings
from shared.search import service as search
from tests.unit.adapters.web import Page, WebServer

WIKI = """<html><head><title>Lake Baikal</title><style>p {color: red}</style></head><body>
<nav>Home | About</nav>
<h1>Lake Baikal</h1>
<p>Lake Baikal is a rift lake in Russia. Lake Baikal is 1,642 metres deep, which makes it the
deepest lake of the world.</p>
<p hidden>The secret depth is 9 metres.</p>
<script>alert('x')</script>
<p>The lake freezes from January to May. Its water is very clear.</p>
</body></html>"""


@dataclass
class Office:
    """A desk, the web outside it, and every event that was told."""

    desk: Desk
    web: WebServer
    told: list[AnswerEvent] = field(default_factory=list)
    models: list[LanguageModel] = field(default_factory=list)

    def run(self, task: str, *, web: bool = False, seconds: float = 60) -> Report:
        run_id = service.begin(self.desk, task, may_search_web=web)
        return service.advance(self.desk, run_id, seconds=seconds)

    def go_on(self, report: Report) -> Report:
        return service.advance(self.desk, report.run.id, seconds=60)

    @property
    def kinds(self) -> list[str]:
        return [event.kind for event in self.told]

    def shaped(self, **changes: object) -> Office:
        """An office of the same people with something else on the desk."""
        return replace(self, desk=replace(self.desk, **changes))  # type: ignore[arg-type]

    def as_user(self, principal: Principal) -> Office:
        return self.shaped(principal=principal)

    def think(self, *answers: str | dict[str, object]) -> Planner:
        """Give the desk a language model that says these things, one after another."""
        planner = Planner([a if isinstance(a, str) else json.dumps(a) for a in answers])
        self.models[:] = [planner]
        return planner

    def find_pages(self, *names: str) -> None:
        """Let the web search return pages of this web server."""
        listed = [
            {"url": f"{self.web.url}/{name}", "title": name, "content": f"about {name}"}
            for name in names
        ]
        body = json.dumps({"results": listed}).encode()
        self.web.pages["/search"] = Page(body, "application/json")


@dataclass
class Planner:
    """A language model that says what the test wrote, one answer a call, and notes the asking."""

    answers: list[str]
    heard: list[Sequence[Message]] = field(default_factory=list)
    name: str = "scripted/planner"

    def stream(
        self, messages: Sequence[Message], *, max_tokens: int, temperature: float
    ) -> Iterator[str]:
        self.heard.append(messages)
        said = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        yield from (said[at : at + 7] for at in range(0, len(said), 7))


def make_office(
    database: Database, embedder: Embedder, principal: Principal, web: WebServer
) -> Office:
    config = read_settings({})
    models: list[LanguageModel] = []
    told: list[AnswerEvent] = []

    def open_model() -> LanguageModel | None:
        return models[0] if models else None

    egress = Egress(inside=web.place)
    provider = Provider(address=web.url)
    web.pages["/search"] = Page(b'{"results": []}', "application/json")
    web.pages["/baikal"] = Page(WIKI.encode())
    desk = Desk(
        instruments=Instruments(
            database=database,
            embedder=embedder,
            open_language_model=lambda purpose="chat": None,
            ranking=search.ranking(config),
            answer_threshold=config.answer_threshold,
            related_threshold=config.related_threshold,
        ),
        principal=principal,
        outgoing=Outgoing(egress, open_web_search("searxng", provider, egress)),
        budget=Budget(),
        objects=Objects("none", region="eu-central-1", endpoint="http://127.0.0.1:1"),
        max_upload_bytes=1 << 20,
        upload_expiry_s=60,
        open_language_model=open_model,
        emit=told.append,
    )
    return Office(desk, web, told, models)


def kept_versions(database: Database, tenant: TenantId) -> None:
    """Give every document on the shelf the version row that intake would have left."""
    with database.transaction(tenant) as session:
        session.connection.execute(
            """
            INSERT INTO kontor.versions (
                tenant_id, id, document_id, number, filename, media_type, size_bytes, sha256,
                object_key, object_version, job_id, stage, created_by
            )
            SELECT tenant_id, current_version_id, id, 1, title, media_type, 3,
                decode(repeat(replace(id::text, '-', ''), 2), 'hex'), 'k', '1', id, 'completed',
                created_by
            FROM kontor.documents
            """
        )


def call(tool: str, **arguments: str) -> dict[str, object]:
    return {"tool": tool, "arguments": arguments}
