"""``python -m kontor_stream package.module.handler``: serve that handler until Lambda stops us."""

from __future__ import annotations

import sys

from kontor_stream.runtime import serve

if __name__ == "__main__":
    serve(sys.argv[1])
