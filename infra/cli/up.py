"""`kontor up`: the whole system in one process tree, ready when it says so, gone after Ctrl-C."""

from __future__ import annotations

HTTP_PORT = 3000
AWS_PORT = 3001
MODEL_FOLDER = "models"
