"""The Lambda entry of auth."""

from __future__ import annotations

from functions.auth.routes import router
from functions.edge.http import lambda_handler, make_app

app = make_app("Auth")
app.include_router(router)
handler = lambda_handler(app)
