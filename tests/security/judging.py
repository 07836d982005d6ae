"""How an answer to a hostile request is judged: never a failure, always as documented."""

from __future__ import annotations

from tests.security.api import Api, Operation, Reply

FAILURE, UNAVAILABLE = 500, 503
# Asking a language model of one's own: it is away, and that is what a trial is to find out.
AWAY = {"POST /api/v1/llm/trials"}
TEXTS = [
    "\0",
    "a\ud800b",
    "\x01\x1b[31m\x7f\r\nSet-Cookie: a=b",
    "../../../../etc/passwd",
    "..%2f..%5c%00.pdf",
    "'; DROP TABLE kontor.users; -- {{7*7}} ${jndi:ldap://x} <script>alert(1)</script>",
    "\u202egpj.exe\u200b\ufeff\U0001f4a9\u0301" + "\u0300" * 50,
]


def complaints(api: Api, operation: Operation, reply: Reply, where: str) -> list[str]:
    """Say what is wrong with an answer; nothing when it is right."""
    is_away = reply.status == UNAVAILABLE and operation.key in AWAY
    if reply.status >= FAILURE and not is_away:
        return [f"{operation.key}: {where}: {reply.status} {reply.body[:200]!r}"]
    complaint = api.undocumented(operation, reply)
    return [f"{complaint} ({where})"] if complaint else []
