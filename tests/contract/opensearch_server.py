"""A small server that speaks the part of OpenSearch's API that Kontor uses, and records it.

No OpenSearch: it counts shared words and multiplies vectors, just enough to see whether what was
written is what is found, and to misbehave on demand. Its replies follow the API specification.
"""

from __future__ import annotations

import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from tests.contract.opensearch_spec import Exchange

SHARDS = {"total": 1, "successful": 1, "skipped": 0, "failed": 0}


@dataclass
class Cluster:
    """What the server holds and what it was asked; ``failing`` is the status of every answer."""

    indexes: dict[str, dict[str, Any]] = field(default_factory=dict)
    pipelines: dict[str, Any] = field(default_factory=dict)
    documents: dict[str, dict[str, Any]] = field(default_factory=dict)
    exchanges: list[Exchange] = field(default_factory=list)
    failing: int = 0
    forged: list[dict[str, Any]] = field(default_factory=list)

    def answer(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        if self.failing:
            return self.failing, {"error": {"type": "forced", "reason": "x"}, "status": 1}
        first, *rest = path.strip("/").split("/")
        if path.startswith("/_search/pipeline/"):
            self.pipelines[rest[-1]] = body
            return 200, {"acknowledged": True}
        if not rest:
            return self._index(method, first, body)
        return {
            "_bulk": self._bulk,
            "_delete_by_query": self._delete,
            "_search": self._search,
            "_refresh": lambda *_: (200, {"_shards": {"total": 1, "successful": 1, "failed": 0}}),
        }[rest[0]](first, body)

    def _index(self, method: str, name: str, body: Any) -> tuple[int, Any]:
        if method == "HEAD":
            return (200 if name in self.indexes else 404), None
        self.indexes[name] = body
        return 200, {"acknowledged": True, "shards_acknowledged": True, "index": name}

    def _bulk(self, name: str, lines: list[dict[str, Any]]) -> tuple[int, Any]:
        items = []
        for action, document in zip(lines[::2], lines[1::2], strict=True):
            chunk_id = action["index"]["_id"]
            assert set(document) <= set(self.indexes[name]["mappings"]["properties"])
            self.documents[chunk_id] = document
            done = {"_index": name, "_id": chunk_id, "_version": 1, "result": "created"}
            shards = {"total": 1, "successful": 1, "failed": 0}
            numbers = {"_seq_no": 0, "_primary_term": 1, "status": 201}
            items.append({"index": {**done, "_shards": shards, **numbers}})
        return 200, {"took": 1, "errors": False, "items": items}

    def _delete(self, _: str, body: Any) -> tuple[int, Any]:
        gone = [i for i, each in self.documents.items() if fits(body["query"], each)]
        for chunk_id in gone:
            del self.documents[chunk_id]
        counts = {"total": len(gone), "deleted": len(gone), "batches": 1, "version_conflicts": 0}
        times = {"took": 1, "timed_out": False, "noops": 0, "throttled_millis": 0}
        rest = {"retries": {"bulk": 0, "search": 0}, "requests_per_second": -1.0}
        return 200, {**counts, **times, **rest, "throttled_until_millis": 0, "failures": []}

    def _search(self, name: str, body: Any) -> tuple[int, Any]:
        words, near = body["query"]["hybrid"]["queries"]
        asked = tokens(words["bool"]["must"][0]["multi_match"]["query"])
        vector = near["knn"]["vector"]["vector"]
        hits = []
        for chunk_id, each in self.documents.items():
            only = {"bool": {"filter": words["bool"]["filter"]}}
            if fits(only, each) and fits(near["knn"]["vector"]["filter"], each):
                said = len(asked & tokens(each["content"])) / len(asked)
                dense = sum(a * b for a, b in zip(vector, each["vector"], strict=True))
                score = (said + max(dense, 0)) / 2
                hits.append({"_index": name, "_id": chunk_id, "_score": score})
        hits = sorted([*hits, *self.forged], key=lambda hit: -hit["_score"])[: body["size"]]
        total = {"value": len(hits), "relation": "eq"}
        best = hits[0]["_score"] if hits else None
        found = {"total": total, "max_score": best, "hits": hits}
        return 200, {"took": 1, "timed_out": False, "_shards": SHARDS, "hits": found}


def fits(query: dict[str, Any], document: dict[str, Any]) -> bool:
    """Tell whether a document passes filters made of bool, term and terms."""
    ((kind, said),) = query.items()
    if kind == "bool":
        should = said.get("should")
        return all(fits(each, document) for each in said.get("filter", ())) and (
            should is None or any(fits(each, document) for each in should)
        )
    ((name, wanted),) = said.items()
    return document[name] == wanted["value"] if kind == "term" else document[name] in wanted


def tokens(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.casefold()))


class Serving:
    """Runs a Cluster on a free port of 127.0.0.1 until it is closed."""

    def __init__(self, cluster: Cluster) -> None:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                pass

            def _go(self) -> None:
                text = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
                path = urlsplit(self.path).path
                body: Any = None
                if path.endswith("/_bulk"):
                    assert text.endswith("\n")
                    body = [json.loads(line) for line in text.splitlines()]
                elif text:
                    body = json.loads(text)
                status, reply = cluster.answer(self.command, path, body)
                cluster.exchanges.append(Exchange(self.command, self.path, body, status, reply))
                content = b"" if reply is None else json.dumps(reply).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(content)

            do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _go  # noqa: N815 - the library's names

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)
