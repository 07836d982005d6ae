"""Lambda entry point of functions/hooks."""

from __future__ import annotations

from functions.edge.http import lambda_handler, make_app
from functions.hooks.routes import router

app = make_app("Hooks")
app.include_router(router)
handler = lambda_handler(app)
