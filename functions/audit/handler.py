"""Lambda entry point of functions/audit."""

from __future__ import annotations

from functions.audit.routes import router
from functions.edge.http import lambda_handler, make_app

app = make_app("Audit")
app.include_router(router)
handler = lambda_handler(app)
