"""Lambda entry point of functions/upload."""

from __future__ import annotations

from functions.edge.http import lambda_handler, make_app
from functions.upload.routes import router

app = make_app("upload", takes_files=True)
app.include_router(router)
handler = lambda_handler(app)
