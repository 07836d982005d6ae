"""HTTP: is it alive, what is wrong with its parts, and where its other addresses are."""
