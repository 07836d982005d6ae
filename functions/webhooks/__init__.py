"""HTTP: whom to tell what has happened, what was told, and who may tell us something."""
