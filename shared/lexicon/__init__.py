"""Lexicon: the words of a tenant's library, cut out of texts, weighed, and counted.

Promises: the vectors made here are those the database defines, place by place; counts always equal
a recount of what is indexed, and a word that nobody says any more leaves no trace.
"""
