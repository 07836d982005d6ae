"""HTTP: the trail for whoever may read it: list, check, export."""
