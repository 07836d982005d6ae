"""Lambda entry point of functions/llm: an ASGI application for the streaming runtime."""

from __future__ import annotations

from functions.edge.http import make_app
from functions.llm.routes import router

app = make_app("llm", verifies_callers=True)
app.include_router(router)
handler = app
