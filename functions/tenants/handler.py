"""Lambda entry point of functions/tenants."""

from __future__ import annotations

from functions.edge.http import lambda_handler, make_app
from functions.tenants.routes import router

app = make_app("Tenants")
app.include_router(router)
handler = lambda_handler(app)
