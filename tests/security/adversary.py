"""Random operations of many people on every door, watched for words that are not theirs."""

from __future__ import annotations

import io
import json
import random
import re
import zipfile
from collections import Counter
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx

from shared.identity.model import Principal
from shared.tenancy import service as tenancy
from tests.functions.http_events import Answer
from tests.security import lines
from tests.security.gateway import Route, text_of
from tests.security.lines import Lines
from tests.security.scene import BODIES, FIXED, Scene, Side

_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_URL = re.compile(r"http://127\.0\.0\.1:\d+/[^\s\"\\<>]+")
UNTRIED = frozenset(
    {
        "POST /api/v1/tenant/erasure",
        "POST /api/v1/users/{user_id}/erasure",
        "DELETE /api/v1/users/{user_id}",
        "PUT /api/v1/sign-in-policy",
    }
)
"""Routes that would end the scene for those in it."""
RARE = frozenset({"POST /api/v1/chat", "POST /api/v1/agents/runs", "POST /api/v1/users"})
"""Routes that cost tens of milliseconds: one in eight of their turns is taken."""
EXPORTS = frozenset({"POST /api/v1/tenant/exports", "POST /api/v1/users/{user_id}/export"})
"""Routes whose work is done at once and looked into: one in sixteen of their turns is taken."""
DOWNLOAD = "GET /api/v1/documents/{document_id}/download"
NEWS = "news"
"""Somebody puts a file in, and who listens hears of it."""
HIDDEN = "NORDLICHT"
"""A word of a folder that one of the people is kept from."""
QUESTIONS = ("Wie lautet der Code?", "Wie hoch ist die Miete?", "What is the code?")


@dataclass(frozen=True, slots=True)
class Leak:
    """An answer that told somebody what is not theirs."""

    caller: str
    route: str
    told: str


@dataclass
class Person:
    """Somebody who tries things: a principal, the tenant, and what must not be told to them."""

    principal: Principal
    side: Side
    hidden: set[str] = field(default_factory=set)


