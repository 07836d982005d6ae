"""HTTP: what other systems tell us, signed."""
