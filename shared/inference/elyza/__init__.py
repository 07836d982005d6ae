"""Elyza: a conversation engine of rules, for small talk and for when there is nothing to quote.

It follows Weizenbaum's ELIZA (1966): keywords with ranks, patterns that take a sentence apart,
templates that put it together again, reflected pronouns and a memory. It states no facts, asks no
model and needs no network. What it says is data: one script per language.
"""
