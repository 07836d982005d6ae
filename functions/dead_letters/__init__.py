"""HTTP: administrators see what was given up on, and set it going again."""
