"""Lambda entry point of functions/chat_stream: an ASGI application for the streaming runtime."""

from __future__ import annotations

from functions.chat_stream.agent_routes import router as agent_router
from functions.chat_stream.routes import router
from functions.edge.http import make_app

app = make_app("chat_stream", verifies_callers=True)
app.include_router(router)
app.include_router(agent_router)
handler = app