@dataclass
class Adversary:
    """Draws callers, routes and values from one seed, and notes every id where it first came up."""

    scene: Scene
    lines: Lines
    people: list[Person]
    dice: random.Random
    home_of: dict[str, str] = field(default_factory=dict)
    tried: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    frames: Counter[str] = field(default_factory=Counter)
    leaks: list[Leak] = field(default_factory=list)
    fetched: set[str] = field(default_factory=set)
    listeners: dict[str, Person] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for side in (self.scene.acme, self.scene.globex):
            self.home_of |= dict.fromkeys(side.secrets, side.canary)
        for person in self.people:
            self.listeners[self.lines.connect(person.principal)] = person

    def run(self, operations: int) -> None:
        """Try so many operations; one in four is at a door that stays open."""
        routes = [one for key, one in self.scene.api.by_key.items() if key not in UNTRIED]
        for person in self.people:
            for key in (*sorted(EXPORTS), DOWNLOAD):
                self._try(person, self.scene.api.by_key[key], own=person.side)
        streams, frames = sorted(lines.streamed_routes()), sorted(lines.actions())
        while sum(self.tried.values()) < operations:
            person = self.dice.choice(self.people)
            draw = self.dice.random()
            if draw < 0.03:
                self._stream(person, self.dice.choice(streams))
            elif draw < 0.045:
                self.put_in(person, is_hidden=self.dice.random() < 0.5)
            elif draw < 0.25:
                self._send_frame(person, self.dice.choice(frames))
            else:
                self._try(person, self.dice.choice(routes))

    def _try(self, person: Person, route: Route, own: Side | None = None) -> None:
        """Send a request with ids of either tenant, or of the given one."""
        one_in = 8 if route.key in RARE else 16 if route.key in EXPORTS else 1
        if own is None and self.dice.random() > 1 / one_in:
            return
        values = self._values(route, own)
        body = self._body(route)
        query = {"q": self.dice.choice(QUESTIONS)} if self.dice.random() < 0.2 else None
        caller = person.principal if self.dice.random() < 0.95 else None
        answer = self.scene.api.call(
            route.key, caller, values=values, body=body, query=query or None
        )
        self._note(person, route.key, answer.status)
        if route.key in EXPORTS and answer.status < 300:
            answer = self._do_export(person, answer)
        sent = {*map(str, values.values()), str(body)}
        self._listen(person, route.key, text_of(answer), sent)
        self._fetch(person, route.key, text_of(answer))
        self._hear(sent)

    def _note(self, person: Person, key: str, status: int) -> None:
        self.tried[key] += 1
        self.statuses[status] += 1
        if status >= 500 and status != 503:
            self.leaks.append(Leak(person.principal.email, key, f"answered {status}"))

    # -- doors that stay open ------------------------------------------------------------------

    def _stream(self, person: Person, key: str) -> None:
        """Ask over a stream and read it to its end."""
        if person.principal.permissions is not None:
            return  # a token carries all that its role may
        things = self._things()
        body = lines.BODIES[key](self.dice.choice(QUESTIONS), things)
        status, text = lines.call_streamed(key, self.lines.token(person.principal), body)
        self._note(person, key, status)
        self._listen(person, key, text, {str(body)})
        self._hear({str(body)})

    def _send_frame(self, person: Person, action: str) -> None:
        """Say something over one's connection; what it is answered is heard by ``_hear``."""
        if action == "ask" and self.dice.random() > 1 / 4:
            return
        things = self._things()
        body = lines.FRAMES[action](self.dice.choice(QUESTIONS), things)
        connection = f"c-{person.principal.user_id}"
        answer = lines.call_action(action, person.principal, body, connection=connection)
        self._note(person, f"frame {action}", answer["statusCode"])
        self._hear({str(body)})

    def put_in(self, person: Person, *, is_hidden: bool) -> None:
        """Put a file in, into the hidden folder if there is one, and push the news of it."""
        pipeline, canary = person.side.pipeline, person.side.canary
        hidden = is_hidden and person.side is self.scene.acme
        word = HIDDEN if hidden else canary
        name = f"{word}-{sum(self.tried.values())}.md"
        job_id = pipeline.send(f"# {word}\n", name, folder="Vorstand" if hidden else "")
        pipeline.run()
        document_id = pipeline.job(job_id).document_id
        self.home_of |= {str(job_id): canary, str(document_id): canary}
        self.lines.announce(person.side.tenant)
        self._note(person, NEWS, 200)
        self._hear(set())

    def _hear(self, sent: set[str]) -> None:
        """Look at what was posted to connections, each as heard by whose connection it is."""
        for connection, frame in self.lines.callbacks.drain():
            self.frames[str(frame["type"])] += 1
            text = json.dumps(frame, ensure_ascii=False)
            self._listen(self.listeners[connection], f"frame {frame['type']}", text, sent)

    # -- what lies behind an answer ------------------------------------------------------------

    def _do_export(self, person: Person, answer: Answer) -> Answer:
        """Do the work an export waits for; returns what its maker is then shown."""
        app = self.lines.app
        with app.database.system_transaction() as session:
            waiting = [
                work
                for work in tenancy.list_work(session)
                if work.tenant_id == person.principal.tenant_id
            ]
        for work in waiting:
            app.workshop.go_on(work)
        values = {"task_id": str(answer.body["id"])}  # type: ignore[index]
        return self.scene.api.call(
            "GET /api/v1/tenant/tasks/{task_id}", person.principal, values=values
        )

    def _fetch(self, person: Person, key: str, text: str) -> None:
        """Get what an answer links to, once each, archives unpacked, and look for others' words."""
        for url in _URL.findall(text):
            place = urlsplit(url).path
            if place in self.fetched or "X-Amz-Signature" not in url:
                continue
            self.fetched.add(place)
            content = httpx.get(url.replace("\\u0026", "&"), timeout=30).content
            for part in _unpacked(content):
                said = part.decode("utf-8", "replace")
                self._listen(person, f"{key} -> {place.rpartition('/')[2]}", said, set())

    # -- values --------------------------------------------------------------------------------

    def _things(self) -> dict[str, str]:
        """Take some ids of either tenant."""
        side = self.dice.choice((self.scene.acme, self.scene.globex))
        return {
            name: side.things[name]
            for name in ("document_id", "conversation_id", "message_id", "job_id")
            if self.dice.random() < 0.4
        }

    def _values(self, route: Route, own: Side | None) -> dict[str, str]:
        """Take an id of either tenant for each parameter, or one of nothing."""
        drawn = {}
        for name in route.names:
            if name in FIXED:
                drawn[name] = FIXED[name]
                continue
            side = own or self.dice.choice((self.scene.acme, self.scene.globex))
            if name in side.things and (own or self.dice.random() < 0.9):
                drawn[name] = side.things[name]
        return drawn

    def _body(self, route: Route) -> object:
        if "question" in str(BODIES.get(route.key)):
            return {"question": self.dice.choice(QUESTIONS)}
        if route.key in {"POST /api/v1/shares", "POST /api/v1/similar"}:
            side = self.dice.choice((self.scene.acme, self.scene.globex))
            kinds = ("document_id", "folder_id", "collection_id")
            name = self.dice.choice(kinds) if route.key.endswith("shares") else kinds[0]
            return {name: side.things[name]}
        return BODIES.get(route.key)

    def _listen(self, person: Person, key: str, text: str, sent: set[str]) -> None:
        asked = " ".join(sent)
        for secret in person.hidden:
            if secret in text and secret not in asked:
                self.leaks.append(Leak(person.principal.email, key, secret))
        for side in (self.scene.acme, self.scene.globex):
            if side is not person.side and side.canary in text:
                self.leaks.append(Leak(person.principal.email, key, side.canary))
        for found in set(_ID.findall(text)):
            home = self.home_of.setdefault(found, person.side.canary)
            if home != person.side.canary and found not in asked:
                self.leaks.append(Leak(person.principal.email, key, found))


def _unpacked(content: bytes) -> list[bytes]:
    if not content.startswith(b"PK"):
        return [content]
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return [archive.read(name) for name in archive.namelist()]
