"""A small Kontor server for tests of the command line: the contract's HTTP, SSE and WebSocket.

It is a real ASGI server on 127.0.0.1. What a document's file name says decides its fate, so tests
read like stories: ``kaputt…`` fails, the same bytes twice are a duplicate, ``langsam…`` waits.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import threading
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import HTTP
from uuid import uuid4

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from infra.local.ports import take_port

PASSWORD = "correct horse battery"
STAGES = ("uploaded", "analyzing", "chunking", "embedding", "indexing", "completed")
AT = "2026-11-20T10:00:00+00:00"


def problem(status: int, code: str, detail: str, hint: str = "", **headers: str) -> JSONResponse:
    body = {
        "type": f"urn:kontor:problem:{code}",
        "title": code,
        "status": status,
        "detail": detail,
        "hint": hint,
    }
    return JSONResponse(body, status, headers=headers, media_type="application/problem+json")


@dataclass
class FakeKontor:
    """What the server knows, and the switches with which a test makes it misbehave."""

    tokens: set[str] = field(default_factory=set)
    refresh_tokens: set[str] = field(default_factory=set)
    token_life_s: int = 900
    code: str = ""
    documents: dict[str, dict[str, object]] = field(default_factory=dict)
    jobs: dict[str, dict[str, object]] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    bodies: list[dict[str, object]] = field(default_factory=list)
    correlation_ids: set[str] = field(default_factory=set)
    busy_answers: int = 0
    retry_after: str = "0"
    has_sockets: bool = True
    drops_sockets: int = 0
    sends_frames: bool = True
    frozen: bool = False
    direct_limit: int = 4 * 1024 * 1024
    stream: list[tuple[str, object]] = field(default_factory=list)
    has_stream: bool = True
    results: list[dict[str, object]] = field(default_factory=list)
    around: dict[str, object] = field(default_factory=dict)
    hops: list[dict[str, object]] = field(default_factory=list)
    answers: dict[tuple[str, str], object] = field(default_factory=dict)
    requests: list[tuple[str, str, dict[str, object]]] = field(default_factory=list)
    subscribers: list[WebSocket] = field(default_factory=list)
    connections: int = 0
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def calls(self, method: str, path: str) -> int:
        return sum(m == method and p == path for m, p in self.asked)

    def add_document(self, title: str, **more: object) -> str:
        document_id = str(uuid4())
        self.documents[document_id] = {
            "id": document_id,
            "title": title,
            "folder": "",
            "media_type": "text/plain",
            "language": "de",
            "stage": "completed",
            "failure": "",
            "size_bytes": 1234,
            "page_count": 3,
            "chunk_count": 7,
            "version": 1,
            "created_at": AT,
            "updated_at": AT,
            "metadata": {},
            **more,
        }
        return document_id

    # -- identity ------------------------------------------------------------------------------

    async def login(self, request: Request) -> Response:
        body = await request.json()
        self.asked.append(("POST", "/auth/login"))
        if body["password"] != PASSWORD:
            return problem(401, "unauthenticated", "E-mail or password is wrong.", "Try again.")
        if self.code and "challenge" not in body:
            asked = {"type": "urn:kontor:problem:second-factor-required", "detail": "A code."}
            return JSONResponse({**asked, "status": 401, "challenge": "kontor_ch_x"}, 401)
        return self.welcome(body["email"])

    async def second_factor(self, request: Request) -> Response:
        body = await request.json()
        self.asked.append(("POST", "/auth/login/second-factor"))
        if body != {"challenge": "kontor_ch_x", "code": self.code}:
            return problem(401, "unauthenticated", "The code is wrong.", "Wait for the next one.")
        return self.welcome("ada@example.org")

    async def renew(self, request: Request) -> Response:
        """A refresh token counts once; a second use ends everything, as the real server does."""
        body = await request.json()
        self.asked.append(("POST", "/auth/refresh"))
        token = body["refresh_token"]
        if token not in self.refresh_tokens:
            self.tokens.clear()
            self.refresh_tokens.clear()
            return problem(401, "unauthenticated", "This session has ended.", "Sign in again.")
        self.refresh_tokens.remove(token)
        return self.welcome("ada@example.org")

    def welcome(self, email: str) -> Response:
        token, refresh = f"t-{uuid4()}", f"kontor_rt_{uuid4()}"
        self.tokens.add(token)
        self.refresh_tokens.add(refresh)
        user = {"id": "u", "email": email, "tenant_id": "tenant-1", "tenant": "demo"}
        given = {"access_token": token, "refresh_token": refresh, "user": user}
        return JSONResponse({**given, "expires_in": self.token_life_s})

    def refuse(self, request: Request) -> Response | None:
        self.asked.append((request.method, request.url.path))
        self.correlation_ids.add(request.headers.get("x-correlation-id", ""))
        if self.busy_answers:
            self.busy_answers -= 1
            return problem(
                503, "unavailable", "The database is away.", **{"retry-after": self.retry_after}
            )
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if token not in self.tokens:
            return JSONResponse({"message": "Unauthorized"}, 401)
        return None

    async def me(self, request: Request) -> Response:
        user = {"email": "ada@example.org", "tenant_id": "tenant-1", "tenant": "demo"}
        return self.refuse(request) or JSONResponse(user)

    async def endpoints(self, request: Request) -> Response:
        return self.refuse(request) or JSONResponse(
            {
                "websocket_url": f"ws://127.0.0.1:{self.port}/ws" if self.has_sockets else "",
                "stream_url": f"{self.url}/_url/stream" if self.has_stream else "",
                "version": "1",
            }
        )

    # -- uploads -------------------------------------------------------------------------------

    async def assets(self, request: Request) -> Response:
        if refused := self.refuse(request):
            return refused
        body = await request.body()
        if name := request.query_params.get("filename"):
            if len(body) > self.direct_limit:
                return JSONResponse({"message": "Request Entity Too Large"}, 413)
            folder = request.query_params.get("folder", "")
            job_id = self._open_job(name, folder, request.query_params.get("document_id", ""))
            self._arrive(job_id, body)
            return JSONResponse({"job_id": job_id}, 202)
        wanted = json.loads(body)
        self.bodies.append(wanted)
        if wanted["size_bytes"] > 100 * 1024 * 1024:
            return problem(413, "too-large", "The file has too many bytes.", "Split it.")
        job_id = self._open_job(wanted["filename"], wanted.get("folder", ""))
        fields = {"key": job_id, "Content-Type": wanted["media_type"]}
        form = {"url": f"{self.url}/bucket", "fields": fields}
        return JSONResponse({"job_id": job_id, "upload": form, "expires_at": AT}, 201)

    async def bucket(self, request: Request) -> Response:
        self.asked.append(("POST", "/bucket"))
        assert "authorization" not in request.headers
        head = f"Content-Type: {request.headers['content-type']}\n\n".encode()
        message = message_from_bytes(head + await request.body(), policy=HTTP)
        form = {
            part.get_param("name", header="content-disposition"): part.get_payload(decode=True)
            for part in message.walk()
            if not part.is_multipart()
        }
        self._arrive(str(form["key"], "ascii"), form["file"])  # type: ignore[arg-type]
        return Response(status_code=204)

    def _open_job(self, name: str, folder: str, target: str = "") -> str:
        job_id = str(uuid4())
        self.jobs[job_id] = {
            "id": job_id,
            "stage": "waiting",
            "progress": 0.0,
            "detail": "",
            "subject": name,
            "folder": folder,
            "target": target,
            "document_id": None,
            "events": [],
        }
        return job_id

    def _arrive(self, job_id: str, content: bytes) -> None:
        job = self.jobs[job_id]
        name, digest = str(job["subject"]), hashlib.sha256(content).hexdigest()
        if known := self.digests.get(digest):
            job["document_id"] = known
            title = self.documents[known]["title"]
            steps = [("completed", f"Same content as “{title}”.")]
        elif name.startswith("kaputt"):
            steps = [("uploaded", ""), ("failed", "The file is damaged: its end is missing.")]
        else:
            document_id = str(job["target"]) or self.add_document(
                name, folder=job["folder"], size_bytes=len(content)
            )
            if job["target"]:
                self.documents[document_id]["version"] += 1  # type: ignore[operator]
            self.digests[digest] = document_id
            job["document_id"] = document_id
            steps = [(stage, "") for stage in STAGES]
        self._task = asyncio.get_running_loop().create_task(self._work(job, steps))

    async def _work(self, job: dict[str, object], steps: list[tuple[str, str]]) -> None:
        for sequence, (stage, detail) in enumerate(steps, 1):
            while self.frozen and sequence > 1:
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.005)
            job.update(stage=stage, detail=detail, progress=sequence / len(steps))
            if self.sends_frames:
                await self._announce(job, sequence)

    async def _announce(self, job: dict[str, object], sequence: int) -> None:
        frame = {
            "type": "progress",
            "job_id": job["id"],
            "sequence": sequence,
            "at": AT,
            **{n: job[n] for n in ("document_id", "stage", "progress", "detail", "subject")},
        }
        for listener in list(self.subscribers):
            await listener.send_json(frame)

    async def list_jobs(self, request: Request) -> Response:
        final = {"completed", "failed"}
        items = [job for job in self.jobs.values() if job["stage"] not in final]
        return self.refuse(request) or JSONResponse({"items": items, "next_cursor": None})

    async def one_job(self, request: Request) -> Response:
        if refused := self.refuse(request):
            return refused
        job = self.jobs.get(request.path_params["id"])
        return JSONResponse(job) if job else problem(404, "not-found", "There is no such job.")

    # -- documents -----------------------------------------------------------------------------

    async def list_documents(self, request: Request) -> Response:
        if refused := self.refuse(request):
            return refused
        folder = request.query_params.get("folder", "")
        limit = int(request.query_params.get("limit", "50"))
        start = int(request.query_params.get("cursor") or 0)
        items = [d for d in self.documents.values() if str(d["folder"]).startswith(folder)]
        more = str(start + limit) if start + limit < len(items) else None
        return JSONResponse({"items": items[start : start + limit], "next_cursor": more})

    async def one_document(self, request: Request) -> Response:
        if refused := self.refuse(request):
            return refused
        found = self.documents.get(request.path_params["id"])
        if found is None:
            return problem(404, "not-found", "There is no such document.")
        if request.method == "DELETE":
            del self.documents[str(found["id"])]
            self.digests = {d: i for d, i in self.digests.items() if i != found["id"]}
            return Response(status_code=204)
        if request.method == "PATCH":
            found.update(await request.json())
            return JSONResponse(found)
        version = {"number": 1, "stage": "completed", "size_bytes": 3, "filename": "a.pdf"}
        return JSONResponse({**found, "versions": [version]})

    async def text(self, request: Request) -> Response:
        return self.refuse(request) or JSONResponse({"text": "Erste Zeile\nZweite \x1b[31mZeile"})

    async def trace(self, request: Request) -> Response:
        return self.refuse(request) or JSONResponse({"hops": self.hops})

    async def stored(self, request: Request) -> Response:
        """Hand out a presigned file; no token may come along."""
        assert "authorization" not in request.headers
        disposition = 'attachment; filename="../.hidden/lease.md"'
        return Response(b"the file", headers={"content-disposition": disposition})

    async def anything(self, request: Request) -> Response:
        """Give the answer that the test laid out for this route."""
        if refused := self.refuse(request):
            return refused
        path = request.url.path.removeprefix("/api/v1")
        text = await request.body()
        said = {**dict(request.query_params), **(json.loads(text) if text else {})}
        self.requests.append((request.method, path, said))
        answer = self.answers.get((request.method, path))
        if answer is None:
            return problem(404, "not-found", "There is no such thing.")
        return Response(answer) if isinstance(answer, bytes) else JSONResponse(answer)

    # -- questions -----------------------------------------------------------------------------

    async def search(self, request: Request) -> Response:
        if refused := self.refuse(request):
            return refused
        body = await request.json()
        self.bodies.append(body)
        start, size = int(body.get("cursor") or 0), body.get("k", 10)
        more = str(start + size) if start + size < len(self.results) else None
        found = {"results": self.results[start : start + size], "next_cursor": more}
        return JSONResponse({**found, "language": "de", "took_ms": 12, **self.around})

    async def chat(self, request: Request) -> Response:
        if refused := self.refuse(request):
            return refused
        self.bodies.append(await request.json())
        tokens = [str(b["text"]) for k, b in self.stream if k == "token"]  # type: ignore[index]
        return JSONResponse(
            {
                "conversation_id": "c1",
                "message_id": "m1",
                "state": "answer",
                "answer": "".join(tokens),
                "citations": [body for kind, body in self.stream if kind == "citation"],
                "answerer": "extractive",
            }
        )

    async def chat_stream(self, request: Request) -> Response:
        if refused := self.refuse(request):
            return refused
        self.bodies.append(await request.json())

        async def lines() -> AsyncIterator[str]:
            yield ": keep-alive\n\n"
            for kind, body in self.stream:
                yield f"event: {kind}\ndata: {json.dumps(body)}\n\n"
                await asyncio.sleep(0)

        return StreamingResponse(lines(), media_type="text/event-stream")

    # -- sockets -------------------------------------------------------------------------------

    async def socket(self, websocket: WebSocket) -> None:
        protocols = websocket.scope["subprotocols"]
        token = next((p.removeprefix("bearer.") for p in protocols if p.startswith("bearer.")), "")
        if token not in self.tokens:
            await websocket.close(4401)
            return
        self.connections += 1
        await websocket.accept(subprotocol="kontor.v1")
        try:
            while True:
                frame = await websocket.receive_json()
                if frame["action"] == "subscribe":
                    if self.drops_sockets:
                        self.drops_sockets -= 1
                        await websocket.close(1001)
                        return
                    self.subscribers.append(websocket)
                    await websocket.send_json({"type": "subscribed", "topic": frame["topic"]})
        except WebSocketDisconnect:
            if websocket in self.subscribers:
                self.subscribers.remove(websocket)

    def application(self) -> Starlette:
        api = "/api/v1"
        return Starlette(
            routes=[
                Route("/auth/login", self.login, methods=["POST"]),
                Route("/auth/login/second-factor", self.second_factor, methods=["POST"]),
                Route("/auth/refresh", self.renew, methods=["POST"]),
                Route("/auth/me", self.me),
                Route(f"{api}/endpoints", self.endpoints),
                Route(f"{api}/assets", self.assets, methods=["POST"]),
                Route("/bucket", self.bucket, methods=["POST"]),
                Route(f"{api}/jobs", self.list_jobs),
                Route(f"{api}/jobs/{{id}}", self.one_job),
                Route(f"{api}/documents", self.list_documents),
                Route(
                    f"{api}/documents/{{id}}", self.one_document, methods=["GET", "PATCH", "DELETE"]
                ),
                Route(f"{api}/documents/{{id}}/versions/{{number}}/text", self.text),
                Route(f"{api}/documents/{{id}}/trace", self.trace),
                Route(f"{api}/search", self.search, methods=["POST"]),
                Route(f"{api}/chat", self.chat, methods=["POST"]),
                Route("/_url/stream", self.chat_stream, methods=["POST"]),
                Route("/_url/stream/agents/runs", self.chat_stream, methods=["POST"]),
                WebSocketRoute("/ws", self.socket),
                Route("/stored/{name}", self.stored),
                Route(
                    f"{api}/{{path:path}}",
                    self.anything,
                    methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
                ),
            ]
        )


class Serving:
    """Runs a FakeKontor in a thread until it is stopped."""

    def __init__(self, kontor: FakeKontor, port: int = 0) -> None:
        listening = take_port(port, purpose="a test")
        kontor.port = listening.getsockname()[1]
        config = uvicorn.Config(
            kontor.application(),
            log_level="critical",
            ws="websockets-sansio",
            lifespan="off",
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self._socket = listening
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [listening]}, daemon=True
        )
        self._thread.start()
        deadline = time.monotonic() + 10
        while not self._server.started:
            assert time.monotonic() < deadline, "the test server does not start"
            time.sleep(0.005)

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(10)
        self._socket.close()
