"""Lambda entry point of functions/conversations."""

from __future__ import annotations

from functions.conversations.routes import router
from functions.edge.http import lambda_handler, make_app

app = make_app("conversations")
app.include_router(router)
handler = lambda_handler(app)
