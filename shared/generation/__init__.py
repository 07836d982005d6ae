"""Generation: language models of any provider, chosen by a tenant's routes and kept to its budgets.

Promises: keys are secrets' names and appear in no row, log or error; no tokens are spent that a
budget does not have; a model that fails gives way to the next, and the last resort is to raise
UnavailableError, upon which answers are extracted instead. Nothing is imported, called or sent
while no model is configured.
"""
