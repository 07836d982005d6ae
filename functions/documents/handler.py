"""Lambda entry point of functions/documents."""

from __future__ import annotations

from functions.documents.routes import router
from functions.edge.http import lambda_handler, make_app

app = make_app("documents")
app.include_router(router)
handler = lambda_handler(app)
