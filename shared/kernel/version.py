"""The product's version, readable where the package's metadata is not deployed."""

from __future__ import annotations

VERSION = "0.1.0"
