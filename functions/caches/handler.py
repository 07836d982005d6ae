"""Lambda entry point of functions/caches."""

from __future__ import annotations

from functions.caches.routes import router
from functions.edge.http import lambda_handler, make_app

app = make_app("Caches")
app.include_router(router)
handler = lambda_handler(app)
