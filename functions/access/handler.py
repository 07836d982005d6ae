"""Lambda entry point of functions/access."""

from __future__ import annotations

from functions.access.routes import router
from functions.edge.http import lambda_handler, make_app

app = make_app("access")
app.include_router(router)
handler = lambda_handler(app)
