"""Lambda entry point of functions/chat."""

from __future__ import annotations

from functions.chat.routes import router
from functions.edge.http import lambda_handler, make_app

app = make_app("chat")
app.include_router(router)
handler = lambda_handler(app)
