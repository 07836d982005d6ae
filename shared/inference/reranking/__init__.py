"""Reranking: looks at the best passages once more, with the question beside each.

Promises: a reranker changes the order and nothing else, is handed everything it works with, and
says why when it cannot work; nothing here downloads a model.
"""
