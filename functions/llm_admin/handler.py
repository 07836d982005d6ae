"""Lambda entry point of functions/llm_admin."""

from __future__ import annotations

from functions.edge.http import lambda_handler, make_app
from functions.llm_admin.routes import router

app = make_app("llm_admin")
app.include_router(router)
handler = lambda_handler(app)
