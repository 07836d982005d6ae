"""Lambda entry point of functions/openai: an ASGI application for the streaming runtime."""

from __future__ import annotations

from functions.edge.http import make_app
from functions.openai.errors import speak_openai
from functions.openai.routes import router

app = make_app("openai", verifies_callers=True)
speak_openai(app)
app.include_router(router)
handler = app
