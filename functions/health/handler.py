"""The Lambda entry of health."""

from __future__ import annotations

from functions.edge.http import lambda_handler, make_app
from functions.health.routes import router

app = make_app("Health")
app.include_router(router)
handler = lambda_handler(app)
