"""Lambda entry point of functions/reprocess."""

from __future__ import annotations

from functions.edge.http import lambda_handler, make_app
from functions.reprocess.routes import router

app = make_app("reprocess")
app.include_router(router)
handler = lambda_handler(app)
