"""Settings for reading, and reading or embedding anew: the API of administrators."""
