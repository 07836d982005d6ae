"""The Lambda entry of limits."""

from __future__ import annotations

from functions.edge.http import lambda_handler, make_app
from functions.limits.routes import router

app = make_app("Limits")
app.include_router(router)
handler = lambda_handler(app)
