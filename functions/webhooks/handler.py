"""Lambda entry point of functions/webhooks."""

from __future__ import annotations

from functions.edge.http import lambda_handler, make_app
from functions.webhooks.routes import router

app = make_app("Webhooks")
app.include_router(router)
handler = lambda_handler(app)
