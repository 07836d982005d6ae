"""Lambda entry point of functions/query."""

from __future__ import annotations

from functions.edge.http import lambda_handler, make_app
from functions.query.routes import router

app = make_app("query")
app.include_router(router)
handler = lambda_handler(app)
