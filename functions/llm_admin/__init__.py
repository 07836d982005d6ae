"""Managing language models over HTTP: routes, budgets, what was spent, a test call."""
